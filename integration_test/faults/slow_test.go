package faults_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestSlowRedis (case RS-09): each answer takes a tenth of a second longer. Changes stay right, and what one node has saved the other
// node shows at the next request. A call over a new connection waits for three answers, and has half a second for all of them.
func TestSlowRedis(t *testing.T) {
	server := redisserver.Start(t)
	wires := []*link{newLink(t, server), newLink(t, server)}
	one, other := sitetest.Start(t, wires[0].URL()), sitetest.Start(t, wires[1].URL())
	v := two(t, one)
	for _, wire := range wires {
		wire.Delay(100 * time.Millisecond)
	}
	for i, email := range []string{alice, bob, alice, bob} {
		n, next := one, other
		if i%2 == 1 {
			n, next = other, one
		}
		before := v.Document(next)
		v.Switch(n, email)
		if got := v.Document(next).CurrentEmail(); got != email {
			t.Errorf("after a switch to %s the other node shows %s", email, got)
		}
		a := v.Post(next, "/notes", url.Values{"_stamp": {before.Stamp}, "text": {"of the page before"}})
		if a.Status != http.StatusConflict {
			t.Errorf("a page of the account before: %d", a.Status)
		}
	}
	cookie := v.CookieHeader(one)
	if a := v.Post(other, "/link/sign_out", nil); a.Status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.Status)
	}
	if d := sitetest.Holding(t, cookie).Document(one); d.State != "anonymous" {
		t.Errorf("after the sign-out the other node shows %s", d.State)
	}
}
