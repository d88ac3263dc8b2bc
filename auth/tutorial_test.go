package auth_test

import (
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
)

// PT-05
func TestRegisteringAnAddressThatExistsIsAnErrorOnEmail(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	a := s.visitor().register("Acme", " Alice@Example.com")
	if a.Status != 422 || problem(t, a, "email") == "" || problem(t, a, "account_name") != "" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if !s.isFree("Acme") {
		t.Error("the tenant exists")
	}
}

// PT-08, PT-09
func TestAProtectedPageLeadsToSigningInAndBack(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.visitor()
	v.leads(v.get("/private"), "/session/new?request_path=%2Fprivate")
	v.leads(v.submit("/session/new?request_path=%2Fprivate", "/session", "email", "alice@example.com", "password", good), "/private")
	v.must(200, v.get("/private"))

	if a := s.visitor().get("/private", asJSON...); a.Status != 401 || a.json(t)["error"] != "not_signed_in" {
		t.Errorf("JSON: got %d %s", a.Status, a.Body)
	}
	if a := s.visitor().get("/private", asHTMX...); !strings.HasPrefix(a.Header.Get("HX-Redirect"), "/session/new") {
		t.Errorf("htmx: got %d %v", a.Status, a.Header)
	}
}

// PT-09: a wrong password and the way to registration do not lose the page to come back to.
func TestThePageToComeBackToSurvivesMistakesAndRegistration(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	a := v.must(422, v.submit("/session/new?request_path=%2Fprivate", "/session", "email", "alice@example.com", "password", "wrong"))
	if got := fill(t, a, "/session").Get("request_path"); got != "/private" {
		t.Errorf("request_path is %q", got)
	}
	if len(a.page(t).With("href", "/registration/new?request_path=%2Fprivate")) != 1 {
		t.Errorf("no link to registration that comes back in %s", a.Body)
	}
	a = v.post("/registration", fill(t, v.get("/registration/new?request_path=%2Fprivate"), "/registration", "account_name", "Acme",
		"email", "alice@example.com", "password", good, "password_confirmation", good))
	v.leads(a, "/private")
	for _, evil := range []string{"https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"} {
		other := s.visitor()
		a := other.get("/session/new?request_path=" + url.QueryEscape(evil))
		if strings.Contains(a.Body, `name="request_path"`) {
			t.Errorf("%s: in the form of %s", evil, a.Body)
		}
		f := fill(t, a, "/session", "email", "alice@example.com", "password", good, "request_path", evil)
		other.leads(other.post("/session", f), "/")
	}
}

// PT-11
func TestTheRegistrationPageHasAllFieldsWithLabelsAndSlotsForErrors(t *testing.T) {
	s := newSite(t, func(c *auth.Config) {
		c.Fields = []auth.Field{{Name: "phone", Label: "Phone", Type: "tel", Hint: "With the prefix."}}
	})
	page := s.visitor().get("/registration/new").page(t)
	for name, want := range map[string]struct{ kind, autocomplete string }{
		"account_name": {"text", "organization"}, "email": {"email", "username"}, "password": {"password", "new-password"},
		"password_confirmation": {"password", "new-password"}, "phone": {"tel", "off"},
	} {
		inputs := page.With("name", name)
		if len(inputs) != 1 {
			t.Fatalf("%d fields %s", len(inputs), name)
		}
		in := inputs[0].Attr
		if in["type"] != want.kind || in["autocomplete"] != want.autocomplete {
			t.Errorf("%s: %v", name, in)
		}
		if labels := page.With("for", in["id"]); len(labels) != 1 || labels[0].Text() == "" {
			t.Errorf("%s has no label", name)
		}
	}
	if focused := page.With("autofocus", ""); len(focused) != 1 || focused[0].Attr["name"] != "account_name" {
		t.Errorf("the cursor is in %v", focused)
	}
	a := s.visitor().register("", "nobody", "phone", strings.Repeat("1", 201), "password", "short", "password_confirmation", "shorter")
	for _, name := range []string{"account_name", "email", "password", "password_confirmation", "phone"} {
		if problem(t, a, name) == "" {
			t.Errorf("nothing beside %s in %s", name, a.Body)
		}
	}
	if focused := a.page(t).With("autofocus", ""); len(focused) != 1 || focused[0].Attr["name"] != "account_name" {
		t.Errorf("after mistakes the cursor is in %v", focused)
	}
	if alert(t, a) == "" {
		t.Error("nobody who does not see the page hears that something is wrong")
	}
}

// PT-12, PT-18, PT-19, PT-22
func TestRegisteringMakesOneTenantWithOneUserWhoIsSignedIn(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.leads(v.register("Acme Rockets", "alice@example.com"), "/")
	if got := s.tenants("alice@example.com"); len(got) != 1 || got[0] != "Acme Rockets:owner" {
		t.Errorf("belongs to %v", got)
	}
	if u, _ := s.user("alice@example.com"); u.Name != "Acme Rockets" || !u.IsActive() {
		t.Errorf("user %+v", u)
	}
	if got := v.get("/private").Body; got != "Welcome alice@example.com" {
		t.Errorf("private says %q", got)
	}
	other := s.visitor()
	other.register("Bolts", "bob@example.com")
	if got := other.get("/private").Body; got != "Welcome bob@example.com" { // PT-19
		t.Errorf("private says %q", got)
	}
	if got := s.took(); len(got) != 2 || got[0] != auth.ActionRegistered {
		t.Errorf("events %v", got)
	}
	v.leads(v.post("/session/sign_out", url.Values{"_stamp": {v.stamp()}}), "/")
	v.leads(v.get("/private"), "/session/new?request_path=%2Fprivate") // PT-22
}

// PT-13
func TestABlankAccountNameMakesNothing(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"", "   ", "\u200b", "admin", "x"} {
		a := s.visitor().register(name, "alice@example.com")
		if a.Status != 422 || problem(t, a, "account_name") == "" {
			t.Errorf("%q: got %d %s", name, a.Status, a.Body)
		}
		if _, ok := s.user("alice@example.com"); ok {
			t.Fatalf("%q: the user exists", name)
		}
	}
	if n := s.hasher.hashed.Load(); n != 0 {
		t.Errorf("%d hashes for forms that cannot be accepted", n)
	}
}

// PT-14
func TestAnyOtherMistakeMakesNoTenant(t *testing.T) {
	s := newSite(t)
	for sentence, c := range map[string]struct {
		field string
		typed []string
	}{
		"no address":           {"email", []string{"email", ""}},
		"not an address":       {"email", []string{"email", "alice"}},
		"two addresses":        {"email", []string{"email", "a@example.com, b@example.com"}},
		"an address of a name": {"email", []string{"email", "Alice <alice@example.com>"}},
		"a header in it":       {"email", []string{"email", "alice@example.com\r\nBcc: b@example.com"}},
		"an invisible sign":    {"email", []string{"email", "ali\u200bce@example.com"}},
		"text that turns":      {"email", []string{"email", "ali\u202ece@example.com"}},
		"a long address":       {"email", []string{"email", strings.Repeat("a", 250) + "@example.com"}},
		"a short password":     {"password", []string{"password", "kq7xv9w", "password_confirmation", "kq7xv9w"}},
		"a common password":    {"password", []string{"password", "Password123", "password_confirmation", "Password123"}},
		"the address":          {"password", []string{"password", "alice@example.com", "password_confirmation", "alice@example.com"}},
		"the tenant":           {"password", []string{"password", "acmerockets1", "password_confirmation", "acmerockets1"}},
		"a mismatch":           {"password_confirmation", []string{"password_confirmation", good + "."}},
	} {
		t.Run(sentence, func(t *testing.T) {
			a := s.visitor().register("Acme Rockets", "alice@example.com", c.typed...)
			if a.Status != 422 || problem(t, a, c.field) == "" || problem(t, a, "account_name") != "" {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
			if !s.isFree("Acme Rockets") {
				t.Error("the tenant exists")
			}
			for _, in := range a.page(t).With("type", "password") {
				if in.Attr["value"] != "" {
					t.Error("a password comes back")
				}
			}
			if in := a.page(t).With("name", "account_name")[0]; in.Attr["value"] != "Acme Rockets" {
				t.Errorf("what was typed is lost: %v", in.Attr)
			}
		})
	}
}

// PT-15
func TestATakenAccountNameIsAnErrorOnItsField(t *testing.T) {
	s := newSite(t)
	s.visitor().register("Acme", "alice@example.com")
	for _, name := range []string{"Acme", "ACME", "  acme ", "Ａｃｍｅ"} {
		v := s.visitor()
		a := v.register(name, "bob@example.com")
		if a.Status != 422 || problem(t, a, "account_name") == "" || problem(t, a, "email") != "" {
			t.Errorf("%q: got %d %s", name, a.Status, a.Body)
		}
		if _, ok := s.user("bob@example.com"); ok || v.current() != "" {
			t.Errorf("%q: the user exists", name)
		}
	}
	a := s.visitor().register("Acme", "alice@example.com") // both at once
	if problem(t, a, "account_name") == "" || problem(t, a, "email") == "" {
		t.Errorf("got %s", a.Body)
	}
}

// PT-15: between the look ahead and the transaction somebody else may be faster.
func TestANameThatIsTakenAtTheLastMomentIsAnErrorOnItsField(t *testing.T) {
	s := newSite(t)
	hash := s.hasher.Hasher
	s.hasher.Hasher = meanwhile{hash, func() { s.addTenant("Acme", "bob@example.com") }}
	a := s.visitor().register("Acme", "bob@example.com")
	if a.Status != 422 || problem(t, a, "account_name") == "" || problem(t, a, "email") == "" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

// PT-17, PT-24
func TestAProfileIsChangedWithoutAnAccountNameAndOneThatIsSentMakesNothing(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.register("Acme", "alice@example.com")
	v.leads(v.submit("/profile", "/profile", "email", "alice@new.example.com"), "/profile") // PT-24
	if v.current() != "alice@new.example.com" {
		t.Errorf("is %q", v.current())
	}
	v.leads(v.submit("/profile", "/profile", "account_name", "Bolts", "tenant[name]", "Bolts", "name", "Alice"), "/profile") // PT-17
	if got := s.tenants("alice@new.example.com"); len(got) != 1 || got[0] != "Acme:owner" || !s.isFree("Bolts") {
		t.Errorf("belongs to %v", got)
	}
	if u, _ := s.user("alice@new.example.com"); u.Name != "Alice" {
		t.Errorf("name is %q", u.Name)
	}
}

// PT-20
func TestTheRoutesAreMountedBehindThePlugin(t *testing.T) {
	s := newSite(t)
	mounted := map[string]bool{}
	for _, r := range s.app.GetRoutes() {
		mounted[r.Method+" "+r.Path] = true
	}
	for _, route := range []string{"GET /session/new", "POST /session", "POST /session/sign_out", "GET /registration/new", "POST /registration",
		"GET /profile", "POST /profile", "POST /profile/password", "POST /profile/delete"} {
		if !mounted[route] {
			t.Errorf("%s is not mounted", route)
		}
	}
	for _, path := range []string{"/session", "/registration"} { // another site's form
		a := s.visitor().post(path, url.Values{}, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site")
		if a.Status != 403 {
			t.Errorf("%s: got %d", path, a.Status)
		}
	}
}

// PT-21
func TestTheAppsOwnTemplateTakesThePlaceOfOnePage(t *testing.T) {
	s := newSite(t, func(c *auth.Config) {
		c.Templates = fstest.MapFS{"registration.html": {Data: []byte(
			`<h1 class="text-xl">Join us</h1><form method="post" action="{{.Form.Action}}" class="stack">{{.Form.Hidden}}` +
				`{{with .Form.Input "account_name"}}<input class="field" name="{{.Name}}" value="{{.Value}}">{{.Problem}}{{end}}</form>`)}}
	})
	if a := s.visitor().get("/registration/new"); !strings.Contains(a.Body, `<h1 class="text-xl">Join us</h1>`) ||
		!strings.Contains(a.Body, `<input class="field" name="account_name"`) {
		t.Errorf("got %s", a.Body)
	}
	if a := s.visitor().register("", "alice@example.com"); a.Status != 422 || !strings.Contains(a.Body, "Please enter a name.") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if a := s.visitor().get("/session/new"); !strings.Contains(a.Body, "<h1>Sign in</h1>") {
		t.Errorf("the sign-in page is not the default: %s", a.Body)
	}
}

// PT-23
func TestAFailedUserLeavesNoTenantAndTheNameCanBeUsedAgain(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.visitor()
	v.must(422, v.register("Acme", "alice@example.com"))
	v.leads(v.register("Acme", "alice2@example.com"), "/")
	if got := s.tenants("alice2@example.com"); len(got) != 1 || got[0] != "Acme:owner" {
		t.Errorf("belongs to %v", got)
	}
}

// PT-25
func TestMistakesInTheConfigurationAreToldTogetherAtTheStart(t *testing.T) {
	_, err := auth.New(auth.Config{
		Policy: "whatever", RecentSignIn: -1, Paths: auth.Paths{Session: "session", Profile: "/registration"},
		Fields:    []auth.Field{{Name: "email", Label: "E-mail"}, {Name: "Phone no"}, {Name: "a", Label: "A", Type: "hidden", Max: -1}},
		Mail:      &auth.Mail{BaseURL: "www.example.com", Life: -1},
		Templates: fstest.MapFS{"sign_in.html": {Data: []byte("{{.Nothing")}},
	})
	for _, word := range []string{"Accounts", "Users", "Policy", "RecentSignIn", "Paths.Session", "Paths.", "Fields[0].Name", "Fields[1].Name",
		"Fields[1].Label", "Fields[2].Type", "Fields[2].Max", "Mail.BaseURL", "Mail.Send", "Mail.Life", "Templates"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("nothing about %s in: %v", word, err)
		}
	}
}

// PT-25: what is changed later counts after a restart.
func TestTheConfigurationIsReadOnce(t *testing.T) {
	fields, texts := []auth.Field{{Name: "phone", Label: "Phone"}}, map[string]string{"wrong_credentials": "No."}
	s := newSite(t, func(c *auth.Config) { c.Fields, c.Texts.Problems = fields, texts })
	fields[0].Name, texts["wrong_credentials"], texts["email.blank"] = "fax", "Yes.", "Yes."
	if page := s.visitor().get("/registration/new").page(t); len(page.With("name", "phone")) != 1 {
		t.Error("the field has changed")
	}
	if a := s.visitor().signIn("alice@example.com", "x"); alert(t, a) != "No." {
		t.Errorf("says %q", alert(t, a))
	}
	if len(texts) != 2 {
		t.Errorf("the app's own texts are %v", texts)
	}
}

// below is a plugin that leads to routes below a prefix.
type below struct {
	*multiaccount.Plugin[auth.User]
	prefix string
}

func (b below) Paths() multiaccount.Paths {
	return multiaccount.Paths{SignIn: b.prefix + "/session/new", AppSignOut: b.prefix + "/session/sign_out"}
}

func TestTheRoutesBelowAGroup(t *testing.T) {
	s := newSite(t)
	a, err := auth.New(auth.Config{Accounts: below{s.accounts, "/members"}, Users: s.db, Hasher: s.hasher, Limits: limits(t, -1)})
	if err != nil {
		t.Fatal(err)
	}
	a.Register(s.app.Group("/members/"))
	v := s.visitor()
	v.leads(v.submit("/members/registration/new", "/members/registration", "account_name", "Acme", "email", "alice@example.com",
		"password", good, "password_confirmation", good), "/")
	v.leads(v.submit("/members/profile", "/members/profile", "name", "Alice"), "/members/profile")
	defer func() {
		if recover() == nil {
			t.Error("a group with parameters is accepted")
		}
	}()
	a.Register(s.app.Group("/:lang"))
}

// PT-26
func TestNestedFieldsAreAnotherWayToAskForMore(t *testing.T) {
	s := newSite(t, func(c *auth.Config) {
		c.Fields = []auth.Field{{Name: "company[size]", Label: "Size", Required: true, Check: func(v string) string {
			if v == "0" {
				return "Too small."
			}
			return ""
		}}}
	})
	a := s.visitor().register("Acme", "alice@example.com", "company[size]", "0")
	if a.Status != 422 || problem(t, a, "company[size]") != "Too small." || !s.isFree("Acme") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	a = s.visitor().register("Acme", "alice@example.com")
	if a.Status != 422 || problem(t, a, "company[size]") == "" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	v := s.visitor()
	v.leads(v.register("Acme", "alice@example.com", "company[size]", " 12 ", "company[name]", "Other"), "/")
	if len(s.registered) != 1 || len(s.registered[0]) != 1 || s.registered[0]["company[size]"] != "12" {
		t.Errorf("registered with %v", s.registered)
	}
}
