package sitetest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Cookie is the name of the session cookie on plain http.
const Cookie = "accounts-insecure"

// Password is the one of every user that exists at the start.
const Password = "correct horse battery staple"

// Visitor is one browser without a screen: it keeps cookies, which ignore ports as in every browser, and follows no
// redirects. Its methods may be called concurrently.
type Visitor struct {
	t      testing.TB
	client *http.Client
	jar    *cookiejar.Jar
}

// NewVisitor returns a browser that has never been anywhere.
func NewVisitor(t testing.TB) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor(t, jar)
}

func visitor(t testing.TB, jar *cookiejar.Jar) *Visitor {
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       15 * time.Second,
	}
	if jar != nil {
		client.Jar = jar
	}
	return &Visitor{t: t, client: client, jar: jar}
}

// Holding returns a client without a memory that sends this Cookie header with every request, and none when it is empty.
func Holding(t testing.TB, cookie string) *Visitor {
	v := visitor(t, nil)
	v.client.Transport = holding{cookie, v.client.Transport}
	return v
}

type holding struct {
	cookie string
	next   http.RoundTripper
}

func (h holding) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if h.cookie != "" {
		r.Header.Set("Cookie", h.cookie)
	}
	return h.next.RoundTrip(r)
}

// CookieHeader returns the Cookie header that the visitor sends to a node.
func (v *Visitor) CookieHeader(n *Node) string {
	v.t.Helper()
	var parts []string
	for _, c := range v.jar.Cookies(v.parse(n.URL)) {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return strings.Join(parts, "; ")
}

// SessionCookie returns the value of the session cookie, or "".
func (v *Visitor) SessionCookie(n *Node) string {
	v.t.Helper()
	for _, c := range v.jar.Cookies(v.parse(n.URL)) {
		if c.Name == Cookie {
			return c.Value
		}
	}
	return ""
}

func (v *Visitor) parse(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		v.t.Fatalf("sitetest: %v", err)
	}
	return u
}

// Answer is what came back.
type Answer struct {
	Status int // 0: nothing came back, and the test has failed
	Header http.Header
	Body   string
	Took   time.Duration
}

// Location returns where a redirect leads.
func (a Answer) Location() string { return a.Header.Get("Location") }

// SetsCookie reports whether the answer sets or clears the session cookie.
func (a Answer) SetsCookie() bool {
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == Cookie {
			return true
		}
	}
	return false
}

// Get asks for a page. headers are pairs of name and value.
func (v *Visitor) Get(n *Node, path string, headers ...string) Answer {
	v.t.Helper()
	return v.Do(http.MethodGet, n.URL+path, nil, headers...)
}

// Post sends a form the way a page of the site does.
func (v *Visitor) Post(n *Node, path string, form url.Values, headers ...string) Answer {
	v.t.Helper()
	return v.Do(http.MethodPost, n.URL+path, form, append([]string{
		"Sec-Fetch-Site", "same-origin", "Origin", n.URL, "Content-Type", "application/x-www-form-urlencoded",
	}, headers...)...)
}

// Do sends a request as it is told to. An empty value leaves a header out.
func (v *Visitor) Do(method, address string, form url.Values, headers ...string) Answer {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Errorf("sitetest: %v", err)
		return Answer{}
	}
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	began := time.Now()
	resp, err := v.client.Do(req)
	if err != nil {
		v.t.Errorf("sitetest: %s %s: %v", method, address, err)
		return Answer{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Errorf("sitetest: %s %s: %v", method, address, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body), Took: time.Since(began)}
}

// Form returns the fields of the form with that action, as the page has filled them. It fails the test without one.
func (v *Visitor) Form(a Answer, action string) url.Values {
	v.t.Helper()
	doc, err := html.Parse(strings.NewReader(a.Body))
	if err != nil {
		v.t.Fatalf("sitetest: %v", err)
	}
	for node := range doc.Descendants() {
		if node.Data == "form" && attribute(node, "action") == action {
			fields := url.Values{}
			for inner := range node.Descendants() {
				if name := attribute(inner, "name"); inner.Data == "input" && name != "" {
					fields.Add(name, attribute(inner, "value"))
				}
			}
			return fields
		}
	}
	v.t.Fatalf("sitetest: no form to %s in the answer (%d):\n%s", action, a.Status, a.Body)
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// JSON asks like a program and decodes the answer.
func JSON[T any](v *Visitor, n *Node, path string) T {
	v.t.Helper()
	a := v.Get(n, path, "Accept", "application/json")
	var value T
	if err := json.Unmarshal([]byte(a.Body), &value); err != nil {
		v.t.Fatalf("sitetest: GET %s: %d, %v:\n%s", path, a.Status, err, a.Body)
	}
	return value
}

// Take makes the visitor keep the cookies of an answer that somebody else got.
func (v *Visitor) Take(n *Node, a Answer) {
	v.t.Helper()
	v.jar.SetCookies(v.parse(n.URL), (&http.Response{Header: a.Header}).Cookies())
}
