package tenant_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// invited is the link that the owner of a new tenant sent to an address, as a path.
func (s *site) invited(in tenant.Tenant, owner, email string, as tenant.Role) string {
	s.t.Helper()
	v := s.signedIn(owner)
	v.switchTo(in)
	v.must(303, v.post("/tenants/invitations", fields("email", email, "role", string(as)), asPage...))
	path, ok := strings.CutPrefix(s.lastMail().link, here)
	if !ok {
		s.t.Fatalf("link %s", s.lastMail().link)
	}
	return path
}

func TestInvitation(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	path := s.invited(acme, "a", " B@example.com ", tenant.Admin)
	sent := s.lastMail()
	if sent.to.Email != "b@example.com" || sent.to.Role != tenant.Admin || sent.to.By != "a" || sent.from.Name != "Acme" {
		t.Errorf("sent %+v", sent)
	}
	// Whoever opens the link reads who invites, and how to come in. Nothing is used up by looking.
	nobody := &visitor{site: s}
	for range 3 {
		a := nobody.must(200, nobody.do("GET", path, nil, asPage...))
		for _, part := range []string{"invited to <bdi>Acme</bdi>", "/session/new?request_path=" + url.QueryEscape(path), `"/registration/new?invitation=` + strings.TrimPrefix(path, "/invitations/") + `"`} {
			if !strings.Contains(a.Body, part) {
				t.Errorf("the page lacks %q: %s", part, a.Body)
			}
		}
		if a.Header.Get("Referrer-Policy") != "same-origin" || a.Header.Get("Cache-Control") != "no-store" ||
			!strings.Contains(a.Header.Get("X-Robots-Tag"), "noindex") || a.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("headers %v", a.Header)
		}
	}
	b := s.signedIn("b")
	page := b.must(200, b.do("GET", path, nil, asPage...))
	if !strings.Contains(page.Body, `<form method="post" action="`+path+`"`) || !strings.Contains(page.Body, "Join <bdi>Acme</bdi>") {
		t.Errorf("no form: %s", page.Body)
	}
	if s.role(acme, "b") != "" {
		t.Fatal("looking has made a member")
	}
	s.took()
	if a := b.post(path, nil, asPage...); a.Status != 303 || a.Header.Get("Location") != "/" {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	b.in(acme)
	if s.role(acme, "b") != tenant.Admin || !slices.Equal(s.took(), []string{tenant.ActionAccepted + " by b"}) {
		t.Error("not an admin, or nobody heard of it")
	}
	for who, header := range map[string][]string{"page": asPage, "htmx": asHTMX, "json": asJSON} {
		for _, a := range []answer{b.post(path, nil, header...), nobody.do("GET", path, nil, header...)} {
			if a.Status != 410 || strings.Contains(a.Body, "Acme") {
				t.Errorf("a used invitation, %s: %d %s", who, a.Status, a.Body)
			}
		}
	}
}

// Whoever is not signed in when accepting signs in and comes back.
func TestInvitationLeadsThroughSigningIn(t *testing.T) {
	s := newSite(t)
	path := s.invited(s.tenant("Acme", "a"), "a", "b@example.com", tenant.Member)
	nobody := &visitor{site: s}
	a := nobody.do("POST", path, fields("return_to", path), asPage...)
	if want := "/session/new?request_path=" + url.QueryEscape(path); a.Status != 303 || a.Header.Get("Location") != want {
		t.Errorf("%d %s, want %s", a.Status, a.Header.Get("Location"), want)
	}
	nobody.must(303, nobody.post("/sign-in", fields("id", "b", "request_path", path)))
	nobody.must(200, nobody.do("GET", path, nil, asPage...))
	nobody.must(303, nobody.post(path, nil))
}

func TestInvitationIsForOneAddress(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	path := s.invited(acme, "a", "b@example.com", tenant.Owner)
	c := s.signedIn("c")
	page := c.must(200, c.do("GET", path, nil, asPage...))
	if strings.Contains(page.Body, "Join <bdi>") || !strings.Contains(page.Body, "another e-mail address") ||
		!strings.Contains(page.Body, "/link/p/c?return_to="+url.QueryEscape(path)) {
		t.Errorf("page for somebody else: %s", page.Body)
	}
	if strings.Contains(page.Body, "b@example.com") {
		t.Error("the page tells the address that was invited")
	}
	for who, header := range map[string][]string{"page": asPage, "htmx": asHTMX, "json": asJSON} {
		if a := c.post(path, nil, header...); a.Status != 409 {
			t.Errorf("%s: %d %s", who, a.Status, a.Body)
		}
	}
	if s.role(acme, "c") != "" {
		t.Error("somebody else has joined")
	}
	b := s.signedIn("c", "b") // the right account, beside the other one
	b.must(303, b.post(path, nil))
	if s.role(acme, "b") != tenant.Owner || s.role(acme, "c") != "" {
		t.Error("the wrong account has joined")
	}
}

func TestInvitationsThatAreNotOpen(t *testing.T) {
	secret := string(tenant.NewSecret())
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	owner := s.signedIn("a")
	owner.switchTo(acme)
	suspended := s.tenant("Suspended", "a")
	paths := map[string]string{
		"made up": "/invitations/" + secret, "too short": "/invitations/x", "too long": "/invitations/" + strings.Repeat("x", 500),
		"hostile":               "/invitations/" + url.PathEscape(`"><script>alert(1)</script>`),
		"of a suspended tenant": s.invited(suspended, "a", "b@example.com", tenant.Member),
		"replaced by a new one": s.invited(acme, "a", "b@example.com", tenant.Member),
	}
	paths["revoked"] = s.invited(acme, "a", "b@example.com", tenant.Member)
	owner.must(303, owner.post("/tenants/invitations/"+s.lastMail().to.ID+"/revoke", nil))
	owner.must(404, owner.post("/tenants/invitations/"+s.lastMail().to.ID+"/revoke", nil))
	if err := s.tenants.Suspend(t.Context(), suspended.ID); err != nil {
		t.Fatal(err)
	}
	b := s.signedIn("b")
	var body string
	for what, path := range paths {
		for _, a := range []answer{b.do("GET", path, nil, asJSON...), b.post(path, nil, asJSON...)} {
			if a.Status != 410 || body != "" && a.Body != body {
				t.Errorf("%s: %d %s, want 410, all alike", what, a.Status, a.Body)
			}
			body = a.Body
		}
	}
	late := time.Now().Add(8 * 24 * time.Hour)
	fresh := s.invited(acme, "a", "b@example.com", tenant.Member)
	s.clock.Store(&late)
	if a := b.post(fresh, nil, asJSON...); a.Status != 410 {
		t.Errorf("after a week: %d", a.Status)
	}
	if s.role(acme, "b") != "" || s.role(suspended, "b") != "" {
		t.Error("somebody joined")
	}
}

func TestInvitationIsAcceptedOnce(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	path := s.invited(acme, "a", "b@example.com", tenant.Member)
	browsers := []*visitor{s.signedIn("b"), s.signedIn("b"), s.signedIn("b"), s.signedIn("b")}
	status := make([]int, len(browsers))
	var all sync.WaitGroup
	for i, v := range browsers {
		all.Go(func() { status[i] = v.post(path, nil, asJSON...).Status })
	}
	all.Wait()
	slices.Sort(status)
	if !slices.Equal(status, []int{200, 410, 410, 410}) {
		t.Errorf("got %v", status)
	}
}

func TestWhoCanBeInvited(t *testing.T) {
	s := newSite(t, func(c *tenant.Config) { c.MaxInvitations = 2 })
	acme := s.tenant("Acme", "a", "b", tenant.Member)
	v := s.signedIn("a")
	v.switchTo(acme)
	for email, part := range map[string]string{
		"": "enter an e-mail", "nobody": "enter an e-mail", "a@b@c": "enter an e-mail", "x@example.com\r\nBcc: y@example.com": "enter an e-mail",
		"Eve <x@example.com>": "enter an e-mail", "x@example.com,y@example.com": "enter an e-mail", strings.Repeat("x", 250) + "@example.com": "enter an e-mail",
		"B@EXAMPLE.COM": "is a member",
	} {
		a := v.post("/tenants/invitations", fields("email", email, "role", "member"), asPage...)
		if a.Status != 422 || !strings.Contains(a.Body, part) || !strings.Contains(a.Body, `aria-describedby="invite-email-problem"`) {
			t.Errorf("%q: %d %s", email, a.Status, a.Body)
		}
	}
	if a := v.post("/tenants/invitations", fields("email", "x@example.com", "role", "king"), asPage...); a.Status != 422 ||
		!strings.Contains(a.Body, `value="x@example.com"`) || !strings.Contains(a.Body, "invite-role-problem") {
		t.Errorf("role: %d %s", a.Status, a.Body)
	}
	invite := func(email string) int {
		return v.post("/tenants/invitations", fields("email", email, "role", "member"), asJSON...).Status
	}
	for i, tc := range []struct {
		email string
		want  int
	}{{"x@example.com", 201}, {"y@example.com", 201}, {"z@example.com", 422}, {"x@example.com", 201}} {
		if got := invite(tc.email); got != tc.want {
			t.Errorf("invitation %d: %d, want %d", i+1, got, tc.want)
		}
	}
	if s.sent() != 3 {
		t.Errorf("%d mails, want 3", s.sent())
	}
}

func TestInvitationThatCannotBeSentIsClosed(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	s.unsent = errors.New("smtp: password=hunter2")
	a := v.post("/tenants/invitations", fields("email", "x@example.com", "role", "member"), asJSON...)
	if a.Status != 503 || strings.Contains(a.Body, "hunter2") || !strings.Contains(a.Body, "could not be sent") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if open, _ := s.db.Invitations(t.Context(), acme.ID, time.Now()); len(open) != 0 {
		t.Errorf("open: %+v", open)
	}
}

func TestInvitationsAreLimited(t *testing.T) {
	s := newSite(t, func(c *tenant.Config) {
		limits, err := attempts.New(attempts.Config{
			PerAccount: attempts.Backoff{Tries: -1}, PerAddress: attempts.Rate{Tries: 2, Per: time.Hour}, Global: attempts.Rate{Tries: -1},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Limits = limits
	})
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	for i, want := range []int{201, 201, 429} {
		a := v.post("/tenants/invitations", fields("email", "x"+string(rune('a'+i))+"@example.com", "role", "member"), asJSON...)
		if a.Status != want || want == 429 && a.Header.Get("Retry-After") == "" {
			t.Errorf("invitation %d: %d %s", i+1, a.Status, a.Body)
		}
	}
	if a := v.post("/tenants", fields("account_name", "Globex"), asJSON...); a.Status != 429 {
		t.Errorf("another tenant: %d", a.Status)
	}
}

func TestNobodyCanBeInvitedWithoutASender(t *testing.T) {
	s := newSite(t, func(c *tenant.Config) { c.Invite = nil })
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	if a := v.post("/tenants/invitations", fields("email", "x@example.com", "role", "member"), asJSON...); a.Status != 404 {
		t.Errorf("%d", a.Status)
	}
	if a := v.do("GET", "/tenants/members", nil, asPage...); a.Status != 200 || strings.Contains(a.Body, "/tenants/invitations") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// The link begins with what is configured, not with what a request calls this site: the secret would go there.
func TestLinkOfAnInvitationIgnoresTheHost(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	v.post("/tenants/invitations", fields("email", "x@example.com", "role", "member"), "Host", "evil.test", "X-Forwarded-Host", "evil.test")
	if link := s.lastMail().link; !strings.HasPrefix(link, here+"/invitations/") || len(link) != len(here+"/invitations/")+43 {
		t.Errorf("link %s", link)
	}
}
