package browser_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/browser"
)

func TestETagIsStrongAndQuoted(t *testing.T) {
	if !regexp.MustCompile(`^"[A-Za-z0-9_-]{22}"$`).MatchString(browser.ETag) {
		t.Errorf("ETag %s, want a quoted strong tag", browser.ETag)
	}
}

// What a strict Content-Security-Policy forbids must not come back in an edit. How the script behaves is tested in a
// real browser, in integration_test/script.
func TestScriptHasNothingThatAStrictPolicyForbids(t *testing.T) {
	for _, word := range []string{"eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", ".style", "import("} {
		if strings.Contains(string(browser.Script), word) {
			t.Errorf("script contains %q", word)
		}
	}
}
