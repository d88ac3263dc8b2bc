// Package livetest tests live views without a browser: it serves the app in memory, opens pages and their sockets, and
// keeps for each page the DOM that the frames have made of it. Cookies, hooks, guards, accounts and sockets are the real
// thing; no port is opened and no script runs.
//
//	b := livetest.New(t, app)
//	b.Post("/session", url.Values{"id": {"alice"}})
//	page := b.Open("/live")
//	page.Submit("note-form", livetest.Fields{"text": "milk"})
//	page.WaitText("notes-list", "milk")
//
// Elements are named by id and by nothing else, because ids are what live views work with. A mistake of the test, such as
// an id that is not there, ends it with what there is instead. What comes over a socket comes when it comes: read it
// after a Wait.
//
// What is not there: scripts of the app, CSS, the browser's own checks of forms (required, maxlength: a server must not
// rely on them), what multiaccount.js does by itself (reload a page after a switch: [Page.Reload]), and the event stream
// that browsers fall back to. Sockets run in real time, so it is not for testing/synctest.
package livetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Site is where the app seems to be: its pages come from here, over https.
const Site = "https://app.test"

const (
	patience     = 5 * time.Second
	maxRedirects = 10
)

// Browser is a browser with cookies of its own. Its methods are for the goroutine of the test.
type Browser struct {
	t        testing.TB
	server   *server
	client   *http.Client
	version  int
	patience time.Duration
}

// served notes which apps are being served: Fiber starts an app once.
var served sync.Map

// New serves app in memory until the test ends, and returns a browser on it. Routes have to be there by then. At the end of
// the test everything is closed, then the app is shut down. What the app needs should be closed later than that, so by a
// t.Cleanup from before New.
func New(t testing.TB, app *fiber.App) *Browser {
	t.Helper()
	if _, twice := served.LoadOrStore(app, true); twice {
		t.Fatal("livetest: the app is served already; b.Another() is a second browser on it")
	}
	s := &server{ln: newListener()}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.transport = &http.Transport{DialTLSContext: s.ln.dial}
	result := make(chan error, 1)
	go func() {
		err := app.Listener(s.ln)
		_ = s.ln.Close() // so that nobody waits for a server that could not start
		result <- err
	}()
	t.Cleanup(func() {
		s.close()
		// The listener is closed already, for the case that the server has not begun by now.
		if err := app.ShutdownWithTimeout(patience); err != nil {
			t.Errorf("livetest: the app does not shut down: %v", err)
		}
		if err := <-result; err != nil {
			t.Errorf("livetest: serving the app: %v", err)
		}
		served.Delete(app)
	})
	return newBrowser(t, s)
}

func newBrowser(t testing.TB, s *server) *Browser {
	jar, _ := cookiejar.New(nil) // fails never
	return &Browser{t: t, server: s, version: 4, patience: patience, client: &http.Client{
		Transport:     s.transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Another returns a second browser on the same app, without cookies.
func (b *Browser) Another() *Browser {
	other := newBrowser(b.t, b.server)
	other.version, other.patience = b.version, b.patience
	return other
}

// HTMX sets the version of htmx, 2 or 4, that pages opened from now on have. Default: 4. It returns b.
func (b *Browser) HTMX(version int) *Browser {
	b.t.Helper()
	if version != 2 && version != 4 {
		b.t.Fatalf("livetest: HTMX(%d): there are 2 and 4", version)
	}
	b.version = version
	return b
}

// Patience sets how long requests and waiting may take before the test fails. Default: 5 s. It returns b.
func (b *Browser) Patience(d time.Duration) *Browser {
	b.patience = d
	return b
}

// Answer is what the app answered, after redirects. One that leads to another site is not followed.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	URL    string // path and query of what was asked for last
}

// Get opens an address as if it was typed in. Sockets stay closed: that is for [Browser.Open].
func (b *Browser) Get(path string) *Answer {
	b.t.Helper()
	return b.must(b.do(request{method: http.MethodGet, url: path, site: "none", header: document()}))
}

// Post sends a form of a page of this site, and adds nothing to it: a stamp or token that the app asks for has to be among
// the fields. [Page.Post] and [Page.Submit] know them.
func (b *Browser) Post(path string, fields url.Values) *Answer {
	b.t.Helper()
	return b.must(b.do(request{method: http.MethodPost, url: path, form: fields, site: "same-origin", header: document()}))
}

func (b *Browser) must(a *Answer, err error) *Answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("livetest: %v", err)
	}
	return a
}

// document returns the headers of a request for a whole page.
func document() http.Header {
	return http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
}

// request is a request and what a browser says about where it comes from.
type request struct {
	method, url string
	form        url.Values // goes into the body, unless the method is GET
	site        string     // Sec-Fetch-Site
	referer     string
	header      http.Header
}

// do sends a request and follows where it leads.
func (b *Browser) do(r request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(b.server.ctx, b.patience)
	defer cancel()
	at, err := resolve(Site, r.url)
	if err != nil {
		return nil, err
	}
	for range maxRedirects {
		answer, err := b.once(ctx, r, at)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, local(at), err)
		}
		next, err := resolve(at.String(), answer.Header.Get("Location"))
		if err != nil || !redirects(answer.Status) || answer.Header.Get("Location") == "" || !sameSite(next) {
			return answer, nil
		}
		if answer.Status < http.StatusTemporaryRedirect && r.method != http.MethodHead {
			r.method, r.form = http.MethodGet, nil
		}
		at = next
	}
	return nil, fmt.Errorf("%s %s: more than %d redirects", r.method, r.url, maxRedirects)
}

func (b *Browser) once(ctx context.Context, r request, at *url.URL) (*Answer, error) {
	var body io.Reader
	if r.form != nil && r.method != http.MethodGet {
		body = bytes.NewReader([]byte(r.form.Encode()))
	}
	out, err := http.NewRequestWithContext(ctx, r.method, at.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		out.Header[name] = values
	}
	out.Header.Set("Sec-Fetch-Site", r.site)
	out.Header.Set("User-Agent", "livetest")
	if r.referer != "" {
		out.Header.Set("Referer", r.referer)
	}
	if r.method != http.MethodGet && r.method != http.MethodHead {
		out.Header.Set("Origin", Site)
		out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	in, err := b.client.Do(out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Body.Close() }()
	text, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	return &Answer{Status: in.StatusCode, Header: in.Header, Body: string(text), URL: local(at)}, nil
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusPermanentRedirect:
		return true
	}
	return false
}

// resolve returns where a link of a page leads.
func resolve(page, link string) (*url.URL, error) {
	base, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	return base.Parse(link)
}

func sameSite(u *url.URL) bool { return u.Scheme+"://"+u.Host == Site }

// local returns an address without the site.
func local(u *url.URL) string { return u.RequestURI() }

// server is an app that is being served, for all browsers of a test.
type server struct {
	ln        *listener
	transport *http.Transport
	ctx       context.Context
	end       context.CancelFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// spawn runs fn beside the test, which waits for it at the end. Once the end has begun it does nothing.
func (s *server) spawn(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(fn)
	}
}

func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
	s.transport.CloseIdleConnections()
	_ = s.ln.Close()
}
