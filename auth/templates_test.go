package auth_test

import (
	"html/template"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
)

func TestAPageInTheAppsLayout(t *testing.T) {
	s := newSite(t, func(c *auth.Config) {
		c.Layout = func(c *fiber.Ctx, p multiaccount.Page) error {
			c.Type("html", "utf-8")
			return c.Status(p.Status).SendString("<header>" + p.Title + p.Lang + "</header>" + string(p.Head) + string(p.Body))
		}
	})
	a := s.visitor().signIn("alice@example.com", "wrong")
	if a.Status != 422 || !strings.HasPrefix(a.Body, "<header>Sign inen</header><meta") || !strings.Contains(a.Body, "<h1>Sign in</h1>") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestTextsInAnotherLanguage(t *testing.T) {
	s := newSite(t, func(c *auth.Config) {
		c.Texts = auth.Texts{Lang: "de", SignInTitle: "Anmelden", Problems: map[string]string{
			"wrong_credentials": "Adresse oder Passwort stimmt nicht.", "account_name.blank": "Bitte einen Namen.", "password.too_short": "Zu kurz.",
		}}
	})
	a := s.visitor().signIn("alice@example.com", "wrong")
	if page := a.page(t); len(page.With("lang", "de")) != 1 || page.Tags("h1")[0].Text() != "Anmelden" ||
		alert(t, a) != "Adresse oder Passwort stimmt nicht." {
		t.Errorf("got %s", a.Body)
	}
	a = s.visitor().register("", "alice@example.com", "password", "x", "password_confirmation", "y")
	if problem(t, a, "account_name") != "Bitte einen Namen." || problem(t, a, "password") != "Zu kurz." ||
		problem(t, a, "password_confirmation") != "The two passwords are not the same." {
		t.Errorf("got %s", a.Body)
	}
}

func TestOtherWaysInStandBesideTheForms(t *testing.T) {
	part := func(text string) func(*fiber.Ctx) (template.HTML, error) {
		return func(c *fiber.Ctx) (template.HTML, error) { return template.HTML("<b>" + text + "</b>"), nil }
	}
	s := newSite(t, func(c *auth.Config) {
		c.OtherWays = []func(*fiber.Ctx) (template.HTML, error){part("by provider"), part("by card")}
		c.SignInWays = []func(*fiber.Ctx) (template.HTML, error){part("by link")}
		c.ProfileParts = []func(*fiber.Ctx) (template.HTML, error){part("connect")}
	})
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	for path, texts := range map[string][]string{
		"/session/new":      {"<b>by provider</b>", "<b>by card</b>", "<b>by link</b>"},
		"/registration/new": {"<b>by provider</b>", "<b>by card</b>"},
		"/profile":          {"<b>connect</b>"},
	} {
		for _, text := range texts {
			if a := v.get(path); !strings.Contains(a.Body, text) {
				t.Errorf("%s: no %s in %s", path, text, a.Body)
			}
		}
	}
	if a := v.get("/registration/new"); strings.Contains(a.Body, "by link") {
		t.Errorf("who has no account yet is offered what needs one: %s", a.Body)
	}
}

// A mistake in a template is told at the start and not to the first visitor.
func TestTemplatesThatCannotBeDrawn(t *testing.T) {
	s := newSite(t)
	for sentence, files := range map[string]fs.FS{
		"a field that is not there":  fstest.MapFS{"profile.html": {Data: []byte(`{{.Nothing}}`)}},
		"a part that is not there":   fstest.MapFS{"sign_in.html": {Data: []byte(`{{template "nothing" .}}`)}},
		"markup that does not close": fstest.MapFS{"message.html": {Data: []byte(`<a href="{{.Message}}`)}},
		"the wrong folder":           fstest.MapFS{"auth/sign_in.html": {Data: []byte(`x`)}},
	} {
		_, err := auth.New(auth.Config{Accounts: s.accounts, Users: authtest.NewStore(), Templates: files})
		if err == nil || !strings.Contains(err.Error(), "field Templates") {
			t.Errorf("%s: got %v", sentence, err)
		}
	}
}

func TestAWrongNameOfATemplateIsToldWithTheRightOnes(t *testing.T) {
	s := newSite(t)
	files := fstest.MapFS{"signin.html": {Data: []byte(`x`)}, "profile.html": {Data: []byte(`x`)}}
	_, err := auth.New(auth.Config{Accounts: s.accounts, Users: authtest.NewStore(), Templates: files})
	if err == nil || !strings.Contains(err.Error(), "has signin.html, which") || !strings.Contains(err.Error(), "sign_in.html") ||
		!strings.Contains(err.Error(), "parts.html") {
		t.Errorf("got %v", err)
	}
}

// A variable of the plugin that is assigned too late is a pointer to nothing, and no interface is nil that holds one.
func TestAPluginThatIsNotThereYetIsMissing(t *testing.T) {
	var accounts *multiaccount.Plugin[auth.User]
	_, err := auth.New(auth.Config{Accounts: accounts, Users: authtest.NewStore()})
	if err == nil || !strings.Contains(err.Error(), "field Accounts is missing") {
		t.Errorf("got %v", err)
	}
}

// What the command writes is what the package embeds, and can be given back to it.
func TestTheDefaultsCanBeTheAppsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, auth.Templates()); err != nil {
		t.Fatal(err)
	}
	own, defaults := newSite(t, func(c *auth.Config) { c.Templates = os.DirFS(dir) }), newSite(t)
	for _, path := range []string{"/session/new", "/registration/new?request_path=%2Fprivate"} {
		if a, b := own.visitor().get(path), defaults.visitor().get(path); a.Body != b.Body {
			t.Errorf("%s: got\n%s\nwant\n%s", path, a.Body, b.Body)
		}
	}
}

// Every page is whole: one h1, one main, a title, labels for all fields, ids once.
func TestEveryPageCanBeReadByEverybody(t *testing.T) {
	s := newMailSite(t, func(c *auth.Config) {
		c.Fields = []auth.Field{{Name: "company[size]", Label: "Size", Hint: "Roughly."}}
	})
	s.visitor().register("Acme", "new@example.com")
	_, confirm := s.mail()
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	v.beginLink()
	for path, status := range map[string]int{"/session/new": 200, "/registration/new": 200, "/profile": 200, confirm: 200, "/confirm/x": 404} {
		a := v.must(status, v.get(path))
		page := a.page(t)
		if len(page.Tags("h1")) != 1 || len(page.Tags("main")) != 1 || len(page.Tags("title")) != 1 || page.Tags("title")[0].Text() == "" {
			t.Errorf("%s: headings of %s", path, a.Body)
		}
		ids := map[string]bool{}
		for _, in := range page.Tags("input") {
			if in.Attr["type"] == "hidden" {
				continue
			}
			id := in.Attr["id"]
			if ids[id] || id == "" || len(page.With("for", id)) != 1 {
				t.Errorf("%s: field %v has no label, or not one", path, in.Attr)
			}
			ids[id] = true
			for _, said := range strings.Fields(in.Attr["aria-describedby"]) {
				if len(page.With("id", said)) != 1 {
					t.Errorf("%s: nothing has the id %s", path, said)
				}
			}
		}
		if len(page.With("autofocus", "")) > 1 {
			t.Errorf("%s: several fields have the cursor", path)
		}
	}
}
