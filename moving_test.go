package multiaccount_test

import (
	"fmt"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
)

// TestMovingHouse: a person is signed in while all processes go over to another store, one after the other. She never signs
// in again, and her tabs follow, whichever process they are open on.
func TestMovingHouse(t *testing.T) {
	old, fresh := account.NewMemoryStore(), account.NewMemoryStore()
	var (
		oldAlone   account.Store = old
		freshAlone account.Store = fresh
		oldLeads                 = moving.New(old, fresh, moving.Options{})
		newLeads                 = moving.New(old, fresh, moving.Options{Lead: moving.NewLeads})
	)
	on := func(store account.Store) *site { return newSite(t, func(c *config) { c.Store = store }) }
	b := on(oldAlone).signedIn("a", "b")

	for _, step := range []struct {
		name        string
		stays, next account.Store
	}{
		{"some processes let the old store lead", oldAlone, oldLeads},
		{"some processes let the new store lead", oldLeads, newLeads},
		{"some processes use the new store alone", newLeads, freshAlone},
		{"all processes use the new store alone", freshAlone, freshAlone},
	} {
		t.Run(step.name, func(t *testing.T) {
			processes := [2]*site{on(step.stays), on(step.next)}
			var tabsOn [2]*listener
			for i, process := range processes {
				tabsOn[i] = process.listen()
			}
			for i, process := range []*site{processes[1], processes[0], processes[1]} {
				b.site = process
				before := b.document()
				if before.State != account.StateMulti {
					t.Fatalf("state is %s, want that she is still signed in", before.State)
				}
				path := fmt.Sprint("/link/live?v=", before.Version)
				tabs := []*socket{tabsOn[0].open(b, path), tabsOn[1].open(b, path)}
				for _, tab := range tabs {
					if v := tab.hears("hello"); v != before.Version {
						t.Errorf("hello of version %d, want %d", v, before.Version)
					}
				}
				to := map[bool]string{true: "b", false: "a"}[before.Current.ID == "a"]
				if a := b.switchTo(to); a.Status >= 400 {
					t.Fatalf("switch %d: %d", i, a.Status)
				}
				for _, tab := range tabs {
					if v := tab.hears("session-changed"); v != before.Version+1 {
						t.Errorf("told of version %d, want %d", v, before.Version+1)
					}
				}
				b.acts(t, to, "a")
			}
		})
	}
}

// TestSigningOutWhileMoving: who signs out on one process is signed out on all, and every tab is told.
func TestSigningOutWhileMoving(t *testing.T) {
	old, fresh := account.NewMemoryStore(), account.NewMemoryStore()
	processes := []*site{
		newSite(t, func(c *config) { c.Store = moving.New(old, fresh, moving.Options{}) }),
		newSite(t, func(c *config) { c.Store = moving.New(old, fresh, moving.Options{Lead: moving.NewLeads}) }),
	}
	tabsOn := []*listener{processes[0].listen(), processes[1].listen()}
	for i, process := range processes {
		for moved := range 2 {
			b := processes[0].signedIn("a", "b")
			if moved == 1 {
				b.site = processes[1]
				b.document()
			}
			b.site = processes[0]
			path := fmt.Sprint("/link/live?v=", b.document().Version)
			var tabs []*socket
			for _, l := range tabsOn {
				tab := l.open(b, path)
				tab.hears("hello")
				tabs = append(tabs, tab)
			}
			stolen := b.twin()
			b.site = process
			if a := b.post("/link/sign_out"); a.Status >= 400 {
				t.Fatalf("sign out on process %d: %d", i, a.Status)
			}
			for _, tab := range tabs {
				tab.hears("session-ended")
			}
			for _, other := range processes {
				stolen.site = other
				if state := stolen.document().State; state != account.StateAnonymous {
					t.Errorf("signed out on process %d, and with the cookie from before the state is %s", i, state)
				}
			}
		}
	}
}
