package sqlstore_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// wire is a network between a process and PostgreSQL that can fall silent without breaking.
type wire struct {
	to string

	mu     sync.Mutex
	open   []net.Conn
	silent chan struct{} // closed when bytes pass
}

// wired returns the address of a database over a wire.
func wired(t testing.TB, address string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: u.Host, silent: make(chan struct{})}
	close(w.silent)
	t.Cleanup(func() {
		_ = l.Close()
		w.speak()
		w.cut()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	u.Host = l.Addr().String()
	return w, u.String()
}

func (w *wire) carry(c net.Conn) {
	w.await()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = c.Close()
		return
	}
	w.mu.Lock()
	w.open = append(w.open, c, server)
	w.mu.Unlock()
	go w.pass(c, server)
	w.pass(server, c)
}

// pass carries bytes one way until one end closes. While the wire is silent it swallows nothing and passes nothing.
func (w *wire) pass(from, to net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		w.await()
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) await() {
	w.mu.Lock()
	silent := w.silent
	w.mu.Unlock()
	<-silent
}

// hush lets nothing through until speak.
func (w *wire) hush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = make(chan struct{})
}

func (w *wire) speak() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.silent:
	default:
		close(w.silent)
	}
}

// cut breaks what is open.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open = nil
}

// hangingListener accepts connections and never answers. It returns its address.
func hangingListener(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		close(ended)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				<-ended
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}
