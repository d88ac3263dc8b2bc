// Package browsertest drives a real headless Chromium in tests. It hides chromedp behind the few things that a test of
// a page needs: open a tab, type, click, ask the page, wait for it, read its console.
//
// Every step is bounded in time and fails the test by itself, so the tests read as a list of steps. A missing Chromium
// fails the test and is never a skip: what was not run did not pass.
package browsertest

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	stepTimeout = 15 * time.Second // one step of a tab
	lifetime    = 5 * time.Minute  // one browser, whatever its test does
	stopTimeout = 10 * time.Second // for Chromium to end by itself before it is killed
)

// Browser is one running Chromium. Its methods may be called from one goroutine at a time.
type Browser struct {
	ctx context.Context
}

// Start starts a Chromium with an empty profile and ends it with the test. Starting takes about a second, so tests that
// can share a browser should, each with its own NewPerson.
func Start(t testing.TB) *Browser {
	t.Helper()
	bounded, stop := context.WithTimeout(context.Background(), lifetime)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findChromium(t)),
		chromedp.NoSandbox, // CI runs as root, where Chromium has no sandbox
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 900),
	)
	allocator, cancelAllocator := chromedp.NewExecAllocator(bounded, options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		ending, cancelEnding := context.WithTimeout(ctx, stopTimeout)
		if err := chromedp.Cancel(ending); err != nil {
			t.Logf("browsertest: end Chromium: %v", err)
		}
		cancelEnding()
		cancel()
		cancelAllocator()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("browsertest: start Chromium: %v", err)
	}
	return &Browser{ctx: ctx}
}

func findChromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("browsertest: no Chromium in PATH; on Debian and Ubuntu: apt-get install chromium")
	return ""
}

// Person is one profile of the browser: tabs of one person share cookies and storage, two persons share nothing.
type Person struct {
	ctx   context.Context
	first *Tab // opened with the profile; NewTab hands it out once
}

// NewPerson opens an empty profile, which lives as long as the test t.
func (b *Browser) NewPerson(t testing.TB) *Person {
	t.Helper()
	tab := openTab(t, b.ctx, chromedp.WithNewBrowserContext())
	return &Person{ctx: tab.ctx, first: tab}
}

// NewTab opens an empty tab, which lives as long as the test t.
func (p *Person) NewTab(t testing.TB) *Tab {
	t.Helper()
	if tab := p.first; tab != nil {
		p.first = nil
		return tab
	}
	return openTab(t, p.ctx)
}

// NewTab opens an empty tab of a person of its own, for tests that need only one tab.
func (b *Browser) NewTab(t testing.TB) *Tab {
	t.Helper()
	return b.NewPerson(t).NewTab(t)
}
