package script_test

import (
	"slices"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const (
	inboxOfBob = `document.querySelector('#inbox-of').textContent === 'inbox of bob'`
	draftOfBob = `document.querySelector('#draft-of').textContent === 'draft of bob'`
	reloaded   = `document.readyState === 'complete' && document.querySelector('#who').textContent === 'bob'`
)

func wantValue(t *testing.T, tab *browsertest.Tab, selector, want string) {
	t.Helper()
	if got := value(tab, selector); got != want {
		t.Errorf("%s is %q, want %q", selector, got, want)
	}
}

func TestRefreshOfFragments(t *testing.T) {
	chromium := browsertest.Start(t)

	for _, htmx := range []string{"2", "4"} {
		fragments := "follow=fragments&htmx=" + htmx

		t.Run("without unsaved input every fragment refreshes, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, fragments)
			tab.Type("#draft-text", "x")
			tab.Type("#draft-text", "\b")
			s.switchTo("bob")
			tab.WaitFor(inboxOfBob, patience)
			tab.WaitFor(draftOfBob, patience)
			settled(tab)
			if got := tab.Text("#who") + tab.Text("#account-notice"); got != "alice" {
				t.Errorf("page shows %q, want alice's page and no notice", got)
			}
			wantNoProblems(t, tab)
		})

		t.Run("a fragment with typed text stays, the others refresh, and all follows when it is emptied, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, fragments)
			tab.Type("#draft-text", "x")
			s.switchTo("bob")
			tab.WaitFor(inboxOfBob, patience)
			tab.WaitFor(noticeShown, patience)
			settled(tab)
			wantValue(t, tab, "#draft-text", "x")
			if got := tab.Text("#draft-of"); got != "draft of alice" {
				t.Errorf("fragment shows %q, want the draft of alice", got)
			}
			if got := look(s, func() int { return s.loads["bob"] }); got != 0 {
				t.Errorf("page drawn %d times for bob, want none before the field is empty", got)
			}
			ofDraft := func(r sent) bool { return r.Path == "/draft" }
			if look(s, func() bool { return slices.ContainsFunc(s.requests, ofDraft) }) {
				t.Error("the fragment was fetched, want no request for what cannot be shown")
			}
			tab.Type("#draft-text", "\b")
			tab.WaitFor(reloaded, patience)
			wantNoProblems(t, tab)
		})

		t.Run("text that is typed while the answer is on its way stays, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, fragments)
			s.hold("/draft")
			s.switchTo("bob")
			s.awaitAtGate(t, "/draft")
			tab.Type("#draft-text", "x")
			s.openGates()
			tab.WaitFor(noticeShown, patience)
			tab.WaitFor(inboxOfBob, patience)
			settled(tab)
			wantValue(t, tab, "#draft-text", "x")
		})

		t.Run("text of the account that is current again is no reason to ask, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, fragments)
			tab.Type("#draft-text", "x")
			s.tell("session-changed", s.set("alice"), "linked")
			tab.WaitFor(`document.querySelector('meta[name="session-version"]').content === '2'`, patience)
			settled(tab)
			if browsertest.Evaluate[bool](tab, noticeShown+` !== null`) {
				t.Errorf("a change of the list shows %q, want no notice", tab.Text("#account-notice p"))
			}
			s.switchTo("bob")
			tab.WaitFor(noticeShown, patience)
			eventually(t, "the tab is back", func() bool { return s.tabs() == 1 })
			s.switchTo("alice")
			tab.WaitFor(`!`+noticeShown, patience)
			settled(tab)
			wantValue(t, tab, "#draft-text", "x")
		})
	}
}

func TestPush(t *testing.T) {
	chromium := browsertest.Start(t)

	const isShown = `document.querySelector('#count').textContent === '1'`
	for _, htmx := range []string{"2", "4"} {
		// setUp opens the live view and says what was typed, when it is to be said.
		setUp := func(t *testing.T, typed string, say bool) (*site, *browsertest.Tab) {
			t.Helper()
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			openWorkspace(t, tab, s, "follow=fragments&htmx="+htmx)
			tab.Type("#say-text", typed)
			if say {
				tab.Type("#say-text", "\r")
				eventually(t, "a message of the live view", func() bool { return look(s, func() bool { return len(s.said) == 1 }) })
				if got := look(s, func() any { return s.said[0]["text"] }); got != typed {
					t.Fatalf("live view sent %q, want %q", got, typed)
				}
				if got := look(s, func() any { return s.said[0]["_stamp"] }); got != "v1.alice" {
					t.Errorf("live view sent the stamp %q, want v1.alice", got)
				}
			}
			return s, tab
		}

		for name, frame := range map[string]string{
			"the inside of an element":  emptied,
			"a whole element":           `<div id="say-fields" hx-swap-oob="true"><input id="say-text" name="text"></div>` + counted,
			"the field itself":          `<input id="say-text" name="text" hx-swap-oob="true">` + counted,
			"the whole view, after all": counted + `<div id="view" hx-swap-oob="innerHTML">nothing</div>`,
		} {
			t.Run("typed text stays, and the rest of the frame comes: "+name+", htmx "+htmx, func(t *testing.T) {
				s, tab := setUp(t, "hello", false)
				s.push(t, frame)
				tab.WaitFor(isShown, patience)
				settled(tab)
				wantValue(t, tab, "#say-text", "hello")
				wantNoProblems(t, tab)
			})
		}

		t.Run("typed text outside of the view stays, htmx "+htmx, func(t *testing.T) {
			s, tab := setUp(t, "hello", false)
			tab.Type("#outside-text", "outside")
			s.push(t, `<div id="outside" hx-swap-oob="innerHTML">nothing</div>`+counted)
			tab.WaitFor(isShown, patience)
			settled(tab)
			wantValue(t, tab, "#outside-text", "outside")
		})

		t.Run("what was sent may be cleared, but not what was typed beside it, htmx "+htmx, func(t *testing.T) {
			s, tab := setUp(t, "hello", true)
			tab.Type("#beside-text", "beside")
			s.push(t, emptied+`<div id="beside" hx-swap-oob="innerHTML">nothing</div>`)
			tab.WaitFor(isShown, patience)
			tab.WaitFor(`document.querySelector('#say-text').value === ''`, patience)
			wantValue(t, tab, "#beside-text", "beside")
			wantNoProblems(t, tab)
		})

		t.Run("what was typed on after it was sent stays, htmx "+htmx, func(t *testing.T) {
			s, tab := setUp(t, "hello", true)
			tab.Type("#say-text", "!")
			s.push(t, emptied)
			tab.WaitFor(isShown, patience)
			settled(tab)
			wantValue(t, tab, "#say-text", "hello!")
		})

		t.Run("what was sent for another account than the current one stays, htmx "+htmx, func(t *testing.T) {
			s, tab := setUp(t, "hello", true)
			s.switchTo("bob")
			tab.WaitFor(metaStamp+` === 'v1.bob'`, patience)
			s.push(t, emptied)
			tab.WaitFor(isShown, patience)
			settled(tab)
			wantValue(t, tab, "#say-text", "hello")
		})

		t.Run("the answer to a request inside the view is no push, htmx "+htmx, func(t *testing.T) {
			_, tab := setUp(t, "hello", false)
			browsertest.Evaluate[bool](tab, `(htmx.ajax('GET', '/cleared', { source: '#view', target: '#view', swap: 'none' }), true)`)
			tab.WaitFor(isShown, patience)
			tab.WaitFor(`document.querySelector('#say-text').value === ''`, patience)
		})
	}
}
