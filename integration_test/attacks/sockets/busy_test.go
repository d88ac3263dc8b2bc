package sockets_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// On a machine that is busy with something else, Redis may not answer in the half second that a request waits for it. The
// site then says so and changes nothing, which is right, and not what these tests are about: they ask again.
const busyTries = 20

// busy reports whether an answer says that the store did not answer in time, after a pause.
func busy(status int, body string) bool {
	if status != http.StatusServiceUnavailable ||
		!strings.Contains(body, "store_unavailable") && !strings.Contains(body, "does not answer") &&
			!strings.Contains(body, "cannot look up your session") {
		return false
	}
	time.Sleep(200 * time.Millisecond)
	return true
}

// Get is that of the visitor.
func (b *browser) Get(n *sitetest.Node, path string, headers ...string) (a sitetest.Answer) {
	b.t.Helper()
	for range busyTries {
		if a = b.Visitor.Get(n, path, headers...); !busy(a.Status, a.Body) {
			break
		}
	}
	return a
}

// Post is that of the visitor.
func (b *browser) Post(n *sitetest.Node, path string, form url.Values, headers ...string) (a sitetest.Answer) {
	b.t.Helper()
	for range busyTries {
		if a = b.Visitor.Post(n, path, form, headers...); !busy(a.Status, a.Body) {
			break
		}
	}
	return a
}

// Document asks a node for the session.
func (b *browser) Document(n *sitetest.Node) (d sitetest.Document) {
	b.t.Helper()
	a := b.Get(n, "/link/accounts", "Accept", "application/json")
	if err := json.Unmarshal([]byte(a.Body), &d); err != nil || a.Status != http.StatusOK {
		b.t.Errorf("GET /link/accounts: %d, %v:\n%s", a.Status, err, a.Body)
	}
	return d
}

// BeginAdding opens the link intent by the real page.
func (b *browser) BeginAdding(n *sitetest.Node) sitetest.Answer {
	b.t.Helper()
	path := b.Document(n).AddPath
	return b.Post(n, path, b.Form(b.Get(n, path), path))
}

// TrySwitch posts a switch from a page that shows d.
func (b *browser) TrySwitch(n *sitetest.Node, d sitetest.Document, email string) sitetest.Answer {
	b.t.Helper()
	to, ok := d.Find(email)
	if !ok {
		b.t.Errorf("%s is not in the session", email)
		return sitetest.Answer{}
	}
	return b.Post(n, to.SwitchPath, url.Values{"_stamp": {d.Stamp}})
}

// Switch makes an account current and fails the test when that does not work.
func (b *browser) Switch(n *sitetest.Node, email string) {
	b.t.Helper()
	if a := b.TrySwitch(n, b.Document(n), email); a.Status != http.StatusSeeOther {
		b.t.Errorf("switch to %s: %d\n%s", email, a.Status, a.Body)
	}
}
