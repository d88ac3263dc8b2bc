package multiaccount_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// flashes are the messages that the next page of a browser shows.
func (b *browser) flashes(t *testing.T) []multiaccount.Flash {
	t.Helper()
	a := b.get("/flash")
	wellSet(t, a, true)
	var got []multiaccount.Flash
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
	return got
}

func TestFlashes(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	for _, step := range []struct {
		act  func() answer
		want string
	}{
		{func() answer { return b.link("b") }, "Name-B was added"},
		{func() answer { return b.switchTo("a") }, "You are Name-A now"},
		{func() answer { return b.link("b") }, "Name-B was here already"},
		{func() answer { return b.post("/link/sign_out/a") }, "Name-A was signed out"},
		{func() answer { return b.post("/link/sign_out") }, "You are signed out"},
	} {
		step.act()
		if got := b.flashes(t); len(got) != 1 || !strings.Contains(got[0].Text, step.want) {
			t.Errorf("got %v, want %s", got, step.want)
		}
		if got := b.flashes(t); len(got) > 0 {
			t.Errorf("%s: shown twice: %v", step.want, got)
		}
	}
	t.Run("junk in the cookie", func(t *testing.T) {
		for _, value := range []string{"junk", "W10", "bnVsbA", "e30", strings.Repeat("A", 3000)} {
			b.jar[cookieName+"-flash"] = value
			if got := b.flashes(t); len(got) > 0 {
				t.Errorf("%q: %v", value, got)
			}
			delete(b.jar, cookieName+"-flash")
		}
	})
}

func TestFlashesOfAnApp(t *testing.T) {
	s := newSite(t)
	s.app.Get("/save", func(c *fiber.Ctx) error {
		s.accounts.AddFlash(c, "warning", "first ü")
		s.accounts.AddFlash(c, "warning", c.Query("text"))
		return c.SendString("saved")
	})
	s.app.Get("/show-and-save", func(c *fiber.Ctx) error {
		s.accounts.AddFlash(c, "warning", "new")
		return c.JSON(s.accounts.Flashes(c))
	})
	b := s.browser()
	b.get("/save?text=second")
	if got := b.flashes(t); len(got) != 2 || got[0] != (multiaccount.Flash{Kind: "warning", Text: "first ü"}) ||
		got[1].Text != "second" {
		t.Errorf("got %v", got)
	}
	b.get("/save?text=" + strings.Repeat("a", 3000)) // does not fit: dropped, the first one stays
	if got := b.flashes(t); len(got) != 1 || got[0].Text != "first ü" {
		t.Errorf("got %v", got)
	}
	b.get("/save?text=second")
	if got := b.get("/show-and-save").Body; strings.Contains(got, "new") || !strings.Contains(got, "second") {
		t.Errorf("a page shows what waits for it, and no more: %s", got)
	}
	if got := b.flashes(t); len(got) != 1 || got[0].Text != "new" {
		t.Errorf("a message for the next page is lost: %v", got)
	}
}

// Whatever people call themselves, the pages have the same elements and attributes, and show the name as it is.
func TestHostileNamesInEveryPage(t *testing.T) {
	s := newSite(t)
	s.app.Get("/switcher", func(c *fiber.Ctx) error {
		var b strings.Builder
		if err := switcher.Render(&b, s.accounts.Switcher(c)); err != nil {
			return err
		}
		return c.SendString(b.String())
	})
	b := s.signedIn("a", "b", "c")
	asC := b.stamp()
	b.switchTo("a")
	b.flashes(t)
	pages := map[string]func() answer{
		"link page":   func() answer { return b.get("/link/p/a") },
		"switch page": func() answer { return b.get("/link/switch_to/c") },
		"stale page":  func() answer { return b.do("POST", "/app/act", form("_stamp", asC)) },
		"switcher":    func() answer { return b.get("/switcher") },
		"fragment":    func() answer { return b.do("GET", "/link/accounts", hx, stamped(b.stamp())) },
	}
	call := func(name string) {
		for _, id := range []string{"a", "c"} {
			s.people.set(user{ID: id, Name: name})
		}
	}
	for where, page := range pages {
		call("Name")
		want := htmltest.Parse(t, harmless(page().Body)).Shape()
		for what, name := range htmltest.Hostile() {
			call(name)
			if got := htmltest.Parse(t, harmless(page().Body)).Shape(); got != want {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", where, what, got, want)
			}
		}
	}
}

// harmless takes away the parts of the plain document that the strict parser does not know.
func harmless(page string) string { return strings.Replace(page, "<!doctype html>\n", "", 1) }
