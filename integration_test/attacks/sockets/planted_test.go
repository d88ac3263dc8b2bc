package sockets_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestPlantedCookieReadsTheVictim is LK-04 over HTTP: Mallory is adding an account; the victim signs in inside of
// the session that he has planted. With his copy of the cookie from before, Mallory reads the victim's pages.
func TestPlantedCookieReadsTheVictim(t *testing.T) {
	w := site(t)
	victim, mallory := signedIn(t, w, 1), signedIn(t, w, 1)
	victim.note(w.one, "of-the-victim")
	mallory.BeginAdding(w.one)
	planted := mallory.CookieHeader(w.one)
	if a := sitetest.Holding(t, planted).Post(w.one, "/session", sitetest.Credentials(victim.who[0].email)); a.Status != http.StatusSeeOther {
		t.Fatalf("the victim signs in: %d", a.Status)
	}
	for _, path := range []string{"/notes", "/live", "/", "/link/accounts", "/link/state"} {
		a := sitetest.Holding(t, planted).Get(w.two, path)
		if strings.Contains(a.Body, "of-the-victim") || strings.Contains(a.Body, victim.who[0].name) {
			t.Errorf("GET %s with the planted cookie: %d, and shows the victim", path, a.Status)
		}
	}
}
