package magiclink_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/magiclink"
)

func TestALinkSignsIn(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser()
	s.ask(b, "  ALICE@example.com ").Leads("/magic_link/sent")
	b.Get("/magic_link/sent").Is(http.StatusOK).Says("If there is an account")
	sent := s.mail()
	if sent.to != "alice@example.com" {
		t.Errorf("sent to %q, want the address that she registered with", sent.to)
	}
	if !strings.HasPrefix(sent.link, signintest.Origin+"/magic_link/") {
		t.Errorf("got link %q", sent.link)
	}
	press(b, sent.link).Leads("/")
	s.hasIDs(b, alice)
}

func TestOpeningALinkChangesNothing(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	scanner := s.Browser()
	for range 3 {
		scanner.Get(link).Is(http.StatusForbidden)
		scanner.Do(http.MethodHead, link, nil)
		b.Do(http.MethodHead, link, nil)
		page := b.Get(link, signintest.ByLink...).Is(http.StatusOK).Says("alice@example.com")
		for name, want := range map[string]string{
			"Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		} {
			if got := page.Header.Get(name); got != want {
				t.Errorf("got %s %q, want %q", name, got, want)
			}
		}
	}
	s.hasIDs(b)
	press(b, link).Leads("/")
	s.hasIDs(b, alice)
}

func TestALinkWorksOnce(t *testing.T) {
	s := newSite(t)
	s.User("alice@example.com")
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	used := b.Copy()
	press(b, link).Leads("/")
	used.Post("/magic_link/session", url.Values{"secret": {secret(link)}}).Is(http.StatusGone)
	used.Get(link).Is(http.StatusGone)
	s.hasIDs(used)
}

func TestALinkPressedManyTimesAtOnceWorksOnce(t *testing.T) {
	s := newSite(t)
	s.User("alice@example.com")
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	var all sync.WaitGroup
	var in atomic.Int32
	for range 20 {
		other := b.Copy()
		all.Go(func() {
			if other.Post("/magic_link/session", url.Values{"secret": {secret(link)}}).Status == http.StatusSeeOther {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if got := in.Load(); got != 1 {
		t.Errorf("got %d sign-ins, want 1", got)
	}
}

func TestALinkEndsAfterAQuarterOfAnHour(t *testing.T) {
	s := newSite(t)
	s.User("alice@example.com")
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	s.Clock.Advance(15*time.Minute - time.Second)
	b.Get(link).Is(http.StatusOK)
	s.Clock.Advance(time.Second)
	b.Get(link).Is(http.StatusGone)
	b.Post("/magic_link/session", url.Values{"secret": {secret(link)}}).Is(http.StatusGone)
	s.hasIDs(b)
}

func TestALinkIsForTheBrowserThatAsked(t *testing.T) {
	tests := map[string]func(s *site) *signintest.Browser{
		"one that never asked": func(s *site) *signintest.Browser { return s.Browser() },
		"one that asked for another link": func(s *site) *signintest.Browser {
			b := s.Browser()
			s.link(b, "alice@example.com")
			return b
		},
		"one with an empty cookie": func(s *site) *signintest.Browser {
			b := s.Browser()
			b.SetCookie("__Host-magic-link", "")
			return b
		},
		"one with a cookie of its own making": func(s *site) *signintest.Browser {
			b := s.Browser()
			b.SetCookie("__Host-magic-link", strings.Repeat("A", 43))
			return b
		},
	}
	for name, other := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.User("alice@example.com")
			asked := s.Browser()
			link := s.link(asked, "alice@example.com")
			b := other(s)
			answer := b.Get(link, signintest.ByLink...).Is(http.StatusForbidden)
			if strings.Contains(answer.Body, "alice@") {
				t.Error("the page says whose link it is")
			}
			b.Post("/magic_link/session", url.Values{"secret": {secret(link)}}).Is(http.StatusForbidden)
			s.hasIDs(b)
			press(asked, link).Leads("/") // the attempt used nothing up
		})
	}
}

func TestAnyBrowser(t *testing.T) {
	s := newSite(t, func(cfg *magiclink.Config) { cfg.AnyBrowser = true })
	alice := s.User("alice@example.com").ID
	link := s.link(s.Browser(), "alice@example.com")
	b := s.Browser()
	press(b, link).Leads("/")
	s.hasIDs(b, alice)
}

// TestAnyBrowserAddsNoAccountElsewhere: in a browser where somebody asked to add an account, a link of another browser signs
// in on its own, as it does where nobody asked.
func TestAnyBrowserAddsNoAccountElsewhere(t *testing.T) {
	s := newSite(t, func(cfg *magiclink.Config) { cfg.AnyBrowser = true })
	mallory, victim := s.User("mallory@example.com").ID, s.User("victim@example.com").ID
	link := s.link(s.Browser(), "mallory@example.com")
	b := s.Browser().Enter(victim)
	b.Add()
	press(b, link).Leads("/")
	s.hasIDs(b, mallory)
}

// TestALinkThatWasToAddAnAccountSignsInElsewhereOnItsOwn: the session that it was to be added to is in another browser.
func TestALinkThatWasToAddAnAccountSignsInElsewhereOnItsOwn(t *testing.T) {
	s := newSite(t, func(cfg *magiclink.Config) { cfg.AnyBrowser = true })
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	asked := s.Browser().Enter(alice)
	asked.Add()
	link := s.link(asked, "bob@example.com")
	b := s.Browser()
	press(b, link).Leads("/")
	s.hasIDs(b, bob)
	s.hasIDs(asked, alice)
}

func TestAddingAnAccountByALink(t *testing.T) {
	s := newSite(t)
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	b := s.Browser().Enter(alice)
	b.Add()
	link := s.link(b, "bob@example.com")
	b.Get(link).Says("added to the session of alice")
	press(b, link).Is(http.StatusSeeOther)
	s.hasIDs(b, alice, bob)
}

// TestALinkAddsNoAccountThatItsPageSaidNothingOf: it was asked for before somebody asked to add an account.
func TestALinkAddsNoAccountThatItsPageSaidNothingOf(t *testing.T) {
	s := newSite(t)
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	b := s.Browser().Enter(alice)
	link := s.link(b, "bob@example.com")
	b.Add()
	press(b, link).Leads("/")
	s.hasIDs(b, bob)
}

// TestALinkIsNotUsedUpWhereSigningInIsNotPossible, and never adds to a request that is over.
func TestALinkIsNotUsedUpWhereSigningInIsNotPossible(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	s.User("bob@example.com")
	b := s.Browser().Enter(alice)
	b.Add()
	link := s.link(b, "bob@example.com")
	b.Post("/link/cancel", url.Values{"_stamp": {b.Stamp()}}).Is(http.StatusSeeOther)
	press(b, link).Is(http.StatusConflict)
	s.hasIDs(b, alice)
	b.Get(link).Is(http.StatusOK)
}

func TestTheButtonNeedsAPageOfThisSite(t *testing.T) {
	s := newSite(t)
	s.User("alice@example.com")
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	b.Post("/magic_link/session", url.Values{"secret": {secret(link)}}, signintest.FromElsewhere...).Is(http.StatusForbidden)
	b.Post("/magic_link", url.Values{"email": {"alice@example.com"}}, signintest.FromElsewhere...).Is(http.StatusForbidden)
	s.hasIDs(b)
	s.close()
	if len(s.mails) != 0 {
		t.Error("an e-mail was sent for another site")
	}
}

func TestReturnPath(t *testing.T) {
	for asked, want := range map[string]string{
		"/private?x=1": "/private?x=1", "https://evil.test/": "/", "//evil.test": "/", `/\evil.test`: "/", "/link/sign_out": "/",
		"/" + strings.Repeat("a", 3000): "/",
	} {
		s := newSite(t)
		s.User("alice@example.com")
		b := s.Browser()
		form := b.Get("/session/new").Form("/magic_link")
		form.Set("email", "alice@example.com")
		form.Set("request_path", asked)
		b.Post("/magic_link", form).Is(http.StatusSeeOther)
		press(b, s.mail().link).Leads(want)
	}
}

func TestWhoeverMustNotActGetsNoLink(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	if err := s.Users.SetStatus(t.Context(), alice, auth.Inactive); err != nil {
		t.Fatal(err)
	}
	b.Get(link).Is(http.StatusGone)
	b.Post("/magic_link/session", url.Values{"secret": {secret(link)}}).Is(http.StatusGone)
	s.ask(b, "alice@example.com").Leads("/magic_link/sent")
	s.close()
	if len(s.mails) != 0 {
		t.Error("an e-mail was sent")
	}
}

func TestALinkToAFormerAddressIsOver(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	if err := s.Users.SetEmail(t.Context(), alice, "new@example.com"); err != nil {
		t.Fatal(err)
	}
	b.Get(link).Is(http.StatusGone)
	b.Post("/magic_link/session", url.Values{"secret": {secret(link)}}).Is(http.StatusGone)
}

// TestSecretsAreNotInTheStore, and a token of another purpose is no link.
func TestSecretsAreNotInTheStore(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser()
	link := s.link(b, "alice@example.com")
	tokens, err := s.Users.Tokens(t.Context(), magiclink.Purpose, alice, s.Clock.Now())
	if err != nil || len(tokens) != 1 {
		t.Fatalf("got %v and error %v", tokens, err)
	}
	for _, kept := range []string{secret(link), b.Cookie("__Host-magic-link")} {
		if strings.Contains(tokens[0].Data+tokens[0].ID, kept) {
			t.Errorf("the store has %q", kept)
		}
	}
	other := strings.Repeat("B", 43)
	stolen := tokens[0]
	stolen.ID, stolen.Purpose, stolen.Hash = "other", "another", sha256.Sum256([]byte(other))
	if err := s.Users.PutToken(t.Context(), stolen); err != nil {
		t.Fatal(err)
	}
	b.Post("/magic_link/session", url.Values{"secret": {other}}).Is(http.StatusGone)
}

// TestTheAnswerTellsNothing is EN-01 and EN-03 for links: byte by byte the same, and given before anybody is looked up.
func TestTheAnswerTellsNothing(t *testing.T) {
	var slow *slowStore
	s := newSite(t, func(cfg *magiclink.Config) {
		slow = &slowStore{Store: cfg.Users, begun: make(chan struct{}), proceed: make(chan struct{})}
		cfg.Users = slow
	})
	s.User("alice@example.com")
	inactive := s.User("inactive@example.com").ID
	if err := s.Users.SetStatus(t.Context(), inactive, auth.Inactive); err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, email := range []string{"alice@example.com", "nobody@example.com", "inactive@example.com"} {
		for form, headers := range map[string][]string{"page": nil, "json": signintest.AsJSON, "htmx": signintest.AsHTMX} {
			b := s.Browser()
			a := b.Post("/magic_link", url.Values{"email": {email}}, headers...)
			cookie, rest, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
			a.Header.Set("Set-Cookie", rest)
			a.Header.Del("Date")
			var got strings.Builder
			if err := a.Header.Write(&got); err != nil {
				t.Fatal(err)
			}
			got.WriteString(a.Body)
			if len(cookie) != len("__Host-magic-link=")+43 {
				t.Errorf("%s: got cookie %q", email, cookie)
			}
			if first := answers[form]; first != "" && first != got.String() {
				t.Errorf("%s as %s: got\n%s\nothers got\n%s", email, form, got.String(), first)
			}
			answers[form] = got.String()
		}
	}
	<-slow.begun // all were answered while nobody has been looked up yet
	if len(s.mails) != 0 {
		t.Error("an e-mail was sent before anybody was looked up")
	}
	close(slow.proceed)
	s.close()
	if got := len(s.mails); got != 3 {
		t.Errorf("got %d e-mails, want those of alice only", got)
	}
}

// TestTheLimitIsTheSameForEverybody is EN-05 for links.
func TestTheLimitIsTheSameForEverybody(t *testing.T) {
	s := newSite(t)
	s.User("alice@example.com")
	for _, email := range []string{"alice@example.com", "nobody@example.com"} {
		for _, spelling := range []string{email, strings.ToUpper(email), " " + email} {
			s.Browser().Post("/magic_link", url.Values{"email": {spelling}}).Is(http.StatusSeeOther)
		}
		answer := s.Browser().Post("/magic_link", url.Values{"email": {email}}).Is(http.StatusTooManyRequests)
		if answer.Header.Get("Retry-After") == "" {
			t.Error("got no Retry-After")
		}
	}
	s.close()
	if got := len(s.mails); got != 3 {
		t.Errorf("got %d e-mails, want 3", got)
	}
}

// closed is a limiter that lets nobody through.
type closed struct{}

func (closed) Do(context.Context, attempts.Try, func(context.Context) error) error {
	return &attempts.Refusal{Err: attempts.ErrUnavailable, RetryAfter: time.Second}
}

func TestWithoutACountNobodyGetsALink(t *testing.T) {
	s := newSite(t, func(cfg *magiclink.Config) { cfg.Limits = closed{} })
	s.User("alice@example.com")
	s.ask(s.Browser(), "alice@example.com").Is(http.StatusServiceUnavailable)
	s.close()
	if len(s.mails) != 0 {
		t.Error("an e-mail was sent")
	}
}

func TestWhatIsNoAddressIsToldBesideTheField(t *testing.T) {
	s := newSite(t)
	for _, typed := range []string{
		"", "alice", "alice@", "a@b@c", "Alice <alice@example.com>", "alice@example.com\r\nBcc: x@example.com",
		"alice@example.com,bob@example.com", strings.Repeat("a", 250) + "@example.com",
	} {
		b := s.Browser()
		s.ask(b, typed).Is(http.StatusUnprocessableEntity).Says(`aria-invalid="true"`)
		b.Post("/magic_link", url.Values{"email": {typed}}, signintest.AsJSON...).Is(http.StatusUnprocessableEntity).
			Says(`"fields":{"email"`)
	}
}

func TestWhatIsNoLink(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	for _, secret := range []string{"x", strings.Repeat("A", 43), strings.Repeat("A", 1000)} {
		b.Get("/magic_link/" + secret).Is(http.StatusGone)
	}
	b.Post("/magic_link/session", url.Values{}).Is(http.StatusGone)
	b.Post("/magic_link/session", url.Values{"secret": {"a", "b"}}).Is(http.StatusGone)
}

func TestTwoLinksOfOneBrowserBothWork(t *testing.T) {
	s := newSite(t)
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	b := s.Browser()
	first, second := s.link(b, "alice@example.com"), s.link(b, "bob@example.com")
	press(b, second).Leads("/")
	s.hasIDs(b, bob)
	press(b, first).Leads("/")
	s.hasIDs(b, alice)
}

func TestAnEmailThatCannotBeSentOrPanicsDisturbsNobody(t *testing.T) {
	var calls atomic.Int32
	s := newSite(t, func(cfg *magiclink.Config) {
		send := cfg.Send
		cfg.Send = func(ctx context.Context, email, link string) error {
			switch calls.Add(1) {
			case 1:
				return errors.New("mail server is away")
			case 2:
				panic("in the app's code")
			}
			return send(ctx, email, link)
		}
	})
	s.User("alice@example.com")
	b := s.Browser()
	for range 2 {
		s.ask(b, "alice@example.com").Leads("/magic_link/sent")
	}
	press(b, s.link(b, "alice@example.com")).Leads("/")
}

func TestAfterCloseNothingIsTaken(t *testing.T) {
	s := newSite(t)
	s.User("alice@example.com")
	s.close()
	if got := s.ask(s.Browser(), "alice@example.com").Is(http.StatusServiceUnavailable).Header.Get("Retry-After"); got == "" {
		t.Error("got no Retry-After")
	}
}

func TestConfigurationTellsEveryMistake(t *testing.T) {
	_, err := magiclink.New(magiclink.Config{BaseURL: "http://app.test", Base: "magic:x", Life: -1})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"Accounts", "Users", "Send", "BaseURL", "Base", "Life"} {
		if !strings.Contains(err.Error(), "field "+want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}
