package multiaccount_test

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
)

func TestTextsReplaceTheWordsOfThePages(t *testing.T) {
	s := newSite(t, func(c *config) {
		c.Texts.Pages = multiaccount.PageTexts{
			Lang: "de", LinkTitle: "Konto hinzufügen", LinkHeading: "Ein Konto zu %s", SwitchTitle: "Konto wechseln",
			SwitchButton: "Weiter als %s", ChooseTitle: "Konto wählen", StaleTitle: "Anderes Konto", ContinueAs: "Weiter mit %s",
			NotFoundTitle: "Nicht gefunden", BadOriginTitle: "Nicht von hier", Cancel: "Abbrechen", Continue: "Weiter",
		}
		c.Texts.Switcher.SignOutAll = "Alles abmelden"
	})
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	for about, tc := range map[string]struct {
		page  answer
		words []string
	}{
		"link": {b.get("/link/p/a"), []string{
			`<html lang="de">`, "<title>Konto hinzufügen</title>", "<h1>Ein Konto zu <bdi>Name-A</bdi></h1>", ">Abbrechen<",
			"Continue to sign in", // not replaced
		}},
		"switch": {b.get("/link/switch_to/b"), []string{"<title>Konto wechseln</title>", "Weiter als <bdi>Name-B</bdi>"}},
		"stale page": {b.do("POST", "/app/act", form("_stamp", asB)), []string{
			"<title>Anderes Konto</title>", "Weiter mit <bdi>Name-A</bdi>", "<h1>This page belongs to another account</h1>",
		}},
		"refusal": {b.get("/link/p/foreign"), []string{"<title>Nicht gefunden</title>", ">Weiter<"}},
		"stale fragment": {b.do("POST", "/app/act", hx, stamped(asB)), []string{
			"<strong>Anderes Konto</strong>",
		}},
		"refusal fragment": {b.do("POST", "/app/act", hx, header("Origin", "https://evil.test")), []string{
			"<strong>Nicht von hier</strong>",
		}},
		"chooser": {s.choosing(t).get("/link/choose"), []string{
			"<title>Konto wählen</title>", "<h1>Konto wählen</h1>", "Alles abmelden",
		}},
	} {
		for _, word := range tc.words {
			if !strings.Contains(tc.page.Body, word) {
				t.Errorf("%s: no %s in %d\n%s", about, word, tc.page.Status, tc.page.Body)
			}
		}
	}
}

// choosing returns a browser in whose session nobody is current.
func (s *site) choosing(t *testing.T) *browser {
	t.Helper()
	b := s.signedIn("a", "b")
	b.post("/link/sign_out/b")
	return b
}

// A refusal without a title would be a page without a name, and a heading that screen readers stop at for nothing.
func TestEveryRefusalHasATitle(t *testing.T) {
	s := newSite(t)
	s.app.Get("/refuse/:code", func(c *fiber.Ctx) error {
		return &multiaccount.Refusal{Status: 400, Code: c.Params("code"), Message: "No."}
	})
	b, titles := s.signedIn("a"), map[string]string{}
	for _, code := range []string{
		multiaccount.CodeNotSignedIn, multiaccount.CodeSignInAgain, multiaccount.CodeBadOrigin, multiaccount.CodeNotFound, multiaccount.CodeStalePage,
		multiaccount.CodeStaleSession, multiaccount.CodeLinkLimit, multiaccount.CodeIntentExpired, multiaccount.CodeRateLimited,
		multiaccount.CodeStoreUnavailable, "of_the_app",
	} {
		_, rest, _ := strings.Cut(b.get("/refuse/"+code).Body, "<title>")
		title, _, _ := strings.Cut(rest, "</title>")
		if title == "" || titles[title] != "" {
			t.Errorf("%s: got title %q, which is also of %q", code, title, titles[title])
		}
		titles[title] = code
		if body := b.get("/refuse/"+code, hx).Body; !strings.Contains(body, "<strong>"+title+"</strong>") {
			t.Errorf("%s: got fragment %s, want the title %q", code, body, title)
		}
	}
}
