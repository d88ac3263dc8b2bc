package script_test

import (
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const (
	arrived = `location.pathname === '/other' && document.readyState === 'complete'`
	// later moves the clock of the page on, so that nobody waits for what the script waits for.
	later = `(() => { const now = Date.now; Date.now = () => now() + 16000; return true; })()`
)

// watchNotice remembers in the storage of the tab, which outlives the page, that a notice was shown. While a page is on
// its way elsewhere it cannot be asked.
func watchNotice(tab *browsertest.Tab) {
	browsertest.Evaluate[bool](tab, `(new MutationObserver(() => {
		if (document.querySelector('#account-notice')) sessionStorage.setItem('noticed', 'yes');
	}).observe(document.body, { childList: true }), true)`)
}

// wantNoReload gives a page that is on its way elsewhere more time than a reload would need.
func wantNoReload(t *testing.T, s *site) {
	t.Helper()
	time.Sleep(1300 * time.Millisecond)
	if got := s.loadsOf("bob"); got != 0 {
		t.Errorf("page drawn %d times for bob while the tab was on its way elsewhere, want no reload", got)
	}
}

func TestDeparting(t *testing.T) {
	chromium := browsertest.Start(t)

	for name, way := range map[string]struct{ htmx, selector, slow string }{
		"a form":                        {"", "#leave button", "/leave"},
		"a form beside polling, htmx 2": {"2", "#leave button", "/leave"},
		"a form beside polling, htmx 4": {"4", "#leave button", "/leave"},
		"where a form leads":            {"", "#leave button", "/other"},
		"a link":                        {"", "#other", "/other"},
		"a link beside polling, htmx 2": {"2", "#other", "/other"},
		"a link beside polling, htmx 4": {"4", "#other", "/other"},
		"a request, htmx 2":             {"2", "#lead", "/lead"},
		"a request, htmx 4":             {"4", "#lead", "/lead"},
		"where a request leads, htmx 2": {"2", "#lead", "/other"},
		"where a request leads, htmx 4": {"4", "#lead", "/other"},
	} {
		t.Run("a switch that is heard first does not cancel "+name, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, "follow=reload&htmx="+way.htmx)
			s.hold(way.slow)
			tab.Click(way.selector)
			s.awaitAtGate(t, way.slow)
			s.switchAndTell(t, "bob")
			wantNoReload(t, s)
			s.openGates()
			tab.WaitFor(arrived, patience)
			settled(tab)
			tab.WaitFor(arrived, patience)
		})
	}

	t.Run("typed text that is on its way is no reason to ask", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		openWorkspace(t, tab, s, "follow=reload")
		watchNotice(tab)
		s.hold("/leave")
		tab.Type("#leave input", "hello")
		tab.Click("#leave button")
		s.awaitAtGate(t, "/leave")
		s.switchAndTell(t, "bob")
		wantNoReload(t, s)
		s.openGates()
		tab.WaitFor(arrived, patience)
		if browsertest.Evaluate[bool](tab, `sessionStorage.getItem('noticed') === 'yes'`) {
			t.Error("a notice was shown, want none")
		}
	})

	for name, leave := range map[string]struct{ htmx, selector string }{
		"a form":            {"", "#stay button"},
		"a request, htmx 2": {"2", "#idle"},
		"a request, htmx 4": {"4", "#idle"},
	} {
		t.Run("a page that stays after all follows late: "+name, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, "follow=reload&htmx="+leave.htmx)
			s.hold("/stay")
			tab.Click(leave.selector)
			s.awaitAtGate(t, "/stay")
			s.switchAndTell(t, "bob")
			wantNoReload(t, s)
			s.openGates()
			if leave.htmx == "" { // nothing tells a page that its form was answered with 204
				settled(tab)
				browsertest.Evaluate[bool](tab, later)
			}
			tab.WaitFor(showing("bob"), patience)
			wantNoProblems(t, tab)
		})
	}

	for _, htmx := range []string{"2", "4"} {
		t.Run("requests without end do not keep a page from following, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, "follow=reload&htmx="+htmx)
			browsertest.Evaluate[bool](tab, `(setInterval(() =>
				htmx.ajax('POST', '/stay', { target: 'body', swap: 'none' }), 100), true)`)
			settled(tab)
			s.switchAndTell(t, "bob")
			wantNoReload(t, s)
			browsertest.Evaluate[bool](tab, later)
			browsertest.Evaluate[bool](tab, later)
			tab.WaitFor(showing("bob"), patience)
		})
	}

	t.Run("what is typed while the page waits is not lost", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		openWorkspace(t, tab, s, "follow=reload")
		tab.Click("#stay button")
		s.switchAndTell(t, "bob")
		tab.Type("#leave input", "hello")
		browsertest.Evaluate[bool](tab, later)
		tab.WaitFor(noticeShown, patience)
		settled(tab)
		if got := value(tab, "#leave input"); got != "hello" {
			t.Errorf("the text is %q, want what was typed", got)
		}
	})

	t.Run("back at the account of the page, the reload that waits is called off", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		openWorkspace(t, tab, s, "follow=reload&htmx=2")
		tab.Click("#stay button")
		s.switchAndTell(t, "bob")
		eventually(t, "the tab is back", func() bool { return s.tabs() == 1 })
		s.switchAndTell(t, "alice")
		tab.WaitFor(metaStamp+` === 'v1.alice'`, patience)
		browsertest.Evaluate[bool](tab, later)
		settled(tab)
		if got := s.loadsOf("alice"); got != 1 {
			t.Errorf("page drawn %d times for alice, want once", got)
		}
	})
}
