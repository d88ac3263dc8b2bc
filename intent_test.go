package multiaccount_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// intentSite has a sign-in page whose form says what it was drawn for, and an OAuth strategy that remembers it.
func intentSite(t *testing.T, change ...func(*config)) *site {
	s := newSite(t, change...)
	s.app.Get("/form", func(c *fiber.Ctx) error {
		return c.SendString(string(s.accounts.IntentField(c)) + "|" + s.accounts.Intent(c))
	})
	s.app.Get("/oauth", func(c *fiber.Ctx) error { // the state that the app gave the provider comes back with the person
		s.accounts.ClaimIntent(c, c.Query("state"))
		if err := s.accounts.CanSignIn(c); err != nil {
			return err
		}
		return s.accounts.SignIn(c, c.Query("id"), "oauth2")
	})
	return s
}

// drawn is what the sign-in form of a page that is drawn now carries in _intent.
func (b *browser) drawn() string {
	b.site.t.Helper()
	field, value, ok := strings.Cut(b.get("/form").Body, "|")
	if want := `<input type="hidden" name="_intent" value="` + value + `" autocomplete="off">`; !ok || field != want {
		b.site.t.Fatalf("got %s, want %s", field, want)
	}
	return value
}

// begin asks to add an account.
func (b *browser) begin(t *testing.T) {
	t.Helper()
	if a := b.post(b.document().AddPath, "return_to", "/page"); a.Status != http.StatusSeeOther {
		t.Fatalf("begin: %d %s", a.Status, a.Body)
	}
}

func TestIntentFieldLinks(t *testing.T) {
	s := intentSite(t)
	if got := s.browser().drawn(); got != "" {
		t.Errorf("nobody is signed in: got %q", got)
	}
	b := s.signedIn("a")
	if got := b.drawn(); got != "" {
		t.Errorf("nobody asked: got %q", got)
	}
	b.begin(t)
	nonce := b.drawn()
	if len(nonce) < 22 {
		t.Fatalf("got %q, want 128 bits", nonce)
	}
	if strings.Contains(b.do("GET", "/link/accounts", program).Body, nonce) {
		t.Error("the session document names the intent")
	}
	if a := b.signIn("b", "_intent", nonce); a.location() != "/page" {
		t.Errorf("leads to %s", a.location())
	}
	b.acts(t, "b", "a")
	if got := b.drawn(); got != "" {
		t.Errorf("after it was used: got %q", got)
	}
}

// LK-06: somebody began to add an account and left. Whoever signs in on the page that was open before, which said nothing of
// adding, gets a session of his own.
func TestAbandonedLinkOnASharedComputer(t *testing.T) {
	s := intentSite(t)
	b := s.signedIn("a")
	page := b.drawn() // a sign-in page, drawn before
	b.begin(t)
	old := b.twin()
	a := b.signIn("b", "_intent", page, "request_path", "/document")
	if a.location() != "/document" {
		t.Errorf("leads to %s, which is where the other person was", a.location())
	}
	if d := b.document(); d.State != account.StateSingle || d.Current.ID != "b" {
		t.Errorf("got %+v, want a session of b alone", d)
	}
	if old.record() != "" {
		t.Error("the session of whoever left is still there")
	}
	t.Run("a member signs in on it, and nothing of the intent is used", func(t *testing.T) {
		b := s.signedIn("a", "b")
		b.begin(t)
		if a := b.signIn("a", "_intent", "", "request_path", "/document"); a.location() != "/document" {
			t.Errorf("leads to %s", a.location())
		}
		b.acts(t, "a", "a")
	})
}

// LK-04: the thief asks to add an account and plants the cookie. The victim's sign-in page was drawn in the victim's own
// browser before, or by somebody else's session.
func TestLinkFixation(t *testing.T) {
	s := intentSite(t)
	thief := s.signedIn("m")
	thief.begin(t)
	for name, page := range map[string]string{
		"page drawn for nobody": s.browser().drawn(), "page drawn for the victim's session": s.signedIn("v").drawn(),
	} {
		t.Run(name, func(t *testing.T) {
			thief := s.signedIn("m")
			thief.begin(t)
			victim := thief.twin()
			if a := victim.signIn("v", "_intent", page); a.Status != 303 {
				t.Fatalf("got %d", a.Status)
			}
			victim.acts(t, "v", "")
			thief.acts(t, "", "")
			s.clock.advance(graceOver)
			thief.acts(t, "", "")
			if victim.cookie()[:20] == thief.cookie()[:20] {
				t.Error("the victim is in the thief's session")
			}
		})
	}
	t.Run("page with a request of the victim's own session", func(t *testing.T) {
		own := s.signedIn("v")
		own.begin(t)
		thief := s.signedIn("m")
		thief.begin(t)
		victim, nonce := thief.twin(), own.drawn()
		victim.unchanged(t, func() {
			a := victim.do("POST", "/sign-in", program, formBody("id", "b", "password", "pw-b", "_intent", nonce))
			refused(t, a, 409, multiaccount.CodeIntentExpired)
		})
		thief.acts(t, "m", "")
	})
}

// What a sign-in form may carry, by every kind of asker. CanSignIn says beforehand what SignIn will say.
func TestForeignAndUsedNonces(t *testing.T) {
	s := intentSite(t)
	fresh := func(t *testing.T) (b *browser, used, replaced, other, open string) {
		stranger := s.signedIn("v")
		stranger.begin(t)
		b = s.signedIn("a")
		b.begin(t)
		used = b.drawn()
		b.signIn("b", "_intent", used)
		b.begin(t)
		replaced = b.drawn()
		b.begin(t)
		return b, used, replaced, stranger.drawn(), b.drawn()
	}
	b, used, replaced, other, open := fresh(t)
	for name, nonces := range map[string][]string{
		"used": {used}, "replaced": {replaced}, "of another session": {other}, "made up": {strings.Repeat("A", len(open))},
		"in another case": {strings.ToUpper(open)}, "with a space": {open + " "}, "the stamp": {b.stamp()},
		"twice the open one": {open, open}, "empty and the open one": {"", open}, "the open one and another": {open, other},
	} {
		t.Run(name, func(t *testing.T) {
			pairs := []string{"id", "c", "password", "pw-c"}
			for _, nonce := range nonces {
				pairs = append(pairs, "_intent", nonce)
			}
			b.unchanged(t, func() {
				refused(t, b.do("POST", "/sign-in", program, formBody(pairs...)), 409, multiaccount.CodeIntentExpired)
				refused(t, b.do("POST", "/can", program, formBody(pairs...)), 409, multiaccount.CodeIntentExpired)
				a := b.do("POST", "/sign-in", form(pairs...))
				if a.Status != 409 || a.session() != nil || !strings.Contains(a.Body, `href="/link/p/a"`) ||
					!strings.Contains(a.Body, `action="/link/cancel"`) {
					t.Errorf("page: %d %s", a.Status, a.Body)
				}
				if a := b.do("POST", "/sign-in", hx, formBody(pairs...)); a.Status != 409 || a.session() != nil {
					t.Errorf("htmx: %d", a.Status)
				}
			})
		})
	}
	t.Run("also of a member", func(t *testing.T) {
		b.unchanged(t, func() {
			a := b.do("POST", "/sign-in", program, formBody("id", "a", "password", "pw-a", "_intent", used))
			refused(t, a, 409, multiaccount.CodeIntentExpired)
		})
	})
	t.Run("also when nobody is signed in any more", func(t *testing.T) {
		nobody := s.browser()
		refused(t, nobody.do("POST", "/can", program, formBody("_intent", open)), 409, multiaccount.CodeIntentExpired)
		a := nobody.do("POST", "/sign-in", form("id", "c", "password", "pw-c", "_intent", open))
		if a.Status != 409 || len(a.Cookies) > 0 || !strings.Contains(a.Body, `href="/session/new"`) {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	})
	t.Run("in the query it says nothing", func(t *testing.T) {
		b, used, _, _, _ := fresh(t)
		if a := b.do("POST", "/sign-in?_intent="+used, form("id", "c", "password", "pw-c")); a.Status != 303 {
			t.Fatalf("got %d", a.Status)
		}
		b.acts(t, "c", "a")
	})
	t.Run("and the open one still works", func(t *testing.T) {
		if a := b.do("POST", "/can", program, formBody("_intent", open)); a.Status != 200 {
			t.Errorf("can: %d", a.Status)
		}
		b.signIn("c", "_intent", open)
		b.acts(t, "c", "a")
	})
}

func TestIntentInJSON(t *testing.T) {
	s := intentSite(t)
	s.app.Post("/json", func(c *fiber.Ctx) error {
		var body struct{ ID string }
		if err := json.Unmarshal(c.Body(), &body); err != nil {
			return err
		}
		return s.accounts.SignIn(c, body.ID, "password")
	})
	post := func(b *browser, body string) answer {
		return b.do("POST", "/json", program, func(r *http.Request) { setBody(r, "application/json; charset=utf-8", body) })
	}
	for name, tc := range map[string]struct {
		member string // of the object; %s is the open nonce
		state  account.State
	}{
		"right": {`,"_intent":"%s"`, account.StateMulti}, "missing": {``, account.StateMulti}, "empty": {`,"_intent":""`, account.StateSingle},
		"another": {`,"_intent":"x%s"`, ""}, "a number": {`,"_intent":1`, ""}, "null": {`,"_intent":null`, ""},
		"a list": {`,"_intent":["%s"]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.signedIn("a")
			b.begin(t)
			a := post(b, `{"id":"b"`+strings.ReplaceAll(tc.member, "%s", b.drawn())+`}`)
			if tc.state == "" {
				refused(t, a, 409, multiaccount.CodeIntentExpired)
				b.acts(t, "a", "")
				return
			}
			if d := b.document(); a.Status != 200 || d.State != tc.state || d.Current.ID != "b" {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
		})
	}
}

// With DemandIntentField whoever says nothing has agreed to nothing.
func TestDemandIntentField(t *testing.T) {
	s := intentSite(t, func(c *config) { c.DemandIntentField = true })
	alone := func(t *testing.T, b *browser, a answer) {
		t.Helper()
		if d := b.document(); a.Status != 303 || d.State != account.StateSingle || d.Current.ID != "b" {
			t.Errorf("got %d %+v, want a session of b alone", a.Status, d)
		}
	}
	t.Run("a form without the field", func(t *testing.T) {
		b := s.signedIn("a")
		b.begin(t)
		if a := b.do("POST", "/can", form()); a.Status != 200 {
			t.Errorf("can: %d", a.Status)
		}
		alone(t, b, b.signIn("b"))
	})
	t.Run("a callback that claims nothing", func(t *testing.T) {
		b := s.signedIn("a")
		b.begin(t)
		alone(t, b, b.do("GET", "/callback?id=b", xnav))
	})
	t.Run("a form with the field", func(t *testing.T) {
		b := s.signedIn("a")
		b.begin(t)
		b.signIn("b", "_intent", b.drawn())
		b.acts(t, "b", "a")
	})
	t.Run("a callback that claims it", func(t *testing.T) {
		b := s.signedIn("a")
		b.begin(t)
		nonce := b.drawn()
		if a := b.do("GET", "/oauth?id=b&state="+nonce, xnav); a.Status != 303 || a.location() != "/page" {
			t.Errorf("got %d %s", a.Status, a.location())
		}
		b.acts(t, "b", "a")
		b.unchanged(t, func() {
			a := b.do("GET", "/oauth?id=c&state="+nonce, program)
			refused(t, a, 409, multiaccount.CodeIntentExpired)
		})
	})
}

func TestClaimedNonceIsAskedOfEverySignIn(t *testing.T) {
	s := intentSite(t)
	thief := s.signedIn("m")
	thief.begin(t)
	victim := thief.twin()
	if a := victim.do("GET", "/oauth?id=v&state=", xnav); a.Status != 303 {
		t.Fatalf("got %d", a.Status)
	}
	victim.acts(t, "v", "")
}

// Whatever a form carries and whatever is open, CanSignIn refuses what SignIn refuses, in the same words, and nothing else.
func TestCanSignInAgreesWithSignIn(t *testing.T) {
	situations := map[string]func(t *testing.T, s *site) *browser{
		"nobody is signed in": func(_ *testing.T, s *site) *browser { return s.browser() },
		"nothing is open":     func(_ *testing.T, s *site) *browser { return s.signedIn("a") },
		"open":                func(t *testing.T, s *site) *browser { b := s.signedIn("a"); b.begin(t); return b },
		"open too long": func(t *testing.T, s *site) *browser {
			b := s.signedIn("a")
			b.begin(t)
			s.clock.advance(10 * minute)
			return b
		},
		"nobody is current": func(t *testing.T, s *site) *browser { return s.choosing(t) },
	}
	carried := map[string]func(open string) []string{
		"no field": func(string) []string { return nil }, "empty": func(string) []string { return []string{"_intent", ""} },
		"the open one": func(open string) []string { return []string{"_intent", open} },
		"another":      func(string) []string { return []string{"_intent", "AAAAAAAAAAAAAAAAAAAAAA"} },
		"two":          func(open string) []string { return []string{"_intent", open, "_intent", ""} },
	}
	for _, demand := range []bool{false, true} {
		for situation, bring := range situations {
			for form, carry := range carried {
				t.Run(fmt.Sprintf("%s, %s, demanded %t", situation, form, demand), func(t *testing.T) {
					s := intentSite(t, func(c *config) { c.DemandIntentField = demand })
					b := bring(t, s)
					pairs := append([]string{"id", "c", "password", "pw-c"}, carry(b.drawn())...)
					var can answer
					b.unchanged(t, func() { can = b.do("POST", "/can", program, formBody(pairs...)) })
					did := b.do("POST", "/sign-in", program, formBody(pairs...))
					if can.Status != did.Status || can.code() != did.code() {
						t.Errorf("can: %d %q; did: %d %q", can.Status, can.code(), did.Status, did.code())
					}
				})
			}
		}
	}
}
