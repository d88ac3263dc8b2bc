package sockets_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestMessageFlood is DO-02: a thousand messages at once over one socket. It is closed, and a neighbour notices nothing.
func TestMessageFlood(t *testing.T) {
	w := site(t)
	b, neighbour := signedIn(t, w, 1), signedIn(t, w, 1)
	beside := neighbour.open(w.one, viewSocket)
	stamp, key := b.stamp(), b.key()
	for _, test := range []struct {
		name  string
		door  door
		frame []byte
		reads int // of the record, at most: one for each message that was let through
	}{
		{"of messages to a tab", tabSocket, frame(textFrame, "{}", true), 5},
		{"of pings to a tab", tabSocket, frame(pingFrame, "x", true), 5},
		{"of pongs to a tab", tabSocket, frame(pongFrame, "x", true), 5},
		{"of pongs to a view", viewSocket, frame(pongFrame, "x", true), 5},
		{"of events", viewSocket, frame(textFrame, event("_stamp", stamp, "text", "flood"), true), 60},
		{"of events without a stamp", viewSocket, frame(textFrame, event("text", "flood"), true), 60},
		{"of pings to a view", viewSocket, frame(pingFrame, "x", true), 5},
		{"of navigations", viewSocket, frame(textFrame, event("_stamp", stamp, "_params", "/live?q=x"), true), 60},
	} {
		t.Run(test.name, func(t *testing.T) {
			wire := b.open(w.one, test.door)
			reads := recordReads(t, w, key)
			for range 1000 {
				if wire.write(test.frame) != nil {
					break
				}
			}
			wire.expectClose(policy)
			if n := reads(); n > test.reads {
				t.Errorf("the session was read %d times, want at most %d", n, test.reads)
			}
			if n := len(w.notesOf(t, b.who[0])); n > 60 {
				t.Errorf("%d events were executed", n)
			}
			began := time.Now()
			neighbour.say(beside, event("_stamp", neighbour.stamp(), "text", test.name))
			beside.until(test.name)
			if took := time.Since(began); took > atOnce {
				t.Errorf("the neighbour waits %v", took)
			}
		})
	}
}

// TestMalformedFrames is DO-03: frames that are too big, never end, or break the rules of websockets. Only their sender is
// closed, with a code that says why.
func TestMalformedFrames(t *testing.T) {
	w := site(t)
	b, neighbour := signedIn(t, w, 1), signedIn(t, w, 1)
	beside := neighbour.open(w.two, viewSocket)
	size := func(first byte, n uint64) []byte { // of a masked frame of which only the head comes
		return append(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, n), 1, 2, 3, 4)
	}
	fragments := func(n int, payload string) []byte {
		all := frame(0x01, payload, true)
		for range n {
			all = append(all, frame(0x00, payload, true)...)
		}
		return all
	}
	// The library counts with a sign: such a length is an error to it before it is too long, and it says nothing.
	impossible := []int{tooBig, protocolError, ourFault, cut}
	any := []int{1005, protocolError, textOnly, notUTF8, policy, tooBig}
	for _, test := range []struct {
		name      string
		bytes     []byte
		tab, view []int
	}{
		{"64 MiB", append(size(textFrame, 64<<20), make([]byte, 64<<10)...), []int{tooBig}, []int{tooBig}},
		{"2^63 - 1 bytes", size(textFrame, 1<<63-1), []int{tooBig}, []int{tooBig}},
		{"2^63 bytes", size(textFrame, 1<<63), impossible, impossible},
		{"2^64 - 1 bytes", size(textFrame, 1<<64-1), impossible, impossible},
		{"a million fragments of a byte", fragments(1_000_000, "x"), []int{tooBig}, []int{tooBig}},
		{"fragments of 4 KiB", fragments(64, strings.Repeat("x", 4<<10)), []int{tooBig}, []int{tooBig}},
		{"a bit that is reserved", frame(textFrame|0x20, "{}", true), []int{protocolError}, []int{protocolError}},
		{"an opcode that is reserved", frame(0x83, "{}", true), []int{protocolError}, []int{protocolError}},
		{"a control opcode that is reserved", frame(0x8b, "", true), []int{protocolError}, []int{protocolError}},
		{"no mask", frame(textFrame, "{}", false), []int{protocolError}, []int{protocolError}},
		{"a long ping", frame(pingFrame, strings.Repeat("x", 126), true), []int{protocolError}, []int{protocolError}},
		{"a fragmented ping", frame(0x09, "x", true), []int{protocolError}, []int{protocolError}},
		{"a continuation of nothing", frame(0x80, "x", true), []int{protocolError}, []int{protocolError}},
		{"a message inside of a message", append(frame(0x01, "x", true), frame(textFrame, "x", true)...),
			[]int{protocolError}, []int{protocolError}},
		{"a close of one byte", frame(closeFrame, "x", true), any, any},
		{"a close with a reserved code", frame(closeFrame, "\x03\xed", true), any, any},
		{"a close with a reason that is no text", frame(closeFrame, "\x03\xe8\xff", true), any, any},
		{"binary", frame(binaryFrame, "{}", true), nil, []int{textOnly}},
		{"invalid UTF-8", frame(textFrame, "{\"text\":\"\xff\"}", true), nil, []int{notUTF8}},
		{"a NUL", frame(textFrame, "\x00", true), nil, []int{policy}},
		{"an empty message", frame(textFrame, "", true), nil, []int{policy}},
		{"sixteen thousand brackets", frame(textFrame, `{"a":`+strings.Repeat("[", 16000), true), nil, []int{policy}},
		{"sixteen thousand braces in HEADERS", frame(textFrame, `{"HEADERS":`+strings.Repeat(`{"a":`, 3000), true),
			nil, []int{policy}},
		{"two thousand fields", frame(textFrame, "{"+strings.Repeat(`"a":"",`, 2000)+`"a":""}`, true), nil, []int{policy}},
		{"a number with sixteen thousand digits", frame(textFrame, `{"text":`+strings.Repeat("9", 16000)+`}`, true), nil, nil},
		{"an object in a field", frame(textFrame, `{"text":{}}`, true), nil, []int{policy}},
	} {
		for _, d := range []door{tabSocket, viewSocket} {
			t.Run(test.name+" to the "+d.name, func(t *testing.T) {
				want := test.tab
				if d.view {
					want = test.view
				}
				wire := b.open(w.two, d)
				defer wire.conn.Close()
				go func() { _ = wire.write(test.bytes) }() // most of it is never read
				if len(want) == 0 {
					if code := wire.closed(150 * time.Millisecond); code != silent {
						t.Errorf("closed with %d", code)
					}
					return
				}
				code := wire.closed(atOnce)
				for _, ok := range want {
					if code == ok {
						return
					}
				}
				t.Errorf("closed with %d, want one of %d", code, want)
			})
		}
	}
	neighbour.say(beside, event("_stamp", neighbour.stamp(), "text", "still here"))
	beside.until("still here")
	w.expectNotes(t, b.who[0])
}

// TestTooManySockets is DO-05 for a session in one process: one browser opens as many as it can, through all doors.
func TestTooManySockets(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	const most = 32
	var wires []*wire
	for i := range most {
		wires = append(wires, b.open(w.one, doors[i%len(doors)]))
	}
	for _, d := range doors {
		got := d.knock(w.one, b.CookieHeader(w.one)).must(t, w.one)
		isRefused(t, "one more "+d.name, got, http.StatusTooManyRequests)
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s: 429 without Retry-After", d.name)
		}
	}
	for i, wire := range wires {
		for {
			text, code := wire.next(time.Millisecond)
			if code == silent {
				break
			}
			if code != 0 {
				t.Errorf("socket %d ends with %d: %q", i, code, text)
				break
			}
		}
	}
	signedIn(t, w, 1).open(w.one, tabSocket) // somebody else is not shut out
	for _, wire := range wires {
		wire.conn.Close() // without a word
	}
	sitetest.Eventually(t, "the places are free again", func() bool {
		got := tabSocket.knock(w.one, b.CookieHeader(w.one)).must(t, w.one)
		got.conn.Close()
		return got.opened()
	})

	// The count is right after many who came and went, in every rude way.
	cookie := b.CookieHeader(w.one)
	for i := range 300 {
		d := doors[i%len(doors)]
		conn, err := net.Dial("tcp", w.one.Addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(d.knock(w.one, cookie).bytes())
		if i%3 > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			_, _ = io.ReadFull(conn, make([]byte, 12))
		}
		if i%3 == 2 {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
	sitetest.Eventually(t, "all 32 places are free again", func() bool {
		var open []*wire
		defer func() {
			for _, wire := range open {
				wire.conn.Close()
			}
		}()
		for i := range most {
			d := doors[i%len(doors)]
			got := d.knock(w.one, cookie).must(t, w.one)
			if !got.opened() {
				time.Sleep(200 * time.Millisecond)
				return false
			}
			open = append(open, wireOf(t, w.one, d, got))
		}
		return true
	})
}

// TestSwitchesWithoutEnd is DO-08: what one browser with many tabs can make of switches. A switch to the account that is
// current already is none; the others are told once to a tab, whatever their number, and are limited.
func TestSwitchesWithoutEnd(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	var wires []*wire
	for i := range 20 {
		wires = append(wires, b.open(w.nodes()[i%2], []door{tabSocket, tabStream}[i/2%2]))
	}
	before, cookie := b.Document(w.one), b.SessionCookie(w.one)
	for range 100 {
		if a := b.TrySwitch(w.one, before, b.who[1].email); a.Status != http.StatusSeeOther || a.SetsCookie() {
			t.Fatalf("switch to the current account: %d, sets a cookie: %v", a.Status, a.SetsCookie())
		}
	}
	if now := b.Document(w.one); now.V != before.V || b.SessionCookie(w.one) != cookie {
		t.Errorf("version %d, want %d; the cookie is another one: %v", now.V, before.V, b.SessionCookie(w.one) != cookie)
	}
	for i, wire := range wires {
		if text, code := wire.next(5 * time.Millisecond); code != silent {
			t.Errorf("tab %d hears of switches that were none: %q, %d", i, text, code)
		}
	}
	refused, began := 0, time.Now()
	for i := range 130 {
		a := b.TrySwitch(w.nodes()[i%2], b.Document(w.one), b.who[i%2].email)
		switch {
		case a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "" && !a.SetsCookie():
			refused++
		case a.Status != http.StatusSeeOther:
			t.Fatalf("switch %d: %d", i, a.Status)
		}
	}
	// Each switch that is refused makes the next one a switch to the current account. A slow machine gets into the next minute.
	if refused < 5 && time.Since(began) < 55*time.Second || refused > 65 {
		t.Errorf("%d of 130 switches were refused, want half of what is above 120 a minute", refused)
	}
	for i, wire := range wires {
		wire.expectClose(comeBack)
		if len(wire.seen) > 2 {
			t.Errorf("tab %d was told %q", i, wire.seen)
		}
	}
	for _, d := range doors {
		b.open(w.two, d)
	}
}

// TestHalfOpenPeers is DO-09 at the example: connections that say nothing, or a byte a second, or half a handshake. They are
// cut after half a minute, and keep nobody out meanwhile.
func TestHalfOpenPeers(t *testing.T) {
	t.Parallel()
	w := site(t)
	b := signedIn(t, w, 1)
	request := string(viewSocket.knock(w.one, b.CookieHeader(w.one)).bytes())
	type peer struct {
		name string
		conn net.Conn
	}
	var peers []peer
	began := time.Now()
	for i := range 60 {
		conn, err := net.Dial("tcp", w.one.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		kind := []string{"silent", "dripping", "half a handshake", "all but the last byte"}[i%4]
		switch kind {
		case "dripping":
			go func() {
				for k := range len(request) - 2 {
					if _, err := conn.Write([]byte{request[k]}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
		case "half a handshake":
			_, _ = conn.Write([]byte(request[:len(request)/2]))
		case "all but the last byte":
			_, _ = conn.Write([]byte(request[:len(request)-1]))
		}
		peers = append(peers, peer{kind, conn})
	}
	b.open(w.one, viewSocket).conn.Close()
	for i, p := range peers {
		_ = p.conn.SetReadDeadline(began.Add(45 * time.Second))
		_, err := io.Copy(io.Discard, p.conn)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("connection %d, %s: still open after %v", i, p.name, time.Since(began))
		}
	}
	t.Logf("all are cut after %v", time.Since(began))
}
