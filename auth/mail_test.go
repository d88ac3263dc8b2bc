package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// newMailSite is a site that sends e-mails.
func newMailSite(t testing.TB, change ...func(*auth.Config)) *site {
	t.Helper()
	var s *site
	s = newSite(t, append(change, func(c *auth.Config) {
		c.Mail = &auth.Mail{BaseURL: here + "/", Send: func(ctx context.Context, m auth.Message) error { return s.send(ctx, m) }}
	})...)
	return s
}

// mail returns the only message since the last time, and the path of its link.
func (s *site) mail() (auth.Message, string) {
	s.t.Helper()
	mails := s.mailbox()
	if len(mails) != 1 {
		s.t.Fatalf("messages %+v, want one", mails)
	}
	path, ok := strings.CutPrefix(mails[0].Link, here)
	if !ok {
		s.t.Fatalf("link %q", mails[0].Link)
	}
	return mails[0], path
}

// EN-02
func TestWithMailRegistrationTellsNothingOfAddresses(t *testing.T) {
	for _, asks := range [][]string{{"Accept", "text/html"}, asJSON, asHTMX} {
		s := newMailSite(t)
		s.add("known@example.com")
		var answers []string
		for _, email := range []string{"known@example.com", "fresh@example.com"} {
			before := s.hasher.hashed.Load()
			v := s.visitor()
			a := v.post("/registration", url.Values{"account_name": {"Acme"}, "email": {email}, "password": {good},
				"password_confirmation": {good}, "_intent": {""}}, asks...)
			if a.Status/100 != 2 || s.hasher.hashed.Load()-before != 1 || len(v.cookies) > 0 {
				t.Errorf("%s: got %d %s, %d hashes", email, a.Status, a.Body, s.hasher.hashed.Load()-before)
			}
			a.Header.Del("Date")
			answers = append(answers, fmt.Sprint(a))
			m, _ := s.mail()
			want := auth.ConfirmRegistration
			if email == "known@example.com" {
				want = auth.Known
			}
			if m.Kind != want || m.To != email {
				t.Errorf("message %+v", m)
			}
		}
		if answers[0] != answers[1] {
			t.Errorf("got\n%s\nand\n%s", answers[0], answers[1])
		}
		if _, ok := s.user("fresh@example.com"); ok || !s.isFree("Acme") {
			t.Error("the user exists before the link was followed")
		}
		a := s.visitor().post("/registration", url.Values{"account_name": {"x"}, "email": {"known@example.com"}}, asJSON...)
		if fields := a.json(t)["fields"].(map[string]any); a.Status != 422 || fields["email"] != nil || fields["account_name"] == nil {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	}
}

// EN-02: the name of a tenant is public, and that it is taken says nothing of the address.
func TestWithMailATakenNameIsToldWhateverTheAddress(t *testing.T) {
	s := newMailSite(t)
	s.addTenant("Acme", "known@example.com")
	for _, email := range []string{"known@example.com", "fresh@example.com"} {
		a := s.visitor().register("Acme", email)
		if a.Status != 422 || problem(t, a, "account_name") == "" || problem(t, a, "email") != "" || len(s.mailbox()) > 0 {
			t.Errorf("%s: got %d %s", email, a.Status, a.Body)
		}
	}
}

func TestFollowingTheLinkRegistersWhoeverKnowsThePassword(t *testing.T) {
	s := newMailSite(t, func(c *auth.Config) { c.Fields = []auth.Field{{Name: "phone", Label: "Phone"}} })
	a := s.visitor().register("Acme", "Alice@example.com", "phone", "+49 1")
	if a.Status != 202 {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	_, path := s.mail()
	v := s.visitor() // another browser: mail is read on the phone
	page := v.must(200, v.get(path))
	if _, ok := s.user("alice@example.com"); ok {
		t.Fatal("opening the link was enough: programs do that")
	}
	a = v.post(path, fill(t, page, path, "password", "another one"))
	if _, ok := s.user("alice@example.com"); a.Status != 422 || problem(t, a, "password") == "" || ok {
		t.Errorf("with another password: got %d %s", a.Status, a.Body)
	}
	v.leads(v.post(path, fill(t, page, path, "password", good)), "/")
	if got := s.tenants("alice@example.com"); !slices.Equal(got, []string{"Acme:owner"}) || v.current() != "Alice@example.com" {
		t.Errorf("belongs to %v, current %q", got, v.current())
	}
	if len(s.registered) != 1 || s.registered[0]["phone"] != "+49 1" {
		t.Errorf("registered with %v", s.registered)
	}
	if a := v.get(path); a.Status != 404 {
		t.Errorf("the link again: got %d", a.Status)
	}
}

// Whoever registers with the address of another must not have the password to the account that the other one confirms.
func TestConfirmingAForeignRegistrationGivesNobodyAnAccount(t *testing.T) {
	s := newMailSite(t)
	s.visitor().register("Acme", "victim@example.com") // by the attacker
	_, path := s.mail()
	victim := s.visitor()
	for range 2 {
		victim.must(422, victim.submit(path, path, "password", "the password of the victim"))
	}
	if _, ok := s.user("victim@example.com"); ok {
		t.Error("the user exists")
	}
}

func TestTriesAtThePasswordBehindALinkAreLimited(t *testing.T) {
	s := newMailSite(t, func(c *auth.Config) { c.Limits = limits(t, 3) })
	s.visitor().register("Acme", "alice@example.com")
	_, path := s.mail()
	for i := range 4 {
		if a := s.visitor().submit(path, path, "password", "wrong"); (a.Status == 429) != (i == 3) {
			t.Errorf("try %d: got %d", i+1, a.Status)
		}
	}
}

func TestALinkThatIsOverIsOver(t *testing.T) {
	s := newMailSite(t)
	s.visitor().register("Acme", "alice@example.com")
	_, path := s.mail()
	v := s.visitor()
	form := fill(t, v.get(path), path, "password", good)
	s.wait(61 * time.Minute)
	for _, path := range []string{path, "/confirm/" + string(tenant.NewSecret()), "/confirm/x"} {
		if a := v.get(path); a.Status != 404 {
			t.Errorf("got %d", a.Status)
		}
		if a := v.post(path, form, asJSON...); a.Status != 404 || a.json(t)["error"] != "link_over" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	}
	if _, ok := s.user("alice@example.com"); ok {
		t.Error("the user exists")
	}
}

func TestWhatWasTakenMeanwhileIsTold(t *testing.T) {
	s := newMailSite(t)
	s.visitor().register("Acme", "alice@example.com")
	_, path := s.mail()
	s.addTenant("Acme", "bob@example.com")
	a := s.visitor().submit(path, path, "password", good)
	if _, ok := s.user("alice@example.com"); a.Status != 409 || ok {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

// A link that was not sent, or that fails on the way, can be asked for or followed again.
func TestALinkThatFailsCanBeTriedAgain(t *testing.T) {
	s := newMailSite(t)
	s.visitor().register("Acme", "alice@example.com")
	_, path := s.mail()
	v := s.visitor()
	form := fill(t, v.get(path), path, "password", good)
	s.refuses.Store(true)
	if a := v.post(path, form); a.Status != 503 {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	s.refuses.Store(false)
	v.leads(v.post(path, form), "/")

	unsent := newSite(t, func(c *auth.Config) {
		c.Mail = &auth.Mail{BaseURL: here, Send: func(context.Context, auth.Message) error { return errors.New("hunter2") }}
	})
	if a := unsent.visitor().register("Acme", "alice@example.com"); a.Status != 503 || strings.Contains(a.Body, "hunter2") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestTheAppsOwnRefusalIsToldToWhoeverFollowsTheLink(t *testing.T) {
	s := newMailSite(t, func(c *auth.Config) {
		c.Registered = func(context.Context, auth.User, map[string]string) error {
			return auth.Problems{"phone": {Code: "used", Text: "This number is used."}, "size": {Code: "full", Text: "No room."}}
		}
	})
	s.visitor().register("Acme", "alice@example.com")
	_, path := s.mail()
	a := s.visitor().submit(path, path, "password", good)
	if a.Status != 422 || alert(t, a) != "This number is used. No room." || !s.isFree("Acme") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestRegisteringByMailWhileLinkingAddsTheAccount(t *testing.T) {
	s := newMailSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	v.beginLink()
	v.must(202, v.register("Bolts", "bob@example.com"))
	_, path := s.mail()
	v.leads(v.submit(path, path, "password", good), "/")
	if d := v.document(); d["state"] != "multi" || v.current() != "bob@example.com" {
		t.Errorf("got %v", d)
	}
}

func TestANewAddressCountsOnceItsLinkWasFollowed(t *testing.T) {
	s := newMailSite(t)
	s.add("alice@example.com")
	s.add("bob@example.com")
	v := s.signedIn("alice@example.com")
	s.took()
	var answers []string
	for _, to := range []string{"bob@example.com", "new@example.com"} {
		a := v.post("/profile", url.Values{"_stamp": {v.stamp()}, "email": {to}}, asJSON...)
		answers = append(answers, fmt.Sprint(a.Status, a.Body))
		if v.current() != "alice@example.com" {
			t.Fatalf("is %q before the link was followed", v.current())
		}
		m, path := s.mail()
		if to == "bob@example.com" {
			if m.Kind != auth.Known || m.To != to || path != "/session/new" {
				t.Errorf("message %+v", m)
			}
			continue
		}
		if m.Kind != auth.ConfirmEmail || m.To != to {
			t.Errorf("message %+v", m)
		}
		form := fill(t, v.get(path), path)
		if a := s.visitor().post(path, url.Values{}); a.Status != 403 {
			t.Errorf("signed out: got %d", a.Status)
		}
		other := s.signedIn("bob@example.com")
		if a := other.post(path, url.Values{"_stamp": {other.stamp()}}); a.Status != 403 {
			t.Errorf("as another user: got %d", a.Status)
		}
		v.leads(v.post(path, form), "/profile")
		if v.current() != "new@example.com" {
			t.Errorf("is %q", v.current())
		}
		if a := v.get(path); a.Status != 404 {
			t.Errorf("the link again: got %d", a.Status)
		}
	}
	if answers[0] != answers[1] {
		t.Errorf("got\n%s\nand\n%s", answers[0], answers[1])
	}
	if got := s.took(); !slices.Equal(got, []string{auth.ActionEmailChanged}) {
		t.Errorf("events %v", got)
	}
	v.leads(v.submit("/profile", "/profile", "email", "New@Example.com"), "/profile") // another spelling of his own needs no link
	if v.current() != "New@Example.com" {
		t.Errorf("is %q", v.current())
	}
}

// Whoever asked for a page, registered and followed the link sees that page, whatever browser he reads his mail in. What leads
// elsewhere than to this site leads home.
func TestTheLinkLeadsOnToThePageThatWasAskedFor(t *testing.T) {
	for asked, want := range map[string]string{
		"/private?a=b": "/private?a=b", "": "/", "https://evil.example/": "/", "//evil.example": "/", "/session/new": "/",
		"/" + strings.Repeat("x", 2048): "/", `/"><script>`: "/%22%3E%3Cscript%3E",
	} {
		s := newMailSite(t)
		start := "/registration/new?request_path=" + url.QueryEscape(asked)
		s.visitor().submit(start, "/registration", "account_name", "Acme", "email", "alice@example.com", "password", good,
			"password_confirmation", good)
		_, path := s.mail()
		v := s.visitor()
		a := v.submit(path, path, "password", "another one") // a mistake on the way
		if a.Status != 422 {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		v.leads(v.post(path, fill(t, a, path, "password", good)), want)
	}
}

// A form of a program's own names where to go on as the page does, and what it names is checked again where the link ends.
func TestAReturnPathThatWasPostedIsCheckedWhereTheLinkEnds(t *testing.T) {
	for asked, want := range map[string]string{
		"/private": "/private", "//evil.example": "/", "/" + strings.Repeat("x", 2048): "/",
	} {
		s := newMailSite(t)
		s.visitor().post("/registration", url.Values{"account_name": {"Acme"}, "email": {"alice@example.com"}, "password": {good},
			"password_confirmation": {good}, "request_path": {asked}})
		_, path := s.mail()
		v := s.visitor()
		v.leads(v.submit(path, path, "password", good), want)
	}
}
