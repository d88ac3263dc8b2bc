package script_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// clickAndSee clicks and returns the request that came of it.
func clickAndSee(t *testing.T, tab *browsertest.Tab, s *site, selector string) sent {
	t.Helper()
	before := s.sentCount()
	tab.Click(selector)
	eventually(t, "a request of "+selector, func() bool { return s.sentCount() == before+1 })
	return s.last()
}

// followed waits until a page of the fragments policy has followed a switch and htmx has made the new content live,
// which htmx 2 does some milliseconds after it is shown.
func followed(tab *browsertest.Tab, account string) {
	tab.WaitFor(`document.querySelector('#inbox-of').textContent === 'inbox of `+account+`' &&
		!document.querySelector('.htmx-added, .htmx-settling')`, patience)
}

func TestStamp(t *testing.T) {
	chromium := browsertest.Start(t)

	for _, htmx := range []string{"2", "4"} {
		page := "htmx=" + htmx + "&follow="

		t.Run("what was drawn for alice never sends bob's stamp, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"fragments")
			if got, want := clickAndSee(t, tab, s, "#act"), (sent{"/act", "v1.alice", "", 200}); got != want {
				t.Fatalf("before the switch: sent %+v, want %+v", got, want)
			}
			s.switchTo("bob")
			followed(tab, "bob")
			if got, want := clickAndSee(t, tab, s, "#inbox-act"), (sent{"/act", "v1.bob", "", 200}); got != want {
				t.Errorf("button of the refreshed fragment: sent %+v, want %+v", got, want)
			}
			if got, want := clickAndSee(t, tab, s, "#kept"), (sent{"/act", "v1.alice", "", 409}); got != want {
				t.Errorf("button that was kept in the refreshed fragment: sent %+v, want %+v", got, want)
			}
			tab.WaitFor(showing("bob"), patience) // 409 with HX-Refresh reloads
		})

		t.Run("an old button is refused and the page reloads, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"fragments")
			s.switchTo("bob")
			followed(tab, "bob")
			if got, want := clickAndSee(t, tab, s, "#act"), (sent{"/act", "v1.alice", "", 409}); got != want {
				t.Errorf("sent %+v, want %+v", got, want)
			}
			tab.WaitFor(showing("bob"), patience)
			if got, want := clickAndSee(t, tab, s, "#act"), (sent{"/act", "v1.bob", "", 200}); got != want {
				t.Errorf("after the reload: sent %+v, want %+v", got, want)
			}
		})

		t.Run("an old form keeps its stamp and is refused, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"fragments")
			s.switchTo("bob")
			followed(tab, "bob")
			if got, want := clickAndSee(t, tab, s, "#note button"), (sent{"/post", "", "v1.alice", 409}); got != want {
				t.Errorf("sent %+v, want %+v", got, want)
			}
		})

		t.Run("a form that was fetched gets the stamp it was fetched with, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"fragments")
			clickAndSee(t, tab, s, "#more")
			tab.WaitFor(`document.querySelector('.fetched [name=_stamp]')?.value === 'v1.alice'`, patience)
			s.switchTo("bob")
			followed(tab, "bob")
			if got, want := clickAndSee(t, tab, s, ".fetched button"), (sent{"/post", "", "v1.alice", 409}); got != want {
				t.Errorf("sent %+v, want %+v", got, want)
			}
		})

		t.Run("a->b->a: what was drawn for bob in between is bob's, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"fragments")
			s.switchTo("bob")
			followed(tab, "bob")
			s.hold("/link/state") // a question that is on its way must not tell the tab
			s.set("alice")        // nor does anybody else
			if got, want := clickAndSee(t, tab, s, "#inbox-act"), (sent{"/act", "v1.bob", "", 409}); got != want {
				t.Errorf("sent %+v, want %+v", got, want)
			}
		})

		t.Run("an event of the page's own code lends no new stamp, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"notify")
			browsertest.Evaluate[bool](tab, `document.querySelector('#inbox').removeAttribute('hx-trigger') ?? true`)
			browsertest.Evaluate[bool](tab, `(document.body.addEventListener('session-changed', e => e.stopImmediatePropagation(), { capture: true, once: true }), true)`)
			s.switchTo("bob")
			tab.WaitFor(metaStamp+` === 'v1.bob'`, patience)
			before := s.sentCount()
			browsertest.Evaluate[bool](tab, `document.body.dispatchEvent(new CustomEvent('session-changed', { bubbles: true }))`)
			eventually(t, "a request", func() bool { return s.sentCount() > before })
			if got, want := s.last(), (sent{"/inbox", "v1.alice", "", 409}); got != want {
				t.Errorf("sent %+v, want %+v", got, want)
			}
		})

		t.Run("a refused request does not reload a page with unsaved input, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"reload")
			tab.Type("#note textarea", "half a sentence")
			s.switchTo("bob")
			tab.WaitFor(noticeShown, patience)
			tab.Click(`#account-notice [data-accounts-part="notice-keep"]`)
			if got := clickAndSee(t, tab, s, "#act"); got.Status != 409 {
				t.Fatalf("sent %+v, want it refused", got)
			}
			tab.WaitFor(noticeShown, patience)
			settled(tab)
			if got := browsertest.Evaluate[string](tab, noteValue); got != "half a sentence" {
				t.Errorf("the text is %q, want what was typed", got)
			}
		})

		t.Run("content of unknown origin gets the stamp of the page it is put into, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"fragments")
			s.switchTo("bob")
			followed(tab, "bob")
			got := browsertest.Evaluate[string](tab, `(() => {
				const form = document.createElement('form');
				form.setAttribute('method', 'POST');
				document.querySelector('#list').append(form);
				htmx.process(form);
				htmx.trigger(form, 'htmx:load');
				return form.querySelector('[name=_stamp]').value;
			})()`)
			if got != "v1.alice" {
				t.Errorf("form got %s, want v1.alice", got)
			}
		})

		t.Run("back after a pushed URL stays without a reload, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"reload")
			clickAndSee(t, tab, s, "#pushed")
			tab.WaitFor(`location.search.includes('pushed') && document.querySelector('.fetched')`, patience)
			browsertest.Evaluate[bool](tab, `window.sameDocument = true`)
			tab.Back()
			tab.WaitFor(`!location.search.includes('pushed') && !document.querySelector('.fetched')`, patience)
			settled(tab)
			if !browsertest.Evaluate[bool](tab, `window.sameDocument === true`) {
				t.Error("the page was reloaded")
			}
			wantNoProblems(t, tab)
		})

		t.Run("back after a pushed URL brings no other account's page, htmx "+htmx, func(t *testing.T) {
			s, tab := newSite(t, "alice"), chromium.NewTab(t)
			open(t, tab, s, page+"notify")
			clickAndSee(t, tab, s, "#pushed")
			tab.WaitFor(`location.search.includes('pushed')`, patience)
			if got := browsertest.Evaluate[int](tab, `Object.keys(sessionStorage).filter(key => key === 'htmx-history-cache').length`); got != 0 {
				t.Error("a snapshot of the page is in sessionStorage")
			}
			s.switchTo("bob")
			tab.WaitFor(metaStamp+` === 'v1.bob'`, patience)
			tab.Back()
			tab.WaitFor(`!location.search.includes('pushed')`, patience)
			tab.WaitFor(showing("bob"), patience)
		})
	}

	t.Run("only our own POST forms get a stamp", func(t *testing.T) {
		s, tab := newSite(t, "alice"), chromium.NewTab(t)
		open(t, tab, s, "follow=reload")
		got := browsertest.Evaluate[string](tab, `[...document.querySelectorAll('[name=_stamp]')].map(field => field.form.id + '=' + field.value).join()`)
		if got != "note=v1.alice" {
			t.Errorf("stamped forms: %s, want note=v1.alice", got)
		}
	})
}
