package script_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// open shows a page of the site in a tab and waits until its socket is up.
func open(t *testing.T, tab *browsertest.Tab, s *site, query string) {
	t.Helper()
	before := s.tabs()
	tab.Navigate(s.URL + "/page?" + query)
	eventually(t, "the tab's socket", func() bool { return s.tabs() == before+1 })
}

func showing(account string) string {
	return `document.readyState === 'complete' && document.querySelector('#who')?.textContent === '` + account + `'`
}

const (
	noticeShown = `document.querySelector('#account-notice[role=alert]')`
	noteValue   = `document.querySelector('#note textarea').value`
	metaStamp   = `document.querySelector('meta[name="account-stamp"]').content`
)

// settled gives the script time to do what it must not do.
func settled(tab *browsertest.Tab) {
	browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 600, true))`)
}

func wantNoProblems(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	if problems := tab.Problems(); len(problems) != 0 {
		t.Errorf("console has problems:\n%s", strings.Join(problems, "\n"))
	}
}

func TestFollow(t *testing.T) {
	chromium := browsertest.Start(t)

	for _, htmx := range []string{"", "2", "4"} {
		t.Run("reload policy follows a switch in every open tab, htmx "+htmx, func(t *testing.T) {
			s, person := newSite(t, "alice"), chromium.NewPerson(t)
			first, second := person.NewTab(t), person.NewTab(t)
			open(t, first, s, "follow=reload&htmx="+htmx)
			open(t, second, s, "follow=reload&htmx="+htmx)
			s.switchTo("bob")
			for _, tab := range []*browsertest.Tab{first, second} {
				tab.WaitFor(showing("bob"), patience)
				tab.WaitFor(`document.querySelector('#account-announcer').textContent.startsWith('Switched')`, patience)
			}
			eventually(t, "both tabs are back", func() bool { return s.tabs() == 2 })
			if got := s.loadsOf("bob"); got != 2 {
				t.Errorf("pages drawn for bob: %d, want one per tab", got)
			}
			wantNoProblems(t, first)
			wantNoProblems(t, second)
		})
	}

	t.Run("unsaved input shows a notice instead of reloading, and the person decides", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		tab.Type("#note textarea", "half a sentence")
		s.switchTo("bob")
		tab.WaitFor(noticeShown, patience)
		settled(tab)
		if got := browsertest.Evaluate[string](tab, noteValue); got != "half a sentence" {
			t.Fatalf("the text is %q, want what was typed", got)
		}
		if got := tab.Text("#who"); got != "alice" {
			t.Errorf("page shows %s, want alice until the person decides", got)
		}
		tab.Click(`#account-notice [data-accounts-part="notice-keep"]`)
		tab.WaitFor(`!`+noticeShown, patience)
		if got := browsertest.Evaluate[string](tab, noteValue); got != "half a sentence" {
			t.Errorf("after Keep the text is %q, want what was typed", got)
		}
		s.switchTo("carol")
		tab.WaitFor(noticeShown, patience)
		tab.Click(`#account-notice [data-accounts-part="notice-reload"]`)
		tab.WaitFor(showing("carol"), patience)
		wantNoProblems(t, tab)
	})

	t.Run("back at the account of the page, the notice goes and the page stays", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload&htmx=2")
		tab.Type("#note textarea", "draft")
		s.switchTo("bob")
		tab.WaitFor(noticeShown, patience)
		eventually(t, "the tab is back", func() bool { return s.tabs() == 1 })
		s.switchTo("alice")
		tab.WaitFor(`!`+noticeShown, patience)
		if got := browsertest.Evaluate[string](tab, noteValue); got != "draft" {
			t.Errorf("the text is %q, want the draft", got)
		}
	})

	for name, touch := range map[string]func(tab *browsertest.Tab){
		"text that was typed and taken back": func(tab *browsertest.Tab) {
			tab.Type("#note textarea", "x")
			tab.Type("#note textarea", "\b")
		},
		"a field that says it does not count": func(tab *browsertest.Tab) { tab.Type("#search input", "query") },
		"a value that only code has set": func(tab *browsertest.Tab) {
			browsertest.Evaluate[bool](tab, `(document.querySelector('#note textarea').value = 'filled', true)`)
		},
	} {
		t.Run("not unsaved input: "+name, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, "follow=reload")
			touch(tab)
			s.switchTo("bob")
			tab.WaitFor(showing("bob"), patience)
		})
	}

	for name, touch := range map[string]func(tab *browsertest.Tab){
		"a checkbox": func(tab *browsertest.Tab) { tab.Click("#note input[type=checkbox]") },
		"a choice":   func(tab *browsertest.Tab) { tab.Type("#note select", "two") },
		"rich text": func(tab *browsertest.Tab) {
			browsertest.Evaluate[bool](tab, `(document.querySelector('#who').contentEditable = 'true', true)`)
			tab.Type("#who", "more")
		},
	} {
		t.Run("unsaved input: "+name, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, "follow=reload")
			touch(tab)
			s.switchTo("bob")
			tab.WaitFor(noticeShown, patience)
		})
	}

	t.Run("a change of the list reloads a page without htmx, and only tells one with htmx", func(t *testing.T) {
		s, person := newSite(t, "alice"), chromium.NewPerson(t)
		plain, htmx := person.NewTab(t), person.NewTab(t)
		open(t, plain, s, "follow=reload")
		open(t, htmx, s, "follow=reload&htmx=2")
		s.tell("session-changed", s.set("alice"), "linked")
		eventually(t, "the plain page reloads", func() bool { return s.loadsOf("alice") == 3 })
		htmx.WaitFor(`document.querySelector('meta[name="session-version"]').content === '2'`, patience)
		eventually(t, "the fragment refreshes", func() bool { return s.last() == sent{"/inbox", "v1.alice", "", 200} })
		settled(htmx)
		if got := s.loadsOf("alice"); got != 3 {
			t.Errorf("pages drawn: %d, want 3", got)
		}
	})

	for _, htmx := range []string{"2", "4"} {
		t.Run("fragments policy refreshes the fragment and not the page, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, "follow=fragments&htmx="+htmx)
			s.switchTo("bob")
			tab.WaitFor(`document.querySelector('#inbox-of').textContent === 'inbox of bob'`, patience)
			if got := tab.Text("#who"); got != "alice" {
				t.Errorf("page shows %s, want it not to be reloaded", got)
			}
			if got := tab.Text("#account-announcer"); !strings.HasPrefix(got, "Switched") {
				t.Errorf("announced %q", got)
			}
			wantNoProblems(t, tab)
		})
	}

	t.Run("notify policy tells the page and leaves the rest to it", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=notify")
		browsertest.Evaluate[bool](tab, `(window.seen = [], ['session-changed', 'session-ended'].forEach(name =>
			addEventListener(name, e => seen.push(name + ' ' + JSON.stringify(e.detail)))), true)`)
		s.switchTo("bob")
		tab.WaitFor(`seen[0] === 'session-changed {"v":2,"reason":"switched","fresh":false}'`, patience)
		tab.WaitFor(metaStamp+` === 'v1.bob'`, patience)
		eventually(t, "the tab is back", func() bool { return s.tabs() == 1 })
		s.set("")
		s.tell("session-ended", 3, "signed_out")
		s.closeSockets(1008)
		tab.WaitFor(`seen[1] === 'session-ended {"v":0,"reason":"signed_out"}'`, patience)
		if got := tab.Text("#who"); got != "alice" {
			t.Errorf("page shows %s, want it not to be reloaded", got)
		}
	})

	t.Run("the end of the session reloads", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=fragments&htmx=4")
		s.set("")
		s.tell("session-ended", 2, "signed_out")
		s.closeSockets(1008)
		tab.WaitFor(showing(""), patience)
		tab.WaitFor(`document.querySelector('#account-announcer').textContent === 'You were signed out.'`, patience)
		settled(tab)
		if got := s.tabs(); got != 0 {
			t.Errorf("%d sockets of a signed-out page, want none", got)
		}
	})

	t.Run("the end of the session keeps unsaved input", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=fragments&htmx=2")
		tab.Type("#note textarea", "unsent")
		s.set("")
		s.tell("session-ended", 2, "signed_out")
		s.closeSockets(1008)
		tab.WaitFor(`document.querySelector('#account-notice p').textContent.startsWith('You were signed out')`, patience)
		if got := browsertest.Evaluate[string](tab, noteValue); got != "unsent" {
			t.Errorf("the text is %q, want what was typed", got)
		}
	})

	t.Run("a page that comes back old is not reloaded for ever", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		look(s, func() int { s.cached = 10; return 0 })
		s.switchTo("bob")
		tab.WaitFor(noticeShown, patience)
		settled(tab)
		if got := s.loadsOf("alice"); got != 2 {
			t.Errorf("page drawn %d times, want the first and one reload", got)
		}
	})

	t.Run("a page without the parts does no harm", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		tab.Navigate(s.URL + "/bare")
		browsertest.Evaluate[bool](tab, `document.dispatchEvent(new Event('visibilitychange')) && document.dispatchEvent(new Event('change'))`)
		settled(tab)
		wantNoProblems(t, tab)
		if got := s.handshakes(); got != 0 {
			t.Errorf("%d handshakes, want none", got)
		}
	})
}

func TestSocket(t *testing.T) {
	chromium := browsertest.Start(t)

	t.Run("an anonymous page has no socket, and follows when it is looked at again", func(t *testing.T) {
		s, tab := newSite(t, ""), chromium.NewTab(t)
		tab.Navigate(s.URL + "/page?follow=reload")
		settled(tab)
		if got := s.handshakes(); got != 0 {
			t.Fatalf("%d handshakes, want none", got)
		}
		if got := browsertest.Evaluate[int](tab, `document.querySelectorAll('[name=_stamp]').length`); got != 0 {
			t.Errorf("%d stamp fields without a stamp, want none", got)
		}
		s.set("alice")
		browsertest.Evaluate[bool](tab, `document.dispatchEvent(new Event('visibilitychange'))`)
		tab.WaitFor(showing("alice"), patience)
	})

	t.Run("comes back after 1012 with the version it knows", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=fragments&htmx=2")
		started := time.Now()
		s.switchTo("bob")
		eventually(t, "a second handshake", func() bool { return s.handshakes() == 2 })
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("came back after %v, want at once", took)
		}
		if got := look(s, func() string { return strings.Join(s.opened, " ") }); got != "v=1 v=2" {
			t.Errorf("handshakes %q, want v=1 v=2", got)
		}
	})

	t.Run("comes back at once after 1012 without a change", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		started := time.Now()
		s.closeSockets(1012)
		eventually(t, "a second handshake", func() bool { return s.handshakes() == 2 })
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("came back after %v, want at once", took)
		}
	})

	for name, code := range map[string]int{"1011": 1011, "1013": 1013} {
		t.Run("comes back after "+name, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, "follow=reload")
			s.closeSockets(code)
			eventually(t, "a second handshake", func() bool { return s.handshakes() == 2 })
		})
	}

	t.Run("stays away after 1008, having asked why", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		s.closeSockets(1008)
		eventually(t, "a question", func() bool { return look(s, func() bool { return s.asked == 1 }) })
		browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 1500, true))`)
		if got := s.handshakes(); got != 1 {
			t.Errorf("%d handshakes, want no second one", got)
		}
	})

	t.Run("a session that took the place of the ended one is followed", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=fragments&htmx=4")
		s.set("alice")
		s.tell("session-changed", 2, "updated")
		look(s, func() int { s.account, s.version = "carol", 1; return 0 }) // its versions start anew
		s.tell("session-ended", 3, "signed_out")
		tab.WaitFor(`document.querySelector('#inbox-of').textContent === 'inbox of carol'`, patience)
		s.closeSockets(1008)
		eventually(t, "a socket of the new session", func() bool { return s.handshakes() == 2 && s.tabs() == 1 })
	})

	t.Run("asks before it knocks again after a refused handshake", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		look(s, func() int { s.refuse = http.StatusConflict; return 0 })
		tab.Navigate(s.URL + "/page?follow=fragments&htmx=2")
		eventually(t, "a refused handshake and a question", func() bool {
			return look(s, func() bool { return len(s.opened) >= 1 && s.asked >= 1 })
		})
		look(s, func() int { s.refuse = 0; return 0 })
		eventually(t, "a socket", func() bool { return s.tabs() == 1 })
	})

	t.Run("old versions are not news", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		s.set("alice")
		open(t, tab, s, "follow=reload")
		s.tell("session-changed", 1, "switched")
		s.tell("session-changed", 2, "switched")
		settled(tab)
		if asked := look(s, func() int { return s.asked }); asked != 0 {
			t.Errorf("%d questions, want none", asked)
		}
	})

	t.Run("a page that was drawn before a change it missed follows with the hello", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		s.set("bob")
		look(s, func() int { s.cached = 1; return 0 })
		tab.Navigate(s.URL + "/page?follow=reload")
		tab.WaitFor(showing("bob"), patience)
	})

	t.Run("looks again when it becomes visible", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		s.set("bob")
		browsertest.Evaluate[bool](tab, `document.dispatchEvent(new Event('visibilitychange'))`)
		tab.WaitFor(showing("bob"), patience)
	})

	t.Run("a page out of the back/forward cache follows", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		// Chromium also says that the page is visible again; other browsers need not, so that is kept from the script.
		browsertest.Evaluate[bool](tab, `(addEventListener('pageshow', e => e.persisted && sessionStorage.setItem('restored', 'yes')),
			addEventListener('visibilitychange', e => e.stopImmediatePropagation(), true), true)`)
		tab.Navigate(s.URL + "/other")
		eventually(t, "the socket of the page that was left is closed", func() bool { return s.tabs() == 0 })
		s.set("bob")
		tab.Back()
		tab.WaitFor(showing("bob"), patience)
		if got := browsertest.Evaluate[string](tab, `sessionStorage.getItem('restored') ?? 'no'`); got != "yes" {
			t.Errorf("restored from the cache: %s; this test must see it restored", got)
		}
		eventually(t, "the tab's socket", func() bool { return s.tabs() == 1 })
	})
}
