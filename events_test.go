package multiaccount_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/multiaccount-go/multiaccount"
)

// One event for each transition, and none for what changed nothing.
func TestEventsOfTransitions(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	intent := func() { b.post("/link/p/a") }
	for _, step := range []struct {
		name           string
		act            func()
		action         string
		from, to, path string
	}{
		{"sign in", func() { b.signIn("a") }, "session.created", "", "a", "/sign-in"},
		{"sign in again", func() { b.signIn("a") }, "session.reauthenticated", "a", "a", "/sign-in"},
		{"begin", intent, "link.begun", "a", "a", "/link/p/a"},
		{"cancel", func() { b.post("/link/cancel") }, "link.cancelled", "a", "a", "/link/cancel"},
		{"cancel again", func() { b.post("/link/cancel") }, "", "", "", ""},
		{"begin anew", intent, "link.begun", "a", "a", "/link/p/a"},
		{"link", func() { b.signIn("b") }, "link.completed", "a", "b", "/sign-in"},
		{"begin once more", intent, "link.begun", "b", "b", "/link/p/a"},
		{"link a member", func() { b.signIn("b") }, "link.refreshed", "b", "b", "/sign-in"},
		{"switch", func() { b.switchTo("a") }, "account.switched", "b", "a", "/link/switch_to/a"},
		{"switch to the current one", func() { b.switchTo("a") }, "", "", "", ""},
		{"look around", func() { b.get("/link/switch_to/b"); b.get("/page"); b.get("/link/choose") }, "", "", "", ""},
		{"sign one out", func() { b.post("/link/sign_out/a") }, "account.signed_out", "a", "", "/link/sign_out/a"},
		{"choose", func() { b.switchTo("b") }, "account.switched", "", "b", "/link/switch_to/b"},
		{"sign in as another", func() { b.signIn("c") }, "session.replaced", "b", "c", "/sign-in"},
		{"sign out", func() { b.post("/link/sign_out") }, "session.ended", "c", "", "/link/sign_out"},
	} {
		s.audit.take()
		step.act()
		events := s.audit.take()
		if step.action == "" {
			if len(events) > 0 {
				t.Errorf("%s: %+v", step.name, events)
			}
			continue
		}
		if len(events) != 1 {
			t.Errorf("%s: %d events: %+v", step.name, len(events), events)
			continue
		}
		e := events[0]
		if e.Action != step.action || e.From != step.from || e.To != step.to || e.Path != step.path || e.Method != "POST" ||
			e.Code != "" {
			t.Errorf("%s: %+v", step.name, e)
		}
		if e.Session == "" || e.ID.Version() != 7 || !e.Time.Equal(s.clock.now()) || e.Time.Location().String() != "UTC" || e.IP == "" {
			t.Errorf("%s: %+v", step.name, e)
		}
	}
}

func TestEventsOfRefusals(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	old := b.twin()
	b.switchTo("a")
	stamp := b.stamp()
	for name, tc := range map[string]struct {
		act  func()
		code string
	}{
		"origin":       {func() { b.do("POST", "/link/switch_to/b", xform()) }, multiaccount.CodeBadOrigin},
		"app's route":  {func() { b.do("POST", "/app/act", form()) }, multiaccount.CodeStalePage},
		"htmx":         {func() { b.do("POST", "/link/cancel", hx) }, multiaccount.CodeStalePage},
		"signed out":   {func() { s.browser().get("/app") }, multiaccount.CodeNotSignedIn},
		"foreign id":   {func() { b.do("GET", "/link/switch_to/v", nav) }, multiaccount.CodeNotFound},
		"old secret":   {func() { old.do("POST", "/careless", form()) }, multiaccount.CodeStaleSession},
		"sign-in form": {func() { b.do("POST", "/sign-in", xform()) }, multiaccount.CodeBadOrigin},
		"sign out":     {func() { b.do("POST", "/out", xform()) }, multiaccount.CodeBadOrigin},
		"inside of the handler": {func() {
			b.do("POST", "/link/sign_out/b", form("_stamp", stamp, "next", "v"))
		}, multiaccount.CodeNotFound},
	} {
		s.audit.take()
		tc.act()
		events := s.audit.take()
		if len(events) != 1 || events[0].Action != "refused" || events[0].Code != tc.code || events[0].Path == "" {
			t.Errorf("%s: %+v", name, events)
		}
	}
}

func TestEventsHoldNoSecret(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("a")
	b.link("b")
	first := b.cookie()
	b.switchTo("a")
	b.do("POST", "/app/act", form("_stamp", "x"))
	events := s.audit.take()
	for _, e := range events {
		text := fmt.Sprintf("%+v", e)
		for _, secret := range []string{first, b.cookie(), first[:21], b.stamp()} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s", secret, text)
			}
		}
		if e.Session != events[0].Session {
			t.Errorf("session %s became %s", events[0].Session, e.Session)
		}
	}
}

func TestPanicOfTheAuditTrailEndsNothing(t *testing.T) {
	s := newSite(t, func(c *config) { c.OnEvent = func(context.Context, multiaccount.Event) { panic("audit") } })
	b := s.signedIn("a", "b")
	b.switchTo("a")
	b.acts(t, "a", "a")
}

// Fiber uses the memory of a request again for the next one on the same connection. Nothing that an event or a session
// keeps may be part of it: an event reads the same when all requests are over, and each connection sees its own session.
func TestNothingOfARequestIsKept(t *testing.T) {
	const connections, rounds = 4, 12
	type heard struct {
		event multiaccount.Event
		said  string
	}
	var mu sync.Mutex
	var trail []heard
	s := newSite(t, func(c *config) {
		c.OnEvent = func(_ context.Context, e multiaccount.Event) {
			mu.Lock()
			defer mu.Unlock()
			trail = append(trail, heard{e, fmt.Sprintf("%+v", e)})
		}
	})
	for i := range connections {
		id := fmt.Sprintf("user-%02d", i)
		s.people.set(user{ID: id, Name: id})
	}
	ln := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- s.app.Listener(ln) }()
	t.Cleanup(func() {
		if err := s.app.Shutdown(); err != nil {
			t.Error(err)
		}
		<-served
	})
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() { keepAlive(t, ln, fmt.Sprintf("user-%02d", i), rounds) })
	}
	wg.Wait()
	if want := connections * rounds * 2; len(trail) != want {
		t.Errorf("%d events, want %d", len(trail), want)
	}
	for _, h := range trail {
		if now := fmt.Sprintf("%+v", h.event); now != h.said {
			t.Fatalf("an event became\n%s\nit was\n%s", now, h.said)
		}
		if !strings.HasPrefix(h.event.UserAgent, "agent of "+h.event.To) {
			t.Fatalf("the event of another one: %s", h.said)
		}
	}
}

// keepAlive signs in and is refused, again and again, over one connection and with headers of changing length.
func keepAlive(t *testing.T, ln *fasthttputil.InmemoryListener, id string, rounds int) {
	client := &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: 1, DialContext: func(context.Context, string, string) (net.Conn,
			error) {
			return ln.Dial()
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	cookie := ""
	send := func(round int, method, path string, values url.Values) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+host+path, nil)
		if err != nil {
			return "", err
		}
		form()(r)
		setBody(r, "application/x-www-form-urlencoded", values.Encode())
		r.Header.Set("User-Agent", fmt.Sprintf("agent of %s in round %s%d", id, strings.Repeat("-", round%5), round))
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
		}
		response, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		for _, c := range response.Cookies() {
			if c.Name == cookieName {
				cookie = c.Value
			}
		}
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	for round := range rounds {
		_, err := send(round, "POST", "/sign-in", fields("id", id, "password", "pw-"+id))
		page, err2 := send(round, "GET", "/page", nil)
		_, err3 := send(round, "POST", "/app/act", fields("_stamp", "v1.of-"+id))
		if err := errors.Join(err, err2, err3); err != nil || !strings.HasPrefix(page, "current="+id+" ") {
			t.Errorf("%s: %v, got %q", id, err, page)
			return
		}
	}
}
