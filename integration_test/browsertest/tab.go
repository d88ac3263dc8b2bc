package browsertest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Tab is one page of a person. One goroutine at a time may use it. A step that fails ends the test.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu      sync.Mutex
	console []chromedp.ConsoleMessage
}

func openTab(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	tab := &Tab{t: t, ctx: ctx}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	// The first step binds the life of the tab to its context, so it has no timeout of its own.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("browsertest: open a tab: %v", err)
	}
	messages := chromedp.Console(ctx)
	reading.Go(func() {
		for message, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			tab.mu.Lock()
			tab.console = append(tab.console, message)
			tab.mu.Unlock()
		}
	})
	return tab
}

func (tab *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepTimeout)
	defer cancel()
	err := chromedp.Do(ctx, steps...)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), replaced) {
		err = chromedp.Do(ctx, steps...)
	}
	if err != nil {
		tab.t.Fatalf("browsertest: %s: %v%s", what, err, tab.describe())
	}
}

// replaced is what Chromium answers when a page has swapped an element between the moment in which it was found and that in
// which it was to be clicked or focused. Nothing has happened to it yet, and a person would not even notice.
const replaced = "Could not find node with given id"

// Navigate opens a URL and waits until the page has loaded.
func (tab *Tab) Navigate(url string) {
	tab.t.Helper()
	tab.do("navigate to "+url, chromedp.Navigate(url))
}

// Reload loads the page anew, as the person's reload button does.
func (tab *Tab) Reload() {
	tab.t.Helper()
	tab.do("reload", chromedp.Reload())
}

// Back starts to go one page back, as the person's back button does. It does not wait for a load, which never comes when
// the page is in the back/forward cache: follow it with WaitFor.
func (tab *Tab) Back() {
	tab.t.Helper()
	tab.do("back", chromedp.Evaluate[chromedp.Void]("setTimeout(() => history.back())"))
}

// Click clicks the first element that the CSS selector finds, with a real mouse event, when it is visible.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Type types text into the first element that the CSS selector finds, with real key events.
func (tab *Tab) Type(selector, text string) {
	tab.t.Helper()
	tab.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

// Evaluate runs a JavaScript expression in the page, waits for it when it is a promise, and decodes its value.
func Evaluate[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepTimeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tab.t.Fatalf("browsertest: evaluate %s: %v%s", expression, err, tab.describe())
	}
	return value
}

// Text returns the text of the first element that the CSS selector finds, or "" when there is none.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	return Evaluate[string](tab, fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector))
}

// WaitFor waits until a JavaScript expression is true, also across navigations. It fails the test after the timeout
// with what the page shows then.
func (tab *Tab) WaitFor(condition string, timeout time.Duration) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, timeout)
	defer cancel()
	for {
		// An error is a page that is being replaced, or a part of the condition that is not there yet: ask again.
		held, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")", chromedp.EvalAwaitPromise))
		if err == nil && held {
			return
		}
		select {
		case <-ctx.Done():
			tab.t.Fatalf("browsertest: %s was not true within %v (last error: %v)%s", condition, timeout, err, tab.describe())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Screenshot writes a PNG of the whole page.
func (tab *Tab) Screenshot(path string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepTimeout)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tab.t.Fatalf("browsertest: screenshot: %v", err)
	}
	if err := os.WriteFile(path, image, 0o644); err != nil {
		tab.t.Fatalf("browsertest: screenshot: %v", err)
	}
}

// Console returns everything that the tab's pages logged so far: calls of the console, uncaught exceptions and entries
// of the browser's own log, such as refused requests and violations of the Content-Security-Policy.
func (tab *Tab) Console() []chromedp.ConsoleMessage {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]chromedp.ConsoleMessage(nil), tab.console...)
}

// Problems returns the errors and exceptions of Console as text. A response with an error status is one of them.
func (tab *Tab) Problems() []string {
	// A round trip to the page: what it logged before is delivered by then.
	Evaluate[int](tab, "0")
	var problems []string
	for _, message := range tab.Console() {
		if message.Type == chromedp.ConsoleError || message.IsException() {
			problems = append(problems, message.String()+" "+message.URL)
		}
	}
	return problems
}

// describe says where a tab is when a step fails, for the message of the test.
func (tab *Tab) describe() string {
	ctx, cancel := context.WithTimeout(tab.ctx, 2*time.Second)
	defer cancel()
	page, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		"location.href + '\\n' + (document.body?.innerText ?? '').slice(0, 600)"))
	if err != nil {
		page = "(page does not answer: " + err.Error() + ")"
	}
	text := "\n--- page: " + page
	for _, message := range tab.Console() {
		text += "\n--- console: " + message.String()
	}
	return text
}
