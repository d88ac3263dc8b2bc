package multiaccount_test

import (
	"sync"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

// atOnce runs all at the same time and waits.
func atOnce(all ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, fn := range all {
		wg.Go(func() { <-start; fn() })
	}
	close(start)
	wg.Wait()
}

// Tabs that switch at the same time: one goes through, the others are told, and the browser ends with a cookie that works.
func TestSwitchesAtOnce(t *testing.T) {
	s := newSite(t)
	for range 10 {
		b := s.signedIn("a", "b", "c")
		stamp, version := b.stamp(), b.document().Version
		tabs := []*browser{b.twin(), b.twin(), b.twin(), b.twin()}
		statuses := make([]int, len(tabs))
		var all []func()
		for i, tab := range tabs {
			all = append(all, func() {
				statuses[i] = tab.do("POST", "/link/switch_to/"+[]string{"a", "b"}[i%2], program, stamped(stamp)).Status
			})
		}
		atOnce(all...)
		won := -1
		for i, status := range statuses {
			switch {
			case status == 200 && won < 0:
				won = i
			case status == 200:
				t.Errorf("two switches of one page went through: %v", statuses)
			case status != 409:
				t.Errorf("got %v", statuses)
			}
		}
		if won < 0 {
			t.Fatalf("nobody won: %v", statuses)
		}
		tabs[won].acts(t, []string{"a", "b"}[won%2], "a")
		if d := tabs[won].document(); d.Version != version+1 {
			t.Errorf("version %d, want %d", d.Version, version+1)
		}
	}
}

// Whatever is under way, a session that is signed out stays signed out.
func TestSignOutAgainstASwitch(t *testing.T) {
	s := newSite(t)
	for range 25 {
		b := s.signedIn("a", "b")
		stamp := b.stamp()
		one, two, three := b.twin(), b.twin(), b.twin()
		atOnce(
			func() { one.do("POST", "/link/switch_to/a", program, stamped(stamp)) },
			func() { two.do("POST", "/link/sign_out", program) },
			func() { three.get("/page") },
		)
		for _, tab := range []*browser{b, one, two, three} {
			if d := tab.document(); d.State != account.StateAnonymous {
				t.Fatalf("the session is back: %+v", d)
			}
		}
		if b.record() != "" {
			t.Fatal("the record is back")
		}
	}
}

// The maximum holds when the last place is asked for many times at once.
func TestLinksAtOnceStayWithinTheLimit(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.MaxLinked = 1 })
	for range 10 {
		b := s.signedIn("a")
		b.post("/link/p/a")
		tabs := []*browser{b.twin(), b.twin(), b.twin()}
		won := make([]bool, len(tabs))
		var all []func()
		for i, id := range []string{"b", "c", "e"} {
			all = append(all, func() {
				a := tabs[i].do("POST", "/sign-in", program, formBody("id", id, "password", "pw-"+id))
				won[i] = a.Status == 200
				if !won[i] && len(a.Cookies) > 0 {
					t.Errorf("a loser gets %v", a.Cookies)
				}
			})
		}
		atOnce(all...)
		count := 0
		for i := range won {
			if won[i] {
				count++
				if d := tabs[i].document(); len(d.Accounts) != 2 {
					t.Errorf("got %+v", d)
				}
			}
		}
		if count != 1 {
			t.Errorf("%d links for one place", count)
		}
	}
}

func TestFirstRequestsOfAnInactiveUserAtOnce(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	s.people.set(user{ID: "b", Inactive: true})
	tabs := []*browser{b.twin(), b.twin(), b.twin(), b.twin()}
	var all []func()
	for _, tab := range tabs {
		all = append(all, func() { tab.acts(t, "", "a") })
	}
	atOnce(all...)
	if n := s.audit.changes(); n != 1 {
		t.Errorf("%d events of one deactivation: %+v", n, s.audit.take())
	}
}
