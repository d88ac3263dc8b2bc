package liveload_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"
)

// attack is what a bad peer does to its socket, and how that has to end.
type attack struct {
	name string
	do   func(p *peer, stamp string)
	view int // close code of a view's socket
	tab  int // the same of a tab's; 0: there it is nothing bad
}

// attacks all end the socket they come over, and nothing else. "lost" are those that send nothing whole, so that the server
// only sees that a peer gives no sign of life.
var attacks = []attack{
	{"a flood of events", func(p *peer, stamp string) {
		for i := range 300 {
			if !p.put(frame(final|textual, key, fmt.Sprintf(`{"text":"alice executed-flood %p %d","_stamp":%q}`, p, i, stamp))) {
				return
			}
		}
	}, 1008, 1008},
	{"a flood of pings", func(p *peer, _ string) { p.put(bytes.Repeat(frame(final|ping, key, "hello"), 300)) }, 1008, 1008},
	{"a flood of what is no event", func(p *peer, _ string) { p.put(bytes.Repeat(frame(final|textual, key, "x"), 300)) }, 1008, 1008},
	{"a frame of 1 MB", func(p *peer, _ string) {
		p.put([]byte{final | textual, final | 127, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, make([]byte, 1<<20))
	}, 1009, 1009},
	{"a frame that announces 2^62 bytes", func(p *peer, _ string) {
		p.put([]byte{final | textual, final | 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x'})
	}, 1009, 1009},
	{"a message of a byte over the limit, in two fragments", func(p *peer, _ string) {
		p.put(frame(textual, key, string(make([]byte, 16<<10))), frame(final|more, key, "x"))
	}, 1009, 1009},
	{"fragments of one byte that do not end", func(p *peer, _ string) {
		p.put(frame(textual, key, "x"), bytes.Repeat(frame(more, key, "x"), 17<<10))
	}, 1009, 1009},
	{"a binary frame", func(p *peer, _ string) { p.put(frame(final|binaryData, key, "{}")) }, 1003, 0},
	{"bytes that are no UTF-8", func(p *peer, _ string) { p.put(frame(final|textual, key, "{\"text\":\"\xff\"}")) }, 1007, 0},
	{"a character that is cut in two by fragments is whole, and then one is not", func(p *peer, _ string) {
		p.put(frame(textual, key, "{\"text\":\"\xc3"), frame(final|more, key, "\""), frame(final|textual, key, "{}"))
	}, 1007, 0},
	{"another mask than the one that is said", func(p *peer, stamp string) {
		f := frame(final|textual, key, fmt.Sprintf(`{"text":"alice never-masked","_stamp":%q}`, stamp))
		f[len(f)-5] ^= 0x80
		for i := range 4 {
			f[4+i] ^= 0xff
		}
		p.put(f)
	}, 1007, 0},
	{"no mask", func(p *peer, _ string) { p.put([]byte{final | textual, 2, '{', '}'}) }, 1002, 1002},
	{"a reserved bit", func(p *peer, _ string) { p.put(frame(final|rsv1|textual, key, "{}")) }, 1002, 1002},
	{"a reserved kind of frame", func(p *peer, _ string) { p.put(frame(final|odd, key, "{}")) }, 1002, 1002},
	{"a ping of 126 bytes", func(p *peer, _ string) { p.put(frame(final|ping, key, string(make([]byte, 126)))) }, 1002, 1002},
	{"a ping in fragments", func(p *peer, _ string) { p.put(frame(ping, key, "x")) }, 1002, 1002},
	{"the end of what has not begun", func(p *peer, _ string) { p.put(frame(final|more, key, "x")) }, 1002, 1002},
	{"a message inside of a message", func(p *peer, _ string) {
		p.put(frame(textual, key, "{"), frame(final|textual, key, "{}"))
	}, 1002, 1002},
	{"a close frame of one byte", func(p *peer, _ string) { p.put(frame(final|bye, key, "x")) }, silent, silent},
	{"a close frame with a code that nobody may send", func(p *peer, _ string) { p.put(frame(final|bye, key, "\x03\xed")) }, 1002, 1002},
	{"a goodbye", func(p *peer, _ string) { p.put(frame(final|bye, key, "\x03\xe9")) }, 1001, 1001},
	{"the header of a frame, and silence", func(p *peer, _ string) { p.put([]byte{final | textual, final | 100, 1, 2}) }, lost, lost},
	{"half of a frame, and silence", func(p *peer, _ string) { p.put(frame(final|textual, key, `{"text":"alice never-half"}`)[:12]) }, lost, lost},
	{"a message without its end, and silence", func(p *peer, _ string) { p.put(frame(textual, key, `{"text":`)) }, lost, lost},
	{"a byte now and then, and no pong", func(p *peer, _ string) {
		p.put(frame(textual, key, "{"))
		for end := time.Now().Add(8 * time.Second); time.Now().Before(end) && p.put(frame(more, key, " ")); {
			time.Sleep(50 * time.Millisecond)
		}
	}, lost, lost},
	{"silence", func(*peer, string) {}, lost, lost},
	{"the end of what it writes", func(p *peer, _ string) { _ = p.conn.CloseWrite() }, lost, lost},
	{"no handshake any more but another request", func(p *peer, _ string) {
		_, _ = io.WriteString(p.conn, "GET /numbers HTTP/1.1\r\nHost: x\r\n\r\n")
	}, 1002, 1002},
}

// each runs all attacks at once: against views, and against tabs. after is called when one has ended, with the name of the
// view or "".
func each(t *testing.T, s *server, cookie, stamp string, after func(attack, view string)) {
	t.Helper()
	type ended struct{ attack, view string }
	all := make(chan ended)
	running := 0
	begin := func(p *peer, a attack, want int, view string) {
		running++
		go func() {
			endsWith(t, p, a, stamp, want)
			all <- ended{a.name, view}
		}()
	}
	for i, a := range attacks {
		view := fmt.Sprint("bad", i)
		begin(s.socket(t, "/view?name="+view, cookie), a, a.view, view)
		if a.tab != 0 {
			begin(s.socket(t, "/link/live?v=1", cookie), a, a.tab, "")
		}
	}
	for range running {
		over := <-all
		after(over.attack, over.view)
	}
}

// endsWith lets a peer attack its socket and checks how that ends.
func endsWith(t *testing.T, p *peer, a attack, stamp string, want int) {
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.do(p, stamp)
	}()
	if got := p.end(10 * time.Second); got != want && (want != lost || got != cut && got != 1011) {
		t.Errorf("%s: ended with %d, want %d", a.name, got, want)
	}
	_ = p.conn.Close()
	<-done
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("%s: it took %v", a.name, took)
	}
}
