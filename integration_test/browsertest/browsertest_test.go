package browsertest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

func TestBrowser(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "script-src 'none'")
		if r.URL.Path == "/favicon.ico" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprint(w, `<title>t</title><input id="name"><button>Go</button><script>never()</script>`)
	}))
	defer site.Close()
	chromium := browsertest.Start(t)
	person := chromium.NewPerson(t)
	tab, sibling, stranger := person.NewTab(t), person.NewTab(t), chromium.NewTab(t)
	for _, each := range []*browsertest.Tab{tab, sibling, stranger} {
		each.Navigate(site.URL)
	}

	t.Run("tabs of a person share cookies, persons do not", func(t *testing.T) {
		browsertest.Evaluate[string](tab, `document.cookie = 'who=alice'`)
		if got := browsertest.Evaluate[string](sibling, `document.cookie`); got != "who=alice" {
			t.Errorf("sibling tab has %q", got)
		}
		if got := browsertest.Evaluate[string](stranger, `document.cookie`); got != "" {
			t.Errorf("another person has %q", got)
		}
	})

	t.Run("typing reaches the field, and a promise is waited for", func(t *testing.T) {
		tab.Type("#name", "Alice")
		tab.Click("button")
		tab.WaitFor(`new Promise(done => setTimeout(done, 10, document.querySelector('#name').value === 'Alice'))`, 5*time.Second)
	})

	t.Run("typing does not mind a page that swaps the field again and again", func(t *testing.T) {
		for range 5 {
			browsertest.Evaluate[bool](sibling, `void (() => {
				let left = 50
				const swap = setInterval(() => {
					const field = document.querySelector('#name')
					if (field === document.activeElement || left-- === 0) clearInterval(swap)
					else field.replaceWith(field.cloneNode())
				}, 0)
			})(), true`)
			sibling.Type("#name", "x")
			browsertest.Evaluate[bool](sibling, `document.activeElement.blur(), true`)
		}
	})

	t.Run("a violation of the policy is a problem", func(t *testing.T) {
		problems := strings.Join(tab.Problems(), "\n")
		if !strings.Contains(problems, "Content Security Policy") {
			t.Errorf("problems: %q", problems)
		}
	})

	t.Run("a screenshot is a PNG", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "page.png")
		tab.Screenshot(path)
		image, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(image, []byte("\x89PNG")) {
			t.Errorf("screenshot: %d bytes, %v", len(image), err)
		}
	})
}
