package sockets_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// isRefused checks that a knock got a plain answer with that status, and nothing of an upgrade.
func isRefused(t *testing.T, what string, got reply, want int) {
	t.Helper()
	if got.opened() || got.status != want {
		t.Errorf("%s: %d, open: %v; want %d", what, got.status, got.opened(), want)
	}
	for _, name := range []string{"Upgrade", "Sec-WebSocket-Accept", "Set-Cookie"} {
		if value := got.header.Get(name); value != "" {
			t.Errorf("%s: the refusal carries %s: %s", what, name, value)
		}
	}
	if got.conn != nil {
		got.conn.Close()
	}
}

// TestCrossSiteWebsocketHijacking is WS-01: a page of another site opens a socket with the cookies of the victim.
func TestCrossSiteWebsocketHijacking(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	everyDoor(t, doors, func(t *testing.T, d door) {
		for i, n := range w.nodes() {
			honest := d.knock(n, b.CookieHeader(n))
			for name, k := range map[string]knock{
				"another site": honest.with("Origin", "https://evil.example").
					with("Sec-Fetch-Site", "cross-site"),
				"another site, an old browser": honest.with("Origin", "https://evil.example").with("Sec-Fetch-Site", ""),
				"a sibling": honest.with("Origin", "http://sibling."+n.Addr).
					with("Sec-Fetch-Site", "same-site"),
				"a page of the other node":        honest.with("Origin", w.other(n).URL).with("Sec-Fetch-Site", "same-site"),
				"the own origin that comes cross": honest.with("Origin", n.URL).with("Sec-Fetch-Site", "cross-site"),
				"a sandboxed frame":               honest.with("Origin", "null").with("Sec-Fetch-Site", "cross-site"),
				"forwarded headers that vouch": honest.with("Origin", "https://evil.example").
					and("X-Forwarded-Host", "evil.example").and("X-Forwarded-Proto", "https"),
				"a Forwarded header that vouches": honest.with("Origin", "https://evil.example").
					and("Forwarded", "host=evil.example;proto=https"),
				"an address that was typed":    honest.with("Origin", "").with("Sec-Fetch-Site", "none"),
				"nothing that says where from": honest.with("Origin", "").with("Sec-Fetch-Site", ""),
				"a site that nobody knows":     honest.with("Origin", n.URL).with("Sec-Fetch-Site", "same-planet"),
				"another site that claims to be own": honest.with("Origin", "https://evil.example").
					with("Sec-Fetch-Site", "same-origin"),
			} {
				isRefused(t, fmt.Sprintf("%s on node %d", name, i+1), k.must(t, n), http.StatusForbidden)
			}
			for _, path := range []string{d.path + "/", strings.ToUpper(d.path), "/" + d.path, d.path + "/?v=1",
				d.path + "?v=1&htmx=4"} {
				foreign := honest.as("GET "+path+" HTTP/1.1").with("Origin", "https://evil.example")
				got := foreign.must(t, n)
				if got.opened() || got.status != http.StatusForbidden && got.status != http.StatusNotFound {
					t.Errorf("another site by %s on node %d: %d, open: %v", path, i+1, got.status, got.opened())
				}
			}
			got := honest.and("Sec-WebSocket-Protocol", "evil").must(t, n)
			if !got.opened() || got.header.Get("Sec-WebSocket-Protocol") != "" {
				t.Errorf("a page of this site on node %d: %d, protocol %q", i+1, got.status,
					got.header.Get("Sec-WebSocket-Protocol"))
			}
			for name, value := range got.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("the answer carries %s: %s", name, value)
				}
			}
			if d.stream && got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the stream may be cached: %q", got.header.Get("Cache-Control"))
			}
			got.conn.Close()
		}
	})
}

// TestForeignHandshakeReadsNoSession is WS-01 too: what a foreign page sends costs no read of the victim's record. A live
// view is behind the app's own handler, which has read the session by then, as it does for every request: one read, no more.
func TestForeignHandshakeReadsNoSession(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	key := b.key()
	for _, test := range []struct {
		door door
		most int
	}{{tabSocket, 0}, {tabStream, 0}, {viewSocket, 1}, {viewStream, 1}} {
		t.Run(test.door.name, func(t *testing.T) {
			reads := recordReads(t, w, key)
			foreign := test.door.knock(w.one, b.CookieHeader(w.one)).with("Origin", "https://evil.example")
			isRefused(t, "a foreign page", foreign.must(t, w.one), http.StatusForbidden)
			if n := reads(); n > test.most {
				t.Errorf("the session was read %d times, want %d", n, test.most)
			}
		})
	}
}

// recordReads counts the commands that name a key, until the returned function is called.
func recordReads(t *testing.T, w *world, key string) func() int {
	t.Helper()
	conn, err := net.Dial("tcp", w.redis.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewScanner(conn)
	if fmt.Fprint(conn, "MONITOR\r\n"); !lines.Scan() || lines.Text() != "+OK" {
		t.Fatalf("MONITOR: %q, %v", lines.Text(), lines.Err())
	}
	return func() int {
		t.Helper()
		w.rdb.Echo(t.Context(), "end of "+key)
		for n := 0; lines.Scan(); {
			switch {
			case strings.Contains(lines.Text(), "end of "+key):
				conn.Close()
				return n
			case strings.Contains(lines.Text(), key):
				n++
			}
		}
		t.Fatalf("MONITOR ends: %v", lines.Err())
		return 0
	}
}

// TestHandshakeOrigins is WS-06: spellings of an origin that look like the own one.
func TestHandshakeOrigins(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	n := w.one
	host := n.Addr
	name, port, _ := strings.Cut(host, ":")
	for _, d := range []door{tabSocket, viewSocket} {
		t.Run(d.name, func(t *testing.T) {
			honest := d.knock(n, b.CookieHeader(n))
			for _, origin := range []string{
				"null", "https://" + host + ":444", "http://" + name, "http://" + name + ":1" + port,
				"http://" + name + ":" + port + "0",
				"http://" + host + ".evil.example", "http://evil-" + host, "http://" + host + "@evil.example",
				"http://evil.example@" + host,
				"http://" + host + ".", "http://" + name + ".:" + port, "http://" + host + "/",
				"http://" + host + "/path", "http://" + host + "?x", "http://" + host + "#x",
				"http://" + host + "\\", "http:/" + host, "http:" + host, "//" + host, host, "file://",
				"file://" + host, "ws://" + host, "data:,x",
				"http://*." + host, "http://*", "*", "http://xn--" + host, "http://[" + name + "]:" + port,
				"http:// " + host, "http://" + host + " http://" + host,
				"http://" + host + ", http://evil.example", "http://evil.example, http://" + host,
				"http://" + host + "\x00", "http://0x7f000001:" + port,
				"http://localhost:" + port, "http://127.1:" + port, "chrome-extension://" + host, "http://" + host + ":" + port,
			} {
				isRefused(t, fmt.Sprintf("Origin %q", origin), k(t, honest.with("Origin", origin), n), http.StatusForbidden)
			}
			isRefused(t, "no Origin", k(t, honest.with("Origin", ""), n), http.StatusForbidden)
			isRefused(t, "an empty Origin", k(t, honest.with("Origin", "").and("Origin", ""), n), http.StatusForbidden)
			isRefused(t, "two Origins, own first", k(t, honest.and("Origin", "https://evil.example"), n), http.StatusForbidden)
			isRefused(t, "two Origins, own last", k(t, honest.with("Origin", "https://evil.example").
				and("Origin", n.URL), n), http.StatusForbidden)
			isRefused(t, "the own Origin twice", k(t, honest.and("Origin", n.URL), n), http.StatusForbidden)
			isRefused(t, "two Sec-Fetch-Sites", k(t, honest.and("Sec-Fetch-Site", "cross-site").
				and("Sec-Fetch-Site", "same-origin"), n), http.StatusForbidden)
			if got := k(t, honest.with("Origin", "HTTP://"+strings.ToUpper(host)), n); !got.opened() {
				t.Errorf("the own origin in capitals: %d", got.status)
			}
		})
	}
}

// k sends a knock and counts a connection that is cut without an answer as a refusal: 403.
func k(t *testing.T, request knock, n *sitetest.Node) reply {
	t.Helper()
	got, err := request.send(t, n.Addr)
	if err != nil {
		return reply{status: http.StatusForbidden}
	}
	if got.status == http.StatusBadRequest { // the server does not even read it
		got.status = http.StatusForbidden
	}
	return got
}

// TestHandshakeNeedsALiveSession is WS-02: whoever has no session that may act gets a plain answer, never a socket that
// closes again.
func TestHandshakeNeedsALiveSession(t *testing.T) {
	w := site(t)
	ended := signedIn(t, w, 1)
	dead := ended.CookieHeader(w.one)
	if a := ended.Post(w.one, "/session/sign_out", nil); a.Status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.Status)
	}
	rotated := signedIn(t, w, 2)
	old := rotated.CookieHeader(w.one)
	rotated.Switch(w.one, rotated.who[0].email)

	choosing := signedIn(t, w, 2)
	d := choosing.Document(w.one)
	if a := choosing.Post(w.one, "/link/sign_out/"+d.Current.ID,
		map[string][]string{"_stamp": {d.Stamp}}); a.Location() != "/link/choose" {
		t.Fatalf("sign out the current account: %d to %q", a.Status, a.Location())
	}
	deactivated := signedIn(t, w, 1)
	wasGood := deactivated.CookieHeader(w.one)
	status(t, w, w.two, deactivated.who[0], "inactive")

	good := sitetest.Cookie + "=" + signedIn(t, w, 1).SessionCookie(w.one)
	unauthorized, conflict := http.StatusUnauthorized, http.StatusConflict
	for _, test := range []struct {
		name      string
		cookie    string
		tab, view int
	}{
		{"no cookie", "", unauthorized, unauthorized},
		{"a malformed cookie", sitetest.Cookie + "=AAAA", unauthorized, unauthorized},
		{"a cookie that was never given out", sitetest.Cookie + "=" + strings.Repeat("A", 64), unauthorized, unauthorized},
		{"one that is changed at its end", good[:len(good)-2] + "__", unauthorized, unauthorized},
		{"an ended session", dead, unauthorized, unauthorized},
		{"the secret that was just rotated away", old, conflict, conflict},
		{"the only account was deactivated", wasGood, unauthorized, unauthorized},
		{"two cookies", good + "; " + sitetest.Cookie + "=" + strings.Repeat("A", 64), unauthorized, unauthorized},
		{"the cookie in capitals", strings.ToUpper(sitetest.Cookie) + strings.TrimPrefix(good, sitetest.Cookie),
			unauthorized, unauthorized},
	} {
		for _, d := range doors {
			for i, n := range w.nodes() {
				want := test.tab
				if d.view {
					want = test.view
				}
				isRefused(t, fmt.Sprintf("%s: %s on node %d", d.name, test.name, i+1), d.knock(n, test.cookie).must(t, n), want)
			}
		}
	}
	t.Run("nobody is current: tabs follow the choice, views have nobody to be drawn for", func(t *testing.T) {
		for _, d := range []door{tabSocket, tabStream} {
			choosing.open(w.two, d)
		}
		for _, d := range views {
			isRefused(t, d.name, d.knock(w.two, choosing.CookieHeader(w.two)).must(t, w.two), http.StatusUnauthorized)
		}
	})
}

// TestUpgradeByOtherWords is the rest of WS-02: other methods and versions, and handshakes that lack something.
func TestUpgradeByOtherWords(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	n := w.two
	cookie := b.CookieHeader(n)
	everyDoor(t, doors, func(t *testing.T, d door) {
		honest := d.knock(n, cookie)
		same := honest.with("Sec-Fetch-Site", "same-origin")
		cases := map[string]knock{
			"HEAD":    same.as("HEAD " + d.path + " HTTP/1.1"),
			"OPTIONS": same.as("OPTIONS " + d.path + " HTTP/1.1"),
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "CONNECT", "GETX", "get"} {
			cases[method] = same.as(method+" "+d.path+" HTTP/1.1").and("Content-Length", "0")
		}
		if d.stream {
			cases["another word in X-Live"] = honest.with("X-Live", "Stream")
			cases["no X-Live"] = honest.with("X-Live", "")
			cases["X-Live in the query"] = honest.with("X-Live", "").as("GET " + d.path + "?X-Live=stream HTTP/1.1")
		} else {
			cases["HTTP/1.0"] = same.as("GET " + d.path + " HTTP/1.0")
			cases["no version"] = honest.with("Sec-WebSocket-Version", "")
			cases["version 8"] = honest.with("Sec-WebSocket-Version", "8")
			cases["two versions"] = honest.with("Sec-WebSocket-Version", "8").and("Sec-WebSocket-Version", "13")
			cases["no key"] = honest.with("Sec-WebSocket-Key", "")
			cases["a short key"] = honest.with("Sec-WebSocket-Key", "AAAA")
			cases["a key that is no base64"] = honest.with("Sec-WebSocket-Key", "%%%%%%%%%%%%%%%%%%%%%%==")
			cases["another protocol"] = honest.with("Upgrade", "h2c")
		}
		for name, request := range cases {
			got, err := request.send(t, n.Addr)
			if err != nil {
				continue // not worth an answer
			}
			if got.opened() {
				t.Errorf("%s: open", name)
			}
			if d.path == tabSocket.path && got.status == http.StatusOK {
				t.Errorf("%s: 200, want a refusal", name)
			}
			if got.status >= 500 {
				t.Errorf("%s: %d, want a 4xx", name, got.status)
			}
		}
	})
	if b.Document(n).CurrentEmail() != b.who[0].email {
		t.Error("the session has changed")
	}
}

// TestSmuggledHandshakes: headers twice, split over lines, or in an order that two readers could read differently. Either the
// handshake is refused, or it is a websocket of whoever has sent it; it never is half of both.
func TestSmuggledHandshakes(t *testing.T) {
	w := site(t)
	b, mallory := signedIn(t, w, 1), signedIn(t, w, 1)
	n := w.one
	for _, d := range []door{tabSocket, viewSocket} {
		honest := d.knock(n, mallory.CookieHeader(n))
		for name, request := range map[string]knock{
			"two Upgrades":                   honest.with("Upgrade", "h2c").and("Upgrade", "websocket"),
			"two Upgrades, the other order":  honest.and("Upgrade", "h2c"),
			"a list of upgrades":             honest.with("Upgrade", "h2c, websocket"),
			"two Connections":                honest.with("Connection", "keep-alive").and("Connection", "Upgrade"),
			"two Connections, other order":   honest.and("Connection", "close"),
			"two keys":                       honest.and("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
			"two Hosts":                      honest.and("Host", "evil.example"),
			"two Hosts, foreign first":       honest.with("Host", "evil.example").and("Host", n.Addr),
			"a foreign Host with own Origin": honest.with("Host", "evil.example"),
			"an absolute target":             honest.as("GET http://evil.example" + d.path + " HTTP/1.1"),
			"two Cookie headers":             honest.and("Cookie", b.CookieHeader(n)),
			"Transfer-Encoding and a length": honest.and("Transfer-Encoding", "chunked").and("Content-Length", "5").
				behind("0\r\n\r\n"),
			"two Content-Lengths":             honest.and("Content-Length", "0").and("Content-Length", "4").behind("GET "),
			"a header that is folded":         honest.and("X", "a\r\n Origin: "+n.URL),
			"a blank before the colon":        honest.with("Origin", "").and("Origin ", n.URL),
			"an upgrade and a stream at once": honest.and("X-Live", "stream").and("Accept", "text/event-stream"),
		} {
			got, err := request.send(t, n.Addr)
			if err != nil {
				continue
			}
			switch {
			case name == "an upgrade and a stream at once":
				if got.status != http.StatusSwitchingProtocols {
					t.Errorf("%s: %s: %d, want a websocket", d.name, name, got.status)
				}
			case strings.Contains(name, "foreign Host") || strings.HasPrefix(name, "two Cookie") || strings.Contains(name, "blank"):
				if got.opened() {
					t.Errorf("%s: %s: open", d.name, name)
				}
			}
			if !got.opened() {
				continue
			}
			line := wireOf(t, n, d, got)
			if d.view {
				line.next(patience)
			}
			if line.knows(b.who[0].name) {
				t.Errorf("%s: %s: the socket shows somebody else", d.name, name)
			}
			got.conn.Close()
		}
	}
}

// TestRequestsBehindAHandshake: a second request in the same packet, that a proxy in front would take for bytes of the
// socket, is never executed.
func TestRequestsBehindAHandshake(t *testing.T) {
	w := site(t)
	everyDoor(t, doors, func(t *testing.T, d door) {
		b := signedIn(t, w, 2)
		n := w.one
		doc := b.Document(n)
		to, _ := doc.Find(b.who[0].email)
		body := "_stamp=" + doc.Stamp
		smuggled := knock{line: "POST " + to.SwitchPath + " HTTP/1.1", body: body}.and("Host", n.Addr).
			and("Cookie", b.CookieHeader(n)).and("Origin", n.URL).and("Content-Type", "application/x-www-form-urlencoded").
			and("Content-Length", fmt.Sprint(len(body)))
		request := d.knock(n, b.CookieHeader(n))
		request.body = string(smuggled.bytes())
		got := request.must(t, n)
		if !got.opened() {
			t.Fatalf("handshake: %d", got.status)
		}
		line := wireOf(t, n, d, got)
		if !line.ended(patience) {
			t.Error("the wire stays open")
		}
		for _, text := range line.seen {
			if strings.Contains(text, "HTTP/1.1") {
				t.Errorf("an answer to the second request: %q", text)
			}
		}
		if now := b.Document(n); now.CurrentEmail() != doc.CurrentEmail() || now.V != doc.V {
			t.Errorf("the session is %+v, want it unchanged: %+v", now, doc)
		}
	})
}

// TestCompressionBomb is DO-04: a browser's offer to compress is not taken, so a frame that claims to be compressed is none.
func TestCompressionBomb(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	for _, d := range []door{tabSocket, viewSocket} {
		for _, offer := range []string{
			"permessage-deflate", "permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame",
			"permessage-bzip2, permessage-deflate",
		} {
			got := d.knock(w.one, b.CookieHeader(w.one)).and("Sec-WebSocket-Extensions", offer).must(t, w.one)
			if !got.opened() || got.header.Get("Sec-WebSocket-Extensions") != "" {
				t.Fatalf("%s: offer %q: %d, takes %q", d.name, offer, got.status, got.header.Get("Sec-WebSocket-Extensions"))
			}
			line := wireOf(t, w.one, d, got)
			_ = line.write(frame(textFrame|0x40, "\xaa\x56\x2a\x2d\x4e\x02\x00", true))
			line.expectClose(protocolError)
		}
	}
}
