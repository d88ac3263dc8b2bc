package livetest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// listener is a network of its own, in memory. Its connections have no buffers, so nothing that was written is lost when
// an end closes, and their deadlines behave as those of TCP.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	ports atomic.Int32
}

func newListener() *listener { return &listener{conns: make(chan net.Conn), done: make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	port := 1024 + int(l.ports.Add(1)%60000)
	select {
	case l.conns <- end{theirs, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}:
		return end{ours, l.Addr()}, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// end is one end of a connection.
type end struct {
	net.Conn
	remote net.Addr
}

func (e end) RemoteAddr() net.Addr { return e.remote }

// Deadlines can be set on a connection that the other side has closed: of TCP one learns that by reading. A net.Pipe would
// refuse, and what was written before the close would not be read.
func (e end) SetDeadline(t time.Time) error      { return alive(e.Conn.SetDeadline(t)) }
func (e end) SetReadDeadline(t time.Time) error  { return alive(e.Conn.SetReadDeadline(t)) }
func (e end) SetWriteDeadline(t time.Time) error { return alive(e.Conn.SetWriteDeadline(t)) }

func alive(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
