package script_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const (
	noticeText   = `#account-notice [data-accounts-part="notice-text"]`
	noticeClose  = `#account-notice [data-accounts-part="notice-close"]`
	noticeReload = `#account-notice [data-accounts-part="notice-reload"]`
)

func wantNotice(t *testing.T, tab *browsertest.Tab, want string) {
	t.Helper()
	tab.WaitFor(noticeShown, patience)
	if got := tab.Text(noticeText); got != want {
		t.Errorf("notice says %q, want %q", got, want)
	}
}

func TestRefusal(t *testing.T) {
	chromium := browsertest.Start(t)

	for _, htmx := range []string{"2", "4"} {
		query := "follow=reload&htmx=" + htmx

		t.Run("of a request: the message and a way to close it, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, query)
			tab.Click("#refuse")
			wantNotice(t, tab, "Too <b>many</b>.")
			tab.Click(noticeClose)
			tab.WaitFor(`!`+noticeShown, patience)
			if got := s.loadsOf("alice"); got != 1 {
				t.Errorf("page drawn %d times, want no reload", got)
			}
		})

		t.Run("of a request with an old stamp: no notice, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, query)
			browsertest.Evaluate[bool](tab, `(window.refusals = 0, document.addEventListener('account-refused', () => refusals++), true)`)
			tab.Click("#refuse-stale")
			tab.WaitFor(`refusals === 1`, patience)
			settled(tab)
			if browsertest.Evaluate[bool](tab, noticeShown+` !== null`) {
				t.Errorf("notice says %q, want none", tab.Text(noticeText))
			}
		})

		t.Run("of an event of a live view: the message and a way to close it, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, query)
			s.push(t, `{"type":"refused","code":"too_many","message":"Too <b>many</b>."}`)
			wantNotice(t, tab, "Too <b>many</b>.")
			tab.Click(noticeClose)
			tab.WaitFor(`!`+noticeShown, patience)
			if got := tab.Text("#count"); got != "0" {
				t.Errorf("the view shows %q, want it untouched", got)
			}
			wantNoProblems(t, tab)
		})

		t.Run("a live view that another account took over says so beside unsaved input, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, query)
			tab.Type("#say-text", "hello")
			s.set("bob") // the view's socket is the first to tell
			s.push(t, `{"type":"session-changed","v":2,"reason":"switched","message":"Not sent."}`)
			tab.WaitFor(`document.querySelector('`+noticeText+`')?.textContent === 'Not sent.'`, patience)
			wantValue(t, tab, "#say-text", "hello")
			tab.Click(noticeReload)
			tab.WaitFor(showing("bob"), patience)
		})

		t.Run("a live view that another account took over reloads without unsaved input, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, query)
			s.set("bob")
			s.push(t, `{"type":"session-changed","v":2,"reason":"switched","message":"Not sent."}`)
			tab.WaitFor(showing("bob"), patience)
			tab.WaitFor(`document.querySelector('#account-announcer').textContent.startsWith('Switched')`, patience)
			if got := tab.Text(noticeText); strings.Contains(got, "Not sent") {
				t.Errorf("the new page shows %q, want no notice", got)
			}
		})
	}
}
