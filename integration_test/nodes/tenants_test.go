package nodes_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// tenants is what a program is told of the tenants of whoever asks.
type tenants struct {
	Stamp   string
	Tenants []struct {
		ID, Name, Role string
		Current, Home  bool
		SwitchPath     string `json:"switch_path"`
	}
}

// in returns the path that switches to a tenant.
func (d tenants) in(name string) string {
	for _, t := range d.Tenants {
		if t.Name == name {
			return t.SwitchPath
		}
	}
	return ""
}

// where returns the name of the tenant that a visitor works in, as a node says.
func where(v *sitetest.Visitor, n *sitetest.Node) string {
	for _, t := range sitetest.JSON[tenants](v, n, "/tenants").Tenants {
		if t.Current {
			return t.Name
		}
	}
	return ""
}

// board returns the posts that a visitor sees.
func board(v *sitetest.Visitor, n *sitetest.Node) string {
	var texts []string
	for _, p := range sitetest.JSON[struct{ Posts []struct{ Text string } }](v, n, "/board").Posts {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, "|")
}

// submit fills a form of a page and sends it.
func submit(v *sitetest.Visitor, n *sitetest.Node, page, action string, fields ...string) sitetest.Answer {
	form := v.Form(v.Get(n, page), action)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.Post(n, action, form)
}

// TestTenantsOverTwoProcesses walks over both nodes: each change on one holds on the other at the next request.
func TestTenantsOverTwoProcesses(t *testing.T) {
	s := start(t)
	must := func(a sitetest.Answer, status int) sitetest.Answer {
		t.Helper()
		if a.Status != status {
			t.Fatalf("got %d, want %d\n%s", a.Status, status, a.Body)
		}
		return a
	}
	const birch = "Birch Ltd"
	owner, guest := sitetest.NewVisitor(t), sitetest.NewVisitor(t)
	owner.Register(s.one, "Acme Ltd", "erin@example.com")
	guest.SignIn(s.two, bob)
	if got := where(owner, s.two); got != "Acme Ltd" {
		t.Fatalf("whoever has registered works in %q", got)
	}

	must(submit(owner, s.two, "/tenants/new", "/tenants", "account_name", birch), http.StatusSeeOther)
	if got := where(owner, s.one); got != birch {
		t.Errorf("after creating a tenant on the other node: %q", got)
	}
	old := owner.Form(owner.Get(s.one, "/board"), "/board") // drawn in Birch
	must(submit(owner, s.one, "/board", "/board", "text", "of Birch"), http.StatusSeeOther)

	// TN-01: what somebody does not belong to looks like what does not exist.
	foreign := sitetest.JSON[tenants](owner, s.one, "/tenants").in("Acme Ltd")
	stamp := url.Values{"_stamp": {guest.Document(s.one).Stamp}}
	real := must(guest.Post(s.one, foreign, stamp), http.StatusNotFound)
	none := must(guest.Post(s.one, "/tenants/switch_to/00000000-0000-4000-8000-000000000000", stamp), http.StatusNotFound)
	if real.Body != none.Body {
		t.Errorf("a foreign tenant and none can be told apart:\n%s\n%s", real.Body, none.Body)
	}

	must(owner.Post(s.two, foreign, url.Values{"_stamp": {owner.Document(s.two).Stamp}}), http.StatusSeeOther)
	if got := board(owner, s.one); got != "" {
		t.Errorf("Acme shows the posts %q", got)
	}
	// A form that was drawn in the tenant before does nothing in this one.
	old.Set("text", "residue")
	must(owner.Post(s.one, "/board", old), http.StatusConflict)
	if got := board(owner, s.two); got != "" {
		t.Errorf("Acme shows the posts %q", got)
	}

	must(submit(owner, s.one, "/tenants/members", "/tenants/invitations", "email", bob, "role", "member"), http.StatusSeeOther)
	letters := sitetest.JSON[struct{ Letters []struct{ From, Path string } }](guest, s.two, "/mail").Letters
	if len(letters) != 1 || letters[0].From != "Acme Ltd" {
		t.Fatalf("Bob has the letters %+v", letters)
	}
	link := letters[0].Path
	other := sitetest.NewVisitor(t)
	other.SignIn(s.one, carol)
	must(other.Post(s.one, link, url.Values{"_stamp": {other.Document(s.one).Stamp}}), http.StatusConflict) // it is Bob's
	must(submit(guest, s.one, link, link), http.StatusSeeOther)
	must(guest.Get(s.two, link), http.StatusGone)
	if got := where(guest, s.two); got != "Acme Ltd" {
		t.Errorf("after accepting Bob works in %q", got)
	}
	must(submit(guest, s.two, "/board", "/board", "text", "of Bob"), http.StatusSeeOther)
	if got := board(owner, s.one); got != "of Bob" {
		t.Errorf("the owner sees %q", got)
	}

	// Whoever is removed is out at once, and his old page can do nothing.
	old = guest.Form(guest.Get(s.two, "/board"), "/board")
	old.Set("text", "after the end")
	remove := "/tenants/members/" + guest.Document(s.one).Current.ID + "/remove"
	must(submit(owner, s.one, "/tenants/members", remove), http.StatusSeeOther)
	must(guest.Post(s.two, "/board", old), http.StatusConflict)
	if guest.Get(s.two, "/board"); where(guest, s.two) != "Bob" {
		t.Errorf("who was removed works in %q", where(guest, s.two))
	}
	if got := board(owner, s.one); got != "of Bob" {
		t.Errorf("the owner sees %q", got)
	}

	// PT-23: with the user goes what nobody else works in, and the names are free again.
	must(submit(owner, s.one, "/profile", "/profile/delete"), http.StatusSeeOther)
	if got := owner.Document(s.two).State; got != "anonymous" {
		t.Errorf("after deleting the account the session is %q", got)
	}
	again := sitetest.NewVisitor(t)
	again.Register(s.two, "Acme Ltd", "erin@example.com")
	if got := board(again, s.one); got != "" || where(again, s.one) != "Acme Ltd" {
		t.Errorf("the new one of the same name shows %q in %q", got, where(again, s.one))
	}
}

// PW: a new password holds on both nodes, and the sessions of other browsers end.
func TestANewPasswordEndsTheOtherBrowsers(t *testing.T) {
	s := start(t)
	here, there := sitetest.NewVisitor(t), sitetest.NewVisitor(t)
	here.SignIn(s.one, alice)
	there.SignIn(s.two, alice)
	const next = "another horse battery staple"
	a := submit(here, s.one, "/profile", "/profile/password", "password", next, "password_confirmation", next)
	if a.Status != http.StatusSeeOther || a.Location() != "/profile" {
		t.Fatalf("change: %d to %q\n%s", a.Status, a.Location(), a.Body)
	}
	if here.Document(s.two).CurrentEmail() != alice || there.Document(s.two).State != "anonymous" {
		t.Errorf("here %+v, there %+v", here.Document(s.two), there.Document(s.two))
	}
	for password, want := range map[string]int{sitetest.Password: http.StatusUnprocessableEntity, next: http.StatusSeeOther} {
		a := sitetest.NewVisitor(t).Post(s.two, "/session", url.Values{"email": {alice}, "password": {password}})
		if a.Status != want {
			t.Errorf("%q: %d, want %d", password, a.Status, want)
		}
	}
}
