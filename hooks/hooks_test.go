package hooks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

func newStore() *store { return &store{MemoryStore: account.NewMemoryStore()} }

func TestViewKnowsWhomItIsMountedFor(t *testing.T) {
	s := newSite(t, newStore())
	for name, tc := range map[string]struct {
		who  *visitor
		want string
	}{
		"several accounts":  {s.signedIn("a", "b"), "current=Name-B,true primary=Name-A,true id=b"},
		"one account":       {s.signedIn("a"), "current=Name-A,true primary=,false id=a"},
		"nobody":            {s.signedIn(), "current=,false primary=,false id= stamp=<"},
		"nobody but choice": {choosing(s), "current=,false primary=Name-A,true id= stamp=v1."},
	} {
		t.Run(name, func(t *testing.T) {
			if a := tc.who.do("GET", "/live", nil); a.Status != 200 || !strings.Contains(a.Body, tc.want) {
				t.Errorf("page: %d %s, want %s", a.Status, a.Body, tc.want)
			}
			_, first := tc.who.open("/live")
			if !strings.Contains(first, tc.want) || !strings.Contains(first, "stamp="+tc.who.stamp()+"<") {
				t.Errorf("socket: %s, want %s", first, tc.want)
			}
		})
	}
}

// choosing returns a browser in whose session nobody is current.
func choosing(s *site) *visitor {
	v := s.signedIn("a", "b", "c")
	v.post("/link/sign_out/c")
	return v
}

func TestEventIsExecutedWithTheStampOfItsAccountOnly(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	asB := v.stamp()
	v.post("/link/switch_to/a")
	asA := v.stamp()
	foreign := s.signedIn("a").stamp()
	for name, stamp := range map[string]string{
		"another account's": asB, "missing": "", "of another session of the same person": foreign, "junk": "v1.junk",
		"cut off": asA[:len(asA)-1],
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := v.open("/mine")
			before := s.done()
			c.write("never", stamp)
			c.hears("session-changed", "stale_page")
			if s.done() != before {
				t.Fatalf("it acted: %s", s.done())
			}
			c.write("well", asA) // the socket stays, and so does its account
			c.reads("noted well")
			if got := strings.TrimSpace(before + " a:well"); s.done() != got {
				t.Errorf("rows %q, want %q", s.done(), got)
			}
		})
	}
	t.Run("in what htmx says of the request", func(t *testing.T) {
		c, _ := v.open("/mine")
		said := map[string]string{"_stamp": asA, "X-Account-Stamp": asA}
		if err := c.WriteJSON(map[string]any{"text": "never", "HEADERS": said, "headers": said}); err != nil {
			t.Fatal(err)
		}
		c.hears("session-changed", "stale_page")
	})
	if strings.Contains(s.done(), "never") {
		t.Errorf("rows %q", s.done())
	}
}

func TestSocketFollowsItsSession(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	old, _ := v.open("/mine")
	v.post("/link/switch_to/a")
	for _, id := range []string{"a", "b"} {
		if err := s.accounts.Hub().Publish(t.Context(), topic(id), nil); err != nil {
			t.Fatal(err)
		}
	}
	next, first := v.open("/mine")
	if !strings.Contains(first, "current=Name-A,true primary=Name-A,true id=a") {
		t.Errorf("the next socket begins with %s", first)
	}
	next.write("as a", v.stamp())
	next.reads("noted as a")
	old.hears("session-changed", "") // and no frame of either account
	old.closes(1012)

	v.post("/link/sign_out")
	next.hears("session-ended", "")
	next.closes(1008)
	if _, status := v.dial("/mine"); status != 401 {
		t.Errorf("after signing out: %d", status)
	}
}

// The event was found to be b's. Before it runs, the person switches to a in another tab, and is told that it is done.
func TestSwitchBetweenGuardAndEvent(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	c, _ := v.open("/mine")
	asB := v.stamp()
	reached, switched := make(chan struct{}), make(chan struct{})
	s.holding(func() { close(reached); <-switched })
	c.write("never", asB)
	<-reached
	v.post("/link/switch_to/a")
	close(switched)
	c.hears("session-changed", "")
	c.closes(1012)
	s.holding(nil)
	again, _ := v.open("/mine")
	again.write("as a", v.stamp())
	again.reads("noted as a")
	if s.done() != "a:as a" {
		t.Errorf("rows %q", s.done())
	}
}

// The event has begun, and before it commits somebody switches on another node, whose message is lost.
func TestSwitchBetweenEventAndCommit(t *testing.T) {
	memory := account.NewMemoryStore()
	s, elsewhere := newSite(t, &store{MemoryStore: memory, deaf: true}), newSite(t, &store{MemoryStore: memory})
	reached, switched := make(chan struct{}), make(chan struct{})
	hold := false
	s.commit = func() {
		if hold {
			close(reached)
			<-switched
		}
		hold = true
	}
	v := s.signedIn("a", "b")
	c, _ := v.open("/mine")
	asB := v.stamp()
	c.write("well", asB)
	c.reads("noted well")
	c.write("never", asB)
	<-reached
	v.at(elsewhere).post("/link/switch_to/a")
	close(switched)
	c.hears("session-changed", "stale_page")
	c.closes(1012)
	if s.done() != "b:well" {
		t.Errorf("rows %q", s.done())
	}
}

// Another process changes the session, and the message about it is still under way or lost. The record knows.
func TestEventAfterAChangeThatNobodyTold(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(elsewhere *visitor)
		kind   string
		code   int
	}{
		"a switch": {func(e *visitor) { e.post("/link/switch_to/a") }, "session-changed", 1012},
		"a switch and back, so that the stamp is right": {func(e *visitor) {
			e.post("/link/switch_to/a")
			e.post("/link/switch_to/b")
		}, "session-changed", 1012},
		"the sign-out of this account": {func(e *visitor) { e.post("/link/sign_out/b", "next", "a") }, "session-changed", 1012},
		"the sign-out of everything":   {func(e *visitor) { e.post("/link/sign_out") }, "session-ended", 1008},
	} {
		t.Run(name, func(t *testing.T) {
			memory := account.NewMemoryStore()
			s, elsewhere := newSite(t, &store{MemoryStore: memory, deaf: true}), newSite(t, &store{MemoryStore: memory})
			v := s.signedIn("a", "b")
			c, _ := v.open("/mine")
			stamp := v.stamp()
			tc.change(v.at(elsewhere))
			c.write("never", stamp)
			c.hears(tc.kind, "stale_page")
			c.closes(tc.code)
			if s.done() != "" {
				t.Errorf("it acted: %s", s.done())
			}
		})
	}
}

func TestEventOfADeactivatedUserIsRefused(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	c, _ := v.open("/mine")
	stamp := v.stamp()
	s.deactivate("b")
	c.write("never", stamp)
	c.hears("session-changed", "stale_page")
	c.closes(1012)
	if s.done() != "" {
		t.Errorf("it acted: %s", s.done())
	}
	if _, status := v.dial("/mine"); status != 401 { // the handshake takes the account out of action
		t.Errorf("the next socket: %d", status)
	}
	if _, first := v.open("/live"); !strings.Contains(first, "current=,false") {
		t.Errorf("a view for those who choose begins with %s", first)
	}
}

func TestRequireUserLetsNobodyAnonymousIn(t *testing.T) {
	s := newSite(t, newStore())
	for _, path := range []string{"/mine", "/only"} {
		for name, tc := range map[string]struct {
			who     *visitor
			leadsTo string
		}{
			"nobody":      {s.signedIn(), "/session/new?request_path=%2F" + path[1:]},
			"only choice": {choosing(s), "/link/choose?return_to=%2F" + path[1:]},
		} {
			t.Run(name+" "+path, func(t *testing.T) {
				if a := tc.who.do("GET", path, nil); a.Status != 303 || a.Header.Get("Location") != tc.leadsTo {
					t.Errorf("page: %d %s, want 303 %s", a.Status, a.Header.Get("Location"), tc.leadsTo)
				}
				if c, status := tc.who.dial(path); c != nil || status != 401 {
					t.Errorf("socket: %d, want 401", status)
				}
			})
		}
		if _, first := s.signedIn("a").open(path); !strings.Contains(first, "current=") {
			t.Errorf("%s with an account: %s", path, first)
		}
	}
}

// In the grace of a rotated secret the browser may look, as its new cookie is under way; a socket would outlive the grace.
func TestPageInTheGraceIsDrawnAndItsSocketIsNot(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	old := v.at(s)
	v.post("/link/switch_to/a")
	for _, path := range []string{"/live", "/mine", "/bare"} {
		if a := old.do("GET", path, nil); a.Status != 200 || !strings.Contains(a.Body, "id=a") {
			t.Errorf("%s: page %d %s", path, a.Status, a.Body)
		}
		if c, status := old.dial(path); c != nil || status != 409 {
			t.Errorf("%s: socket %d, want 409", path, status)
		}
	}
}

func TestStoreDoesNotAnswer(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a")
	stamp := v.stamp()
	c, _ := v.open("/bare")
	s.store.down.Store(true)
	for _, path := range []string{"/bare", "/live", "/mine", "/only"} {
		if a := v.do("GET", path, nil); a.Status != 503 {
			t.Errorf("%s: page %d %s", path, a.Status, a.Body)
		}
		if c, status := v.dial(path); c != nil || status != 503 {
			t.Errorf("%s: socket %d, want 503", path, status)
		}
	}
	c.write("never", stamp)
	c.hears("refused", "store_unavailable")
	s.store.down.Store(false)
	c.write("later", stamp) // the socket outlives the outage
	c.reads("noted later")
	if s.done() != "a:later" {
		t.Errorf("rows %q", s.done())
	}
}

// A view for everybody has no account that could be mistaken for another: its events carry no stamp.
func TestEventsOfVisitorsNeedNoStamp(t *testing.T) {
	s := newSite(t, newStore())
	c, _ := s.signedIn().open("/live")
	c.write("hello", "")
	c.reads("noted hello")
	if s.done() != ":hello" {
		t.Errorf("rows %q", s.done())
	}
}

// Two tabs of one session show the same account, and each hears its news; another person's tab does not.
func TestNewsReachTheViewsOfTheirAccount(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	var tabs []*client
	for range 2 {
		c, _ := v.open("/mine")
		tabs = append(tabs, c)
	}
	other, _ := s.signedIn("c").open("/mine")
	for _, id := range []string{"b", "c"} {
		if err := s.accounts.Hub().Publish(t.Context(), topic(id), nil); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range append(tabs, other) {
		want := []string{"b", "b", "c"}[i]
		c.reads(fmt.Sprintf("news of %s<", want))
	}
}
