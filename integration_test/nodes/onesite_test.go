package nodes_test

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestTwoProcessesAreOneSite walks over both nodes with one browser.
func TestTwoProcessesAreOneSite(t *testing.T) {
	s := start(t)

	t.Run("who signs in on one is signed in on the other", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		v.SignIn(s.one, alice)
		if got := v.Document(s.two).CurrentEmail(); got != alice {
			t.Errorf("the other node shows %q, want %s", got, alice)
		}
	})

	t.Run("who registers on one can sign in on the other", func(t *testing.T) {
		sitetest.NewVisitor(t).Register(s.one, "Erin Ltd", "erin@example.com")
		sitetest.NewVisitor(t).SignIn(s.two, "erin@example.com")
	})

	t.Run("an account is added on one and acts on the other", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		v.SignIn(s.one, alice)
		if a := v.BeginAdding(s.one); a.Location() != "/session/new" {
			t.Fatalf("after asking to add an account: %d to %q, want the sign-in page", a.Status, a.Location())
		}
		v.SignIn(s.two, bob)
		d := v.Document(s.one)
		if d.State != "multi" || d.CurrentEmail() != bob || len(d.Accounts) != 2 {
			t.Errorf("got %+v, want Alice and Bob, and Bob current", d)
		}
		v.Switch(s.one, alice)
		if got := v.Document(s.two).CurrentEmail(); got != alice {
			t.Errorf("after the switch the other node shows %q", got)
		}
	})

	t.Run("an inactive user cannot sign in, and looks like a wrong password", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		inactive := v.Post(s.one, "/session", sitetest.Credentials(dave))
		wrong := v.Post(s.one, "/session", url.Values{"email": {dave}, "password": {"wrong"}})
		if inactive.Status != http.StatusUnprocessableEntity || inactive.Body != wrong.Body {
			t.Errorf("got %d, and the same page: %v; want 422 and the same page", inactive.Status, inactive.Body == wrong.Body)
		}
	})

	t.Run("the way back after signing in", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		away := v.Get(s.one, "/private")
		if away.Status != http.StatusSeeOther || away.Location() != "/session/new?request_path=%2Fprivate" {
			t.Fatalf("GET /private signed out: %d to %q", away.Status, away.Location())
		}
		form := v.Form(v.Get(s.two, away.Location()), "/session")
		for name, value := range sitetest.Credentials(alice) {
			form[name] = value
		}
		if back := v.Post(s.two, "/session", form); back.Location() != "/private" {
			t.Errorf("after signing in: %d to %q, want /private", back.Status, back.Location())
		}
	})
}

// TestDeactivationReachesEveryNode: the user who acts on one node is made inactive on the other.
func TestDeactivationReachesEveryNode(t *testing.T) {
	s := start(t)
	staff := sitetest.NewVisitor(t)
	staff.SignIn(s.two, carol)
	status := func(id, to string) {
		t.Helper()
		a := staff.Post(s.two, "/demo/users/"+id+"/status", url.Values{"status": {to}})
		if a.Status != http.StatusSeeOther {
			t.Fatalf("status %s: %d\n%s", to, a.Status, a.Body)
		}
	}

	v := sitetest.NewVisitor(t)
	v.SignIn(s.one, alice)
	v.Add(s.one, bob)
	tab := v.Open(s.one, v.Document(s.one).V)
	bobs, _ := v.Document(s.one).Find(bob)
	status(bobs.ID, "inactive")
	if m := tab.Next(2 * time.Second); m.Type != "session-changed" || m.Reason != "deactivated" {
		t.Errorf("the open tab is told %+v", m)
	}
	d := v.Document(s.one)
	if was, _ := d.Find(bob); d.State != "choosing" || d.Current != nil || was.Status != "inactive" {
		t.Errorf("got %+v, want that nobody acts and Bob is inactive", d)
	}
	if a := v.TrySwitch(s.one, d, bob); a.Status != http.StatusNotFound {
		t.Errorf("switch to an inactive account: %d, want 404", a.Status)
	}
	status(bobs.ID, "active")
	v.Switch(s.one, bob)
}

// TestParallelLinksAtTheMaximum: however many sign-ins race for the last places on two nodes, no account too many gets in.
func TestParallelLinksAtTheMaximum(t *testing.T) {
	s := start(t)
	const maxLinked, places, rivals = 5, 2, 4
	nodes := []*sitetest.Node{s.one, s.two}
	register := func(i int) string {
		email := fmt.Sprintf("user%d@example.com", i)
		sitetest.NewVisitor(t).Register(nodes[i%2], fmt.Sprintf("Tenant %d", i), email)
		return email
	}
	v := sitetest.NewVisitor(t)
	v.SignIn(s.one, alice)
	for i := range maxLinked - places {
		v.Add(s.one, register(i))
	}
	for place := range places {
		if a := v.BeginAdding(s.one); a.Status != http.StatusSeeOther {
			t.Fatalf("place %d: %d\n%s", place, a.Status, a.Body)
		}
		// Every rival holds the cookie of this moment, as the tabs of one browser do.
		cookie := v.SessionCookie(s.one)
		var done sync.WaitGroup
		var mu sync.Mutex
		var winners []sitetest.Answer
		var emails []string
		for i := range rivals {
			emails = append(emails, register(100*(place+1)+i))
		}
		for i, email := range emails {
			done.Go(func() {
				a := sitetest.Holding(t, sitetest.Cookie+"="+cookie).Post(nodes[i%2], "/session", sitetest.Credentials(email))
				mu.Lock()
				defer mu.Unlock()
				switch a.Status {
				case http.StatusSeeOther:
					winners = append(winners, a)
				case http.StatusConflict, http.StatusServiceUnavailable: // too late, or in too great a crowd
				default:
					t.Errorf("%s: %d\n%s", email, a.Status, a.Body)
				}
			})
		}
		done.Wait()
		if len(winners) != 1 {
			t.Fatalf("place %d: %d rivals got in, want 1", place, len(winners))
		}
		v.Take(s.one, winners[0])
	}
	for _, n := range nodes {
		if d := v.Document(n); len(d.Accounts) != 1+maxLinked {
			t.Errorf("%d accounts, want the primary and %d", len(d.Accounts), maxLinked)
		}
	}
	d := v.Document(s.two)
	a := v.Post(s.two, d.AddPath, url.Values{"_stamp": {d.Stamp}}, "Accept", "application/json")
	if a.Status != http.StatusConflict {
		t.Errorf("one more: %d, want 409\n%s", a.Status, a.Body)
	}
}
