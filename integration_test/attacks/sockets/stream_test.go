package sockets_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStreamOfSomebodyElse: Mallory has learned the id of a stream, and perhaps even a stamp, and posts to it.
func TestStreamOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := site(t)
	victim, mallory := signedIn(t, w, 1), signedIn(t, w, 1)
	again := elsewhere(t, w, victim.who[0]) // the same account in another browser
	stream := victim.open(w.one, viewStream)
	if len(stream.id) != 32 {
		t.Fatalf("the stream has the id %q", stream.id)
	}
	stamps := []string{victim.stamp(), mallory.stamp(), again.stamp()}
	for i, n := range w.nodes() {
		for _, stamp := range stamps {
			text := event("_stamp", stamp, "text", "forged")
			for name, sender := range map[string]*browser{"somebody else": mallory, "another browser of the account": again} {
				if got := sender.post(n, "/live", stream.id, text); got.status != http.StatusConflict {
					t.Errorf("%s, node %d: %d, want 409", name, i+1, got.status)
				}
			}
			honest := victim.postKnock(n, "/live", stream.id, text)
			for name, test := range map[string]struct {
				knock knock
				want  int
			}{
				"nobody": {honest.with("Cookie", ""), http.StatusUnauthorized},
				"a foreign page": {honest.with("Origin", "https://evil.example").
					with("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
				"a sibling":               {honest.with("Origin", "").with("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
				"neither origin nor site": {honest.with("Origin", "").with("Sec-Fetch-Site", ""), http.StatusForbidden},
				"two cookies":             {honest.and("Cookie", mallory.CookieHeader(n)), http.StatusUnauthorized},
				"another address":         {honest.as("POST /notes HTTP/1.1"), http.StatusConflict},
				"no id":                   {honest.with("X-Live-Stream", ""), http.StatusMethodNotAllowed},
				"the id in the query": {honest.with("X-Live-Stream", "").
					as("POST /live?X-Live-Stream=" + stream.id + " HTTP/1.1"), http.StatusMethodNotAllowed},
				"a letter too few":     {honest.with("X-Live-Stream", stream.id[1:]), http.StatusNotFound},
				"four kilobytes of id": {honest.with("X-Live-Stream", strings.Repeat("a", 4096)), http.StatusNotFound},
				"the form of a plain page": {honest.with("X-Live-Stream", "").
					with("Content-Type", "application/x-www-form-urlencoded"), http.StatusMethodNotAllowed},
			} {
				if got := test.knock.must(t, n); got.status != test.want {
					t.Errorf("%s, node %d: %d, want %d", name, i+1, got.status, test.want)
				}
			}
		}
	}
	for i, n := range w.nodes() {
		asks := knock{line: "OPTIONS /live HTTP/1.1"}.and("Host", n.Addr).and("Origin", "https://evil.example").
			and("Access-Control-Request-Method", "POST").
			and("Access-Control-Request-Headers", "x-live-stream,content-type").must(t, n)
		for name, value := range asks.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("node %d lets foreign pages send: %s: %s", i+1, name, value)
			}
		}
	}
	if got := victim.post(w.one, "/live", strings.ToUpper(stream.id),
		event("_stamp", stamps[0], "text", "forged")); got.status != http.StatusNotFound {
		t.Errorf("the id in capitals: %d", got.status)
	}
	if _, code := stream.next(100 * time.Millisecond); code != silent {
		t.Errorf("the victim's stream ends, or hears: %d, %q", code, stream.seen[1:])
	}
	w.expectNotes(t, victim.who[0])
	w.expectNotes(t, mallory.who[0])
	for i, n := range w.nodes() { // and it is not broken
		text := fmt.Sprintf("honest %d", i)
		if got := victim.post(n, "/live", stream.id, event("_stamp", stamps[0], "text", text)); got.status != http.StatusNoContent {
			t.Errorf("the victim himself, node %d: %d", i+1, got.status)
		}
		stream.until(text)
	}
}

// TestStreamOfTheAccountBefore: a stream was opened, then there was a switch, and then an event is posted: with the old and
// the new cookie, with the old and the new stamp, on both nodes.
func TestStreamOfTheAccountBefore(t *testing.T) {
	t.Parallel() // a stream that is nowhere costs three seconds of asking
	w := site(t)
	b := signedIn(t, w, 2)
	b.Switch(w.one, b.who[0].email)
	oldStamp, old := b.stamp(), b.CookieHeader(w.one)
	stream := b.open(w.one, viewStream)
	b.Switch(w.two, b.who[1].email)
	for i, n := range w.nodes() {
		for stamp, text := range map[string]string{oldStamp: "old stamp", b.stamp(): "new stamp"} {
			k := b.postKnock(n, "/live", stream.id, event("_stamp", stamp, "text", text))
			if got := k.must(t, n); got.status != http.StatusConflict && got.status != http.StatusNotFound {
				t.Errorf("new cookie, %s, node %d: %d, want 409 or 404", text, i+1, got.status)
			}
			if got := k.with("Cookie", old).must(t, n); got.status != http.StatusConflict && got.status != http.StatusUnauthorized {
				t.Errorf("old cookie, %s, node %d: %d, want 409, or 401 after the grace", text, i+1, got.status)
			}
		}
	}
	stream.expectClose(comeBack)
	w.expectNotes(t, b.who[0])
	w.expectNotes(t, b.who[1])
}

// TestStreamsOfAnotherPath: an event for the view at one address is posted to another spelling of it.
func TestStreamsOfAnotherPath(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	stream := b.open(w.one, viewStream)
	for _, path := range []string{"/live/", "/LIVE", "/Live/", "//live", "/live/../live", "/%6cive", "/live%2f",
		"/live;x", "/live/x", "/link/live"} {
		got := b.post(w.one, path, stream.id, event("_stamp", b.stamp(), "text", "by "+path))
		if got.status < 400 {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	for i, query := range []string{"?q=x", "?_params=/notes", "?_event=remove", "#x"} { // queries do not choose the view
		got := b.post(w.one, "/live"+query, stream.id, event("_stamp", b.stamp(), "text", fmt.Sprint("query ", i)))
		if got.status != http.StatusNoContent {
			t.Errorf("POST /live%s: %d", query, got.status)
		}
		stream.until(fmt.Sprint("query ", i))
	}
	w.expectNotes(t, b.who[0], "query 0", "query 1", "query 2", "query 3")
}

// TestHeadersOfStreamsOpenNoOtherDoor: the headers by which the plugin tells streams and sockets from pages are sent to
// routes that have neither, to get around their checks.
func TestHeadersOfStreamsOpenNoOtherDoor(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	n := w.one
	before := b.Document(n)
	to, _ := before.Find(b.who[0].email)
	const formType = "application/x-www-form-urlencoded"
	bundles := map[string][]string{
		"a stream's event": {"X-Live-Stream", strings.Repeat("a", 32)},
		"a stream":         {"X-Live", "stream", "Accept", "text/event-stream"},
		"a stream by htmx": {"X-Live", "stream", "Accept", "text/event-stream", "HX-Request", "true"},
		"a handshake": {"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
			"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
		"a handshake by htmx": {"Connection", "Upgrade", "Upgrade", "websocket", "HX-Request", "true"},
	}
	for name, headers := range bundles {
		for path, body := range map[string]string{
			"/notes": "text=x", to.SwitchPath: "", before.AddPath: "", "/link/sign_out/" + to.ID: "", "/link/cancel": "",
		} {
			k := knock{line: "POST " + path + " HTTP/1.1", body: body}.and("Host", n.Addr).and("Cookie", b.CookieHeader(n)).
				and("Origin", n.URL).and("Content-Type", formType).and("Content-Length", fmt.Sprint(len(body)))
			for i := 0; i < len(headers); i += 2 {
				k = k.and(headers[i], headers[i+1])
			}
			if got := k.must(t, n); got.status != http.StatusConflict {
				t.Errorf("POST %s with the headers of %s and no stamp: %d, want 409", path, name, got.status)
			}
			k = k.with("Origin", "https://evil.example")
			if got := k.must(t, n); got.status != http.StatusForbidden {
				t.Errorf("the same from a foreign page: POST %s with the headers of %s: %d, want 403", path, name, got.status)
			}
		}
		for _, path := range []string{"/notes", "/inbox/who", "/link/accounts", "/private"} {
			k := knock{line: "GET " + path + " HTTP/1.1"}.and("Host", n.Addr).and("Cookie", b.CookieHeader(n)).
				and("Connection", "close").and("X-Account-Stamp", "v1.stale.stamp").and("HX-Request", "true").
				and("Sec-Fetch-Site", "same-origin")
			if strings.HasPrefix(name, "a handshake") {
				continue // no page can send Upgrade with a request of htmx
			}
			for i := 0; i < len(headers); i += 2 {
				k = k.with(headers[i], headers[i+1])
			}
			if got := k.must(t, n); path != "/private" && got.status != http.StatusConflict || got.opened() {
				t.Errorf("GET %s of a stale page with the headers of %s: %d, open: %v; want 409", path, name,
					got.status, got.opened())
			}
		}
	}
	if now := b.Document(n); now.V != before.V || now.CurrentEmail() != before.CurrentEmail() {
		t.Errorf("the session is %+v, want it unchanged: %+v", now, before)
	}
	w.expectNotes(t, b.who[1])
}

// TestEventsInsideOfEvents: text that looks like the events of a stream, in what people write, and in what they search.
func TestEventsInsideOfEvents(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	stream := b.open(w.one, viewStream)
	for i, text := range []string{
		"x\n\nevent: close\ndata: {\"code\":1008}\n\ny", "x\r\revent: close\rdata: {\"code\":1008}\r\ry",
		"x\r\n\r\nevent: open\r\ndata: {\"id\":\"0\"}\r\n\r\ny",
		"\ndata: <script>\n\n", "id: 5\nretry: 0\n: comment\n", "\u2028\u2028event: close\u2028", "x\x00y",
		"\ufeffdata: x", "x\u0085\u0085event: close\u0085",
	} {
		writer := b
		mark := fmt.Sprintf(" mark-%d", i)
		if i%2 == 0 { // by the form of another page, or over the stream
			writer.note(w.two, text+mark)
		} else {
			status := b.say(stream, event("_stamp", b.stamp(), "text", text+mark))
			if status != http.StatusNoContent {
				t.Errorf("%q: %d", text, status)
			}
		}
		// It comes as one message, as a note or beside the field that refuses it; else the reader finds a strange line.
		stream.until(mark)
		b.say(stream, event("_stamp", b.stamp(), "_params",
			"/live?q="+fmt.Sprintf("%%0d%%0a%%0aevent:%%20close%%0adata:%%20%d", i)))
		stream.until(`"navigated"`)
		b.say(stream, event("_stamp", b.stamp(), "_params", "/live"))
		stream.until(`"navigated"`)
		time.Sleep(100 * time.Millisecond) // ten events a second are no flood
	}
}

// TestBigAndManyEventsByPost is DO-02 and DO-03 for the third door: what a stream does not bear ends that stream alone.
func TestBigAndManyEventsByPost(t *testing.T) {
	w := site(t)
	b, neighbour := signedIn(t, w, 1), signedIn(t, w, 1)
	beside := neighbour.open(w.one, viewStream)
	stamp := b.stamp()
	for _, n := range w.nodes() {
		stream := b.open(w.one, viewStream)
		for name, test := range map[string]struct {
			body string
			want []int
		}{
			"a megabyte": {event("_stamp", stamp, "text", strings.Repeat("x", 1<<20)),
				[]int{http.StatusRequestEntityTooLarge}},
			"one byte too many":      {strings.Repeat("x", 16<<10+1), []int{http.StatusRequestEntityTooLarge}},
			"no JSON":                {"text=x", []int{http.StatusBadRequest}},
			"nothing":                {"", []int{http.StatusBadRequest}},
			"a list":                 {`["x"]`, []int{http.StatusBadRequest}},
			"invalid UTF-8":          {"{\"text\":\"\xff\"}", []int{http.StatusBadRequest}},
			"nested without an end":  {`{"a":` + strings.Repeat("[", 16000), []int{http.StatusBadRequest}},
			"ten thousand fields":    {"{" + strings.Repeat(`"a":"",`, 2000) + `"a":""}`, []int{http.StatusBadRequest}},
			"bytes behind the event": {`{"a":"b"}{"a":"b"}`, []int{http.StatusBadRequest}},
		} {
			got, err := b.postKnock(n, "/live", stream.id, test.body).send(t, n.Addr)
			if err != nil && name == "a megabyte" {
				continue // cut while it was still sending
			}
			if err != nil || !slices.Contains(test.want, got.status) {
				t.Errorf("%s: %d %v, want %d", name, got.status, err, test.want)
			}
		}
		var last int
		for range 60 {
			if last = b.post(n, "/live", stream.id, event("_stamp", stamp, "_params", "/live")).
				status; last != http.StatusNoContent {
				break
			}
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("a flood ends with %d, want 429", last)
		}
		stream.expectClose(policy)
		stream.conn.Close()
	}
	neighbour.say(beside, event("_stamp", neighbour.stamp(), "text", "still here"))
	beside.until("still here")
}
