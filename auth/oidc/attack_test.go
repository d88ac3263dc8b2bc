package oidc_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/internal/oidctest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// TestForgedTokens: whatever is wrong with what the provider answers, nobody is signed in and nobody is made.
func TestForgedTokens(t *testing.T) {
	bend := func(name string, value any) func(*oidctest.Provider) {
		return func(p *oidctest.Provider) { p.Bend = func(claims map[string]any) { claims[name] = value } }
	}
	forge := func(make func(claims map[string]any) string) func(*oidctest.Provider) {
		return func(p *oidctest.Provider) { p.Forge = make }
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*oidctest.Provider){
		"nonce of another flow":       bend("nonce", "another"),
		"no nonce":                    bend("nonce", nil),
		"for another client":          bend("aud", "another-app"),
		"for this one among others":   bend("aud", []string{oidctest.ClientID, "another-app"}),
		"issued to another client":    bend("azp", "another-app"),
		"of another issuer":           bend("iss", "https://evil.test"),
		"expired":                     bend("exp", time.Now().Add(-time.Hour).Unix()),
		"no expiry":                   bend("exp", nil),
		"not valid yet":               bend("nbf", time.Now().Add(time.Hour).Unix()),
		"no subject":                  bend("sub", ""),
		"a subject of endless length": bend("sub", strings.Repeat("s", 256)),
		"a subject that is no text":   bend("sub", "vic\x00tim"),
		"no token":                    forge(func(map[string]any) string { return "" }),
		"not a token":                 forge(func(map[string]any) string { return "a.b.c" }),
		"signed by nobody": forge(func(claims map[string]any) string {
			return oidctest.Unsigned(map[string]any{"alg": "none"}, claims) + "."
		}),
		"signature cut off": forge(func(claims map[string]any) string {
			return oidctest.Unsigned(map[string]any{"alg": "RS256", "kid": "1"}, claims) + "."
		}),
		"signed with a stranger's key": forge(func(claims map[string]any) string {
			return oidctest.Signed(stranger, map[string]any{"alg": "RS256", "kid": "1"}, claims)
		}),
		"signed with the public key as a shared secret": forge(func(claims map[string]any) string {
			text := oidctest.Unsigned(map[string]any{"alg": "HS256", "kid": "1"}, claims)
			mac := hmac.New(sha256.New, oidctest.SigningKey().N.Bytes())
			mac.Write([]byte(text))
			return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}),
		"signed with the client's secret": forge(func(claims map[string]any) string {
			text := oidctest.Unsigned(map[string]any{"alg": "HS256", "kid": "1"}, claims)
			mac := hmac.New(sha256.New, []byte(oidctest.ClientSecret))
			mac.Write([]byte(text))
			return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}),
		"signed before somebody changed it": forge(func(claims map[string]any) string {
			victim := claims["sub"]
			claims["sub"] = "mallory"
			parts := strings.Split(oidctest.Signed(oidctest.SigningKey(), map[string]any{"alg": "RS256", "kid": "1"}, claims), ".")
			claims["sub"] = victim
			changed := oidctest.Unsigned(map[string]any{"alg": "RS256", "kid": "1"}, claims)
			return changed + "." + parts[2]
		}),
	}
	for name, attack := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.known("victim@example.com", "victim")
			s.acme.Set(attack)
			b := s.Browser()
			s.signIn(b, "victim", verified("victim@example.com")).Is(http.StatusUnprocessableEntity)
			s.nobody(b)
			s.signIn(b, "fresh", nil).Is(http.StatusUnprocessableEntity)
			s.nobody(b)

			s.acme.Set(func(p *oidctest.Provider) { p.Bend, p.Forge = nil, nil }) // it was the attack that failed, not the site
			s.signIn(b, "victim", nil).Leads("/")
		})
	}
}

func TestNamesAndAddressesOfAnyForm(t *testing.T) {
	tests := map[string]struct{ said, name, email string }{
		"endless":                {strings.Repeat("n", 3000) + "@example.com", strings.Repeat("n", 100), ""},
		"control characters":     {"a\x00b\r\nBcc: x@example.com", "a b Bcc: x@example.com", ""},
		"markup":                 {`"><script>alert(1)</script>@x`, `"><script>alert(1)</script>@x`, `"><script>alert(1)</script>@x`},
		"spaces and no address":  {"  Alice   Doe ", "Alice Doe", ""},
		"nothing but whitespace": {" \t ", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.Browser()
			s.signIn(b, "fresh", map[string]any{"name": test.said, "email": test.said, "email_verified": true}).Leads("/")
			users, err := s.Users.ByIDs(t.Context(), b.CurrentID())
			if u := users[b.CurrentID()]; err != nil || u.Name != test.name || u.Email != test.email {
				t.Errorf("got %+v and error %v, want name %q and address %q", u, err, test.name, test.email)
			}

			asked := newSite(t, func(cfg *oidc.Config) { cfg.Policy = tenant.PerUser })
			b = asked.Browser()
			asked.signIn(b, "fresh", map[string]any{"name": test.said, "email": test.said, "email_verified": true}).Leads("/auth/new")
			if page := b.Get("/auth/new").Is(http.StatusOK).Body; strings.Contains(page, "<script>") {
				t.Errorf("got %s", page)
			}
		})
	}
}

// TestAnswersThatAreNotForThisBrowser: each is an answer of the provider that the victim's browser is made to open.
func TestAnswersThatAreNotForThisBrowser(t *testing.T) {
	tests := map[string]func(s *site, victim *signintest.Browser) string{
		"another person's answer, no flow here": func(s *site, _ *signintest.Browser) string {
			return s.acme.Signs(s.leaves(s.Browser(), "/session/new", "/auth/acme"), "mallory", nil)
		},
		"another person's answer, a flow here": func(s *site, victim *signintest.Browser) string {
			s.leaves(victim, "/session/new", "/auth/acme")
			return s.acme.Signs(s.leaves(s.Browser(), "/session/new", "/auth/acme"), "mallory", nil)
		},
		"no state": func(s *site, victim *signintest.Browser) string {
			return with(s.T, s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil), "state")
		},
		"an empty state": func(s *site, victim *signintest.Browser) string {
			return with(s.T, s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil), "state", "")
		},
		"two states, one of them right": func(s *site, victim *signintest.Browser) string {
			callback := s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil)
			return callback + "&state=another"
		},
		"two codes": func(s *site, victim *signintest.Browser) string {
			return s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil) + "&code=another"
		},
		"no code": func(s *site, victim *signintest.Browser) string {
			return with(s.T, s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil), "code")
		},
		"too late": func(s *site, victim *signintest.Browser) string {
			callback := s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil)
			s.Clock.Advance(10 * time.Minute)
			return callback
		},
		"of a flow that a later one replaced": func(s *site, victim *signintest.Browser) string {
			callback := s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil)
			s.leaves(victim, "/session/new", "/auth/acme")
			return callback
		},
		"taken to another provider's callback": func(s *site, victim *signintest.Browser) string {
			callback := s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil)
			return strings.Replace(callback, "/auth/acme/", "/auth/other/", 1)
		},
		"the cookie was changed": func(s *site, victim *signintest.Browser) string {
			callback := s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "mallory", nil)
			victim.SetCookie("__Host-oidc", victim.Cookie("__Host-oidc")+"A")
			return callback
		},
		"the cookie is of another site's key": func(s *site, victim *signintest.Browser) string {
			elsewhere := newSite(s.T, func(cfg *oidc.Config) { cfg.Key = []byte(strings.Repeat("k", 32)) })
			b := elsewhere.Browser()
			callback := elsewhere.acme.Signs(elsewhere.leaves(b, "/session/new", "/auth/acme"), "mallory", nil)
			victim.SetCookie("__Host-oidc", b.Cookie("__Host-oidc"))
			return callback
		},
	}
	for name, attack := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.known("mallory@example.com", "mallory")
			victim := s.Browser()
			victim.Get(attack(s, victim), signintest.ByLink...).Is(http.StatusForbidden)
			s.nobody(victim)
			if got := len(s.acme.Used); got != 1 {
				t.Errorf("got %d codes redeemed, want only the one of mallory's registration", got)
			}
		})
	}
}

// TestAnAnswerOfSomebodyElseDoesNotEndOnesOwnFlow: else any page could keep people from signing in.
func TestAnAnswerOfSomebodyElseDoesNotEndOnesOwnFlow(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	callback := s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), "alice", nil)
	b.Get("/auth/acme/callback?state=evil&code=evil", signintest.ByLink...).Is(http.StatusForbidden)
	b.Get("/auth/acme/callback?state=evil&error=access_denied", signintest.ByLink...).Is(http.StatusForbidden)
	b.Get(callback, signintest.ByLink...).Leads("/")
}

func TestAnAnswerCountsOnce(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	callback := s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), "alice", nil)
	withCookie := b.Copy()
	b.Get(callback, signintest.ByLink...).Leads("/")
	before := b.Session()
	b.Get(callback, signintest.ByLink...).Is(http.StatusForbidden)
	if got := b.Session(); got.Version != before.Version {
		t.Errorf("got version %d, want %d: the second answer changed something", got.Version, before.Version)
	}
	withCookie.Get(callback, signintest.ByLink...).Is(http.StatusUnprocessableEntity) // the provider takes a code once
	s.nobody(withCookie)
}

// TestACodeOfSomebodyElseIsUseless: the state is right, the code is the attacker's. PKCE and nonce tie it to his own flow.
func TestACodeOfSomebodyElseIsUseless(t *testing.T) {
	s := newSite(t)
	s.known("mallory@example.com", "mallory")
	victim := s.Browser()
	callback := s.acme.Signs(s.leaves(victim, "/session/new", "/auth/acme"), "victim", nil)
	mallorys, err := url.Parse(s.acme.Signs(s.leaves(s.Browser(), "/session/new", "/auth/acme"), "mallory", nil))
	if err != nil {
		t.Fatal(err)
	}
	victim.Get(with(t, callback, "code", mallorys.Query().Get("code"))).Is(http.StatusUnprocessableEntity)
	s.nobody(victim)
}

func TestMixedUpProviders(t *testing.T) {
	names := func(issuers ...string) func(url.Values, string) {
		return func(answer url.Values, _ string) { answer["iss"] = issuers }
	}
	tests := map[string]struct {
		always bool
		extra  func(answer url.Values, subject string)
		want   int
	}{
		"names itself":                           {true, nil, http.StatusSeeOther},
		"names another one":                      {true, names("https://evil.test"), http.StatusUnprocessableEntity},
		"always names itself, but not this time": {true, names(), http.StatusUnprocessableEntity},
		"names another one, never promised":      {false, names("https://evil.test"), http.StatusUnprocessableEntity},
		"says nothing and never promised":        {false, nil, http.StatusSeeOther},
		"names two others, so nobody knows whom": {true, names("https://a.test", "https://b.test"), http.StatusForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.acme.Set(func(p *oidctest.Provider) { p.Always, p.Extra = test.always, test.extra })
			b := s.Browser()
			s.signIn(b, "alice", nil).Is(test.want)
			if test.want == http.StatusSeeOther {
				return
			}
			s.nobody(b)
			if len(s.acme.Used) != 0 {
				t.Error("the code was sent to a provider that it may not be of")
			}
		})
	}
}

func TestDeclinedAtTheProvider(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	target, err := url.Parse(s.leaves(b, "/session/new", "/auth/acme"))
	if err != nil {
		t.Fatal(err)
	}
	declined := "/auth/acme/callback?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=" +
		target.Query().Get("state")
	answer := b.Get(declined, signintest.ByLink...).Is(http.StatusUnprocessableEntity)
	if strings.Contains(answer.Body, "script>alert") {
		t.Error("the page shows what the address says")
	}
	s.nobody(b)
	b.Get(declined, signintest.ByLink...).Is(http.StatusForbidden) // the flow is over
}

func TestBeginningNeedsAPageOfThisSite(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser().Enter(alice)
	form := b.Get("/session/new").Form("/auth/acme")
	b.Post("/auth/acme", form, signintest.FromElsewhere...).Is(http.StatusForbidden)
	b.Post("/auth/acme/connect", url.Values{"_stamp": {b.Stamp()}}, signintest.FromElsewhere...).Is(http.StatusForbidden)
	b.Post("/auth/new", url.Values{"account_name": {"Evil"}}, signintest.FromElsewhere...).Is(http.StatusForbidden)
	b.Get("/auth/acme", signintest.ByLink...).Is(http.StatusOK)
	if b.Cookie("__Host-oidc") != "" {
		t.Error("a flow was begun")
	}
	if s.acme.Finds != 0 {
		t.Error("the provider was asked")
	}
}

// TestLoginCSRFIntoTheLinkFlow is CS-04: Alice has asked to add an account, and another site brings her browser to an answer
// for mallory.
func TestLoginCSRFIntoTheLinkFlow(t *testing.T) {
	tests := map[string]func(s *site, alice *signintest.Browser) string{
		"before she has left": func(s *site, _ *signintest.Browser) string {
			return s.acme.Signs(s.leaves(s.Browser(), "/session/new", "/auth/acme"), "mallory", nil)
		},
		"while she is at the provider": func(s *site, alice *signintest.Browser) string {
			s.leaves(alice, "/session/new", "/auth/acme")
			return s.acme.Signs(s.leaves(s.Browser(), "/session/new", "/auth/acme"), "mallory", nil)
		},
		"with the intent that mallory guessed": func(s *site, alice *signintest.Browser) string {
			return s.acme.Signs(s.leaves(s.Browser(), "/session/new", "/auth/acme"), "mallory", nil) + "&_intent=" + alice.Intent()
		},
	}
	for name, attack := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			alice, mallory := s.User("alice@example.com").ID, s.known("mallory@example.com", "mallory")
			b := s.Browser().Enter(alice)
			b.Add()
			intent := b.Intent()
			b.Get(attack(s, b), signintest.ByLink...).Is(http.StatusForbidden)
			s.hasIDs(b, alice)
			if got := b.Intent(); got != intent || got == "" {
				t.Errorf("got intent %q, want %q: it was used up", got, intent)
			}

			s.signIn(b, "mallory", nil).Is(http.StatusSeeOther) // the way that she asked for is still open
			s.hasIDs(b, alice, mallory)
		})
	}
}

// TestAnAnswerAddsNoAccountThatItsPageSaidNothingOf: the flow began on a page that was drawn while nobody had asked to add an
// account; meanwhile another tab asked.
func TestAnAnswerAddsNoAccountThatItsPageSaidNothingOf(t *testing.T) {
	s := newSite(t)
	alice, bob := s.User("alice@example.com").ID, s.known("bob@example.com", "bob")
	b := s.Browser().Enter(alice)
	callback := s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), "bob", nil)
	b.Add()
	b.Get(callback, signintest.ByLink...).Leads("/")
	s.hasIDs(b, bob)
}

// TestAnAnswerToARequestThatWasCancelled changes nothing, and makes no user either.
func TestAnAnswerToARequestThatWasCancelled(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser().Enter(alice)
	b.Add()
	callback := s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), "fresh", verified("fresh@example.com"))
	b.Post("/link/cancel", url.Values{"_stamp": {b.Stamp()}}).Is(http.StatusSeeOther)
	b.Get(callback, signintest.ByLink...).Is(http.StatusConflict)
	s.hasIDs(b, alice)
	if _, _, err := s.Users.ByEmail(t.Context(), "fresh@example.com"); err == nil {
		t.Error("a user was made who could not sign in")
	}
}

func TestConnecting(t *testing.T) {
	connect := func(s *site, b *signintest.Browser, subject string) string {
		return s.acme.Signs(s.leaves(b, "/profile", "/auth/acme/connect"), subject, nil)
	}
	belongs := func(t *testing.T, s *site, subject, want string) {
		t.Helper()
		u, err := s.Users.ByIdentity(t.Context(), auth.Identity{Provider: s.acme.Issuer(), Subject: subject})
		if u.ID != want {
			t.Errorf("got user %q and error %v, want %q", u.ID, err, want)
		}
	}
	t.Run("twice is once", func(t *testing.T) {
		s := newSite(t)
		alice := s.User("alice@example.com").ID
		b := s.Browser().Enter(alice)
		b.Get(connect(s, b, "sub"), signintest.ByLink...).Leads("/profile")
		b.Get(connect(s, b, "sub"), signintest.ByLink...).Leads("/profile")
		belongs(t, s, "sub", alice)
		s.hasIDs(b, alice)
	})
	t.Run("an identity of somebody else stays his", func(t *testing.T) {
		s := newSite(t)
		bob := s.known("bob@example.com", "bob")
		b := s.Browser().Enter(s.User("alice@example.com").ID)
		b.Get(connect(s, b, "bob"), signintest.ByLink...).Is(http.StatusConflict)
		belongs(t, s, "bob", bob)
	})
	t.Run("needs somebody who is signed in", func(t *testing.T) {
		s := newSite(t)
		s.Browser().Post("/auth/acme/connect", url.Values{}).Leads("/session/new")
	})
	t.Run("needs the stamp of the page", func(t *testing.T) {
		s := newSite(t)
		b := s.Browser().Enter(s.User("alice@example.com").ID)
		b.Post("/auth/acme/connect", url.Values{}).Is(http.StatusConflict)
	})
	t.Run("needs a recent proof", func(t *testing.T) {
		s := newSite(t)
		b := s.Browser().Enter(s.User("alice@example.com").ID)
		s.Clock.Advance(11 * time.Minute)
		form := b.Get("/profile").Form("/auth/acme/connect")
		answer := b.Post("/auth/acme/connect", form).Is(http.StatusSeeOther)
		if got := answer.Header.Get("Location"); !strings.HasPrefix(got, "/session/new?again=") {
			t.Errorf("got %q, want to be asked to sign in again", got)
		}
	})
	t.Run("reaches the account that asked for it, not the one that is current by now", func(t *testing.T) {
		s := newSite(t)
		alice, bob := s.User("alice@example.com").ID, s.known("bob@example.com", "bob")
		b := s.Browser().Enter(alice)
		callback := connect(s, b, "sub")
		b.Add()
		b.Post("/enter", url.Values{"id": {bob}}).Is(http.StatusSeeOther)
		b.Get(callback, signintest.ByLink...).Is(http.StatusConflict)
		belongs(t, s, "sub", "")
	})
	t.Run("not after the session is another one", func(t *testing.T) {
		s := newSite(t)
		alice := s.User("alice@example.com").ID
		b := s.Browser().Enter(alice)
		callback := connect(s, b, "sub")
		b.Post("/link/sign_out", url.Values{}).Is(http.StatusSeeOther)
		b.Enter(alice)
		b.Get(callback, signintest.ByLink...).Is(http.StatusConflict)
		belongs(t, s, "sub", "")
	})
	t.Run("mallory's identity does not get into the victim's account", func(t *testing.T) {
		s := newSite(t)
		victim := s.Browser().Enter(s.User("victim@example.com").ID)
		mallory := s.Browser().Enter(s.User("mallory@example.com").ID)
		victim.Get(connect(s, mallory, "mallory"), signintest.ByLink...).Is(http.StatusForbidden)
		belongs(t, s, "mallory", "")
	})
	t.Run("an answer to signing in connects nothing", func(t *testing.T) {
		s := newSite(t)
		alice := s.User("alice@example.com").ID
		b := s.Browser().Enter(alice)
		s.signIn(b, "sub", verified("alice@example.com")).Is(http.StatusConflict)
		belongs(t, s, "sub", "")
	})
}

func TestSigningInAgainNeedsAFreshProofAtTheProvider(t *testing.T) {
	tests := map[string]struct {
		signedIn time.Duration // before now
		want     int
	}{"just now": {0, http.StatusSeeOther}, "an hour ago": {time.Hour, http.StatusUnprocessableEntity}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			alice := s.known("alice@example.com", "alice")
			b := s.Browser().Enter(alice)
			target := s.leaves(b, "/session/new?again="+url.QueryEscape(alice), "/auth/acme")
			callback := s.acme.Signs(target, "alice", map[string]any{"auth_time": s.Clock.Now().Add(-test.signedIn).Unix()})
			if got := s.acme.Asked; got.Get("prompt") != "login" || got.Get("max_age") != "0" {
				t.Errorf("got prompt %q and max_age %q", got.Get("prompt"), got.Get("max_age"))
			}
			b.Get(callback, signintest.ByLink...).Is(test.want)
		})
	}
}

func TestMaxAge(t *testing.T) {
	tests := map[string]struct {
		claims map[string]any
		want   int
	}{
		"recent":      {map[string]any{"auth_time": time.Now().Unix()}, http.StatusSeeOther},
		"too old":     {map[string]any{"auth_time": time.Now().Add(-time.Hour).Unix()}, http.StatusUnprocessableEntity},
		"not said":    {nil, http.StatusUnprocessableEntity},
		"not a time":  {map[string]any{"auth_time": "yesterday"}, http.StatusUnprocessableEntity},
		"said as nil": {map[string]any{"auth_time": nil}, http.StatusUnprocessableEntity},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(cfg *oidc.Config) { cfg.Providers[0].MaxAge = 5 * time.Minute })
			b := s.Browser()
			s.signIn(b, "alice", test.claims).Is(test.want)
			if got := s.acme.Asked.Get("max_age"); got != "300" {
				t.Errorf("got max_age %q, want 300", got)
			}
		})
	}
}

func TestTheCookieIsOfThisHostAndNotReadable(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	answer := b.Post("/auth/acme", b.Get("/session/new").Form("/auth/acme"))
	cookie := answer.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-oidc=", "HttpOnly", "secure", "SameSite=Lax", "path=/", "max-age=600"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("got cookie %s, want %s", cookie, want)
		}
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-oidc="), ";")
	data, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || strings.Contains(string(data), "acme") {
		t.Errorf("got a cookie that can be read: %q (%v)", data, err)
	}
}

func TestHeadSignsNobodyIn(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	callback := s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), "alice", nil)
	b.Do(http.MethodHead, callback, nil).Is(http.StatusMethodNotAllowed)
	s.nobody(b)
	b.Get(callback).Leads("/")
}

func TestConfigurationTellsEveryMistake(t *testing.T) {
	_, err := oidc.New(oidc.Config{
		Key: []byte("short"), BaseURL: "http://app.test", Policy: "nothing",
		Providers: []oidc.Provider{
			{Name: "new", Issuer: "https://a.test", ClientID: "x"}, {Name: "Big", Issuer: "ftp://b.test"},
			{Name: "c", Issuer: "https://a.test", ClientID: "x", MaxAge: -1},
		},
	})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		"Accounts", "Users", "Key", "BaseURL", "Policy", `"new"`, `"Big"`, "ClientID", "same issuer", "MaxAge",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

// TestACookieOfOnePurposeIsNoneOfAnother: what a browser keeps while the person is at the provider does not say who it is.
func TestACookieOfOnePurposeIsNoneOfAnother(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) { cfg.Policy = tenant.PerUser })
	b := s.Browser()
	s.leaves(b, "/session/new", "/auth/acme")
	b.SetCookie("__Host-oidc-new", b.Cookie("__Host-oidc"))
	b.Get("/auth/new").Is(http.StatusForbidden)
	b.Post("/auth/new", url.Values{"account_name": {"Evil Works"}}).Is(http.StatusForbidden)
	s.nobody(b)
}
