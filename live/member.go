package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"
)

const (
	closeWrite = 600 * time.Millisecond // for the last frames of a socket that is being closed
	closeGrace = 700 * time.Millisecond // for the peer to answer the close frame; then the connection is cut
	readWait   = 5 * time.Second        // for the answer of Subject.Read
)

var longAgo = time.Unix(1, 0)

// member is one open socket in the hub.
//
// There is no goroutine that only writes. Whoever has something for the peer takes the pen (writing), writes everything that is
// due and puts the pen down; who finds it taken leaves, because its holder looks again. The connection may be touched with
// the pen in hand, under mu while somebody holds the pen, or by the handler, which returns only after the pen is down.
type member struct {
	hub   *Hub
	group *group
	index int // in group.members, or -1; guarded by the shard
	view  *outbox
	claim claim
	place string // over all processes, or ""

	budget bucket // only the handler takes from it

	mu         sync.Mutex
	conn       transport
	writing    bool // true from the start: the handler has the pen until it has greeted the peer
	greeted    bool // announcements count from here
	closing    bool // the close frame is written, or cannot be
	pingDue    bool
	gone       bool // the handler is about to return: nobody takes the pen any more
	code       int  // to close with once everything before it is written; 0: stay open
	reason     string
	last       []byte // what to send before the close frame
	told       known  // what the peer knows
	generation int64
	down       chan struct{} // closed when the pen is put down; only made for a handler that waits
}

// outbox is what a view's socket has beyond a tab's: fragments that wait, and a context that ends with it; over an event
// stream also a way in.
type outbox struct {
	frames [][]byte
	bytes  int
	end    context.CancelCauseFunc
	alone  bool // the view follows nothing; its key is its own
	inlet  *inlet
}

// take returns the oldest frame. Of those that are gone nothing stays in memory.
func (o *outbox) take() []byte {
	frame := o.frames[0]
	o.frames[0] = nil
	if o.frames = o.frames[1:]; len(o.frames) == 0 {
		o.frames = nil
	}
	o.bytes -= len(frame)
	return frame
}

// flush writes what is due, unless somebody else is about to.
func (m *member) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return
	}
	if m.supersede(); m.writing {
		return
	}
	m.writing = true
	m.drain()
}

// carry is flush for callers that must not wait for the peer, and have mu: a goroutine writes, for as long as something is due.
// It has the pen before it begins, so there is one at a time, and finish waits for it.
func (m *member) carry() {
	if m.gone || m.writing {
		return
	}
	m.writing = true
	go func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.drain()
	}()
}

// drain writes until nothing is due and puts the pen down. It is called with mu and the pen.
func (m *member) drain() {
	for {
		m.supersede()
		write, last := m.due()
		if write == nil {
			break
		}
		m.put(write, last)
	}
	m.writing = false
	if m.down != nil {
		close(m.down)
	}
}

// put writes one thing. It is called with mu and the pen, and gives mu away while it writes.
func (m *member) put(write func(transport) error, last bool) {
	conn := m.conn
	m.mu.Unlock()
	err := write(conn)
	m.mu.Lock()
	switch {
	case err != nil:
		m.closing = true
		m.stopView()
		conn.readBy(longAgo)
	case last: // the peer answers a close frame, but gets no more time for it than this
		m.closing = true
		conn.readBy(time.Now().Add(closeGrace))
	}
}

// supersede takes over what was announced since, and decides whether the socket may go on.
func (m *member) supersede() {
	a := m.group.newest.Load()
	if !m.greeted || m.code != 0 || a == nil {
		return
	}
	// A secret that was rotated away is one whatever becomes of the numbers of versions.
	if rotated := a.Generation > m.generation; rotated || a.after(m.told) {
		m.tell(a, rotated || a.AsOf > 0 && a.Generation != m.generation)
	}
}

// tell makes a what the peer is told next, and closes the socket if it may not go on after it.
func (m *member) tell(a *Announcement, rotated bool) {
	m.told = a.known()
	m.last = a.Payload
	switch {
	case a.Ended:
		m.end(closePolicy, "ended")
	case rotated || m.view != nil:
		m.end(closeComeBack, "changed")
	}
}

// end decides that the socket closes. What a view has not sent yet is never sent.
func (m *member) end(code int, reason string) {
	m.code, m.reason = code, reason
	m.stopView()
	if m.writing {
		m.conn.writeBy(time.Now().Add(closeWrite)) // a write that hangs must not delay the end
	}
}

func (m *member) stopView() {
	if m.view != nil {
		m.view.frames, m.view.bytes = nil, 0
		m.view.end(errEnded)
	}
}

// due returns the next thing to write, and whether it is the last.
func (m *member) due() (write func(transport) error, last bool) {
	now := time.Now()
	switch {
	case m.closing, m.gone:
		return nil, false
	case m.code != 0:
		payload, code, reason, deadline := m.last, m.code, m.reason, now.Add(min(closeWrite, m.hub.limits.WriteTimeout))
		m.last = nil
		return func(t transport) error { return t.close(payload, code, reason, deadline) }, true
	case m.last != nil:
		payload := m.last
		m.last = nil
		return func(t transport) error { return t.write(payload, now.Add(m.hub.limits.WriteTimeout)) }, false
	case m.view != nil && len(m.view.frames) > 0:
		frame := m.view.take()
		return func(t transport) error { return t.write(frame, now.Add(m.hub.limits.WriteTimeout)) }, false
	case m.pingDue:
		m.pingDue = false
		return func(t transport) error { return t.ping(now.Add(m.hub.limits.WriteTimeout)) }, false
	}
	return nil, false
}

// ping asks the peer for a sign of life.
func (m *member) ping() {
	m.mu.Lock()
	m.pingDue = true
	m.mu.Unlock()
	m.flush()
}

// shut closes the socket with a code, after a payload if there is one. The first reason to close wins.
func (m *member) shut(code int, reason string, payload []byte) {
	m.mu.Lock()
	if m.code == 0 {
		m.last = payload
		m.end(code, reason)
	}
	m.mu.Unlock()
	m.flush()
}

// refuse is shut for callers that must not wait for the peer.
func (m *member) refuse(code int, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.code == 0 {
		m.end(code, reason)
	}
	m.carry()
}

// cut notes that the peer has ended the connection, or says nothing any more: there is nobody to tell why.
func (m *member) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closing = true
}

// open reports whether the peer may still act: nothing was announced that ends the socket, and nothing else did.
func (m *member) open() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.supersede()
	return m.code == 0 && !m.closing && !m.gone
}

// serve runs one socket from the upgrade to the last byte: join, greet, then what remains. It returns only when nobody can
// write to the connection any more.
func (m *member) serve(conn transport, sub Subject, remain func(transport) error) {
	h := m.hub
	defer h.leave(m)
	defer m.finish()
	m.conn, m.generation = conn, sub.Generation
	conn.readBy(time.Now().Add(h.limits.PongTimeout))
	conn.control(m.allowed, m.alive)
	h.join(m)
	// Loading and encoding need a big stack, which this goroutine would keep as long as the socket is open.
	greeted := make(chan struct{})
	go func() {
		defer close(greeted)
		m.greet(sub)
	}()
	<-greeted
	sub = Subject{} // and with it whatever its functions hold
	if err := protect(func() error { return remain(conn) }); err != nil {
		h.log.Error("live: socket ended", "err", err)
		m.shut(closeOurFault, "", nil)
		_ = m.listen(conn, func(io.Reader, bool) error { return nil }) // for the peer's close frame
	}
}

// greet reads the truth and sends the first frames. It starts with the pen and puts it down.
func (m *member) greet(sub Subject) {
	var truth Announcement
	var hello []byte
	err := protect(func() (err error) {
		if !m.open() {
			return nil // the hub is closing
		}
		ctx, cancel := context.WithTimeout(context.Background(), readWait)
		defer cancel()
		began := m.hub.Moment()
		if truth, err = sub.Read(ctx); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		truth.AsOf, truth.until = began, m.hub.Moment()
		// An announcement may have overtaken the answer.
		if a := m.group.newest.Load(); a != nil && !truth.Ended && a.after(truth.known()) {
			truth = *a
		}
		if sub.Hello != nil && !truth.Ended {
			hello = sub.Hello(truth)
		}
		return nil
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.greeted = true
	switch rotated := truth.Generation != sub.Generation; {
	case m.code != 0:
	case err != nil:
		m.hub.log.Error("live: socket refused", "err", err)
		m.end(closeOverloaded, "")
		if errors.Is(err, errPanic) {
			m.code = closeOurFault
		}
	default:
		m.told = truth.known()
		if truth.Ended || rotated || truth.Version != sub.Version {
			m.tell(&truth, rotated) // goes out after the hello, unless something newer takes its place meanwhile
		}
		if hello != nil {
			deadline := time.Now().Add(m.hub.limits.WriteTimeout)
			m.put(func(t transport) error { return t.write(hello, deadline) }, false)
		}
	}
	m.drain()
}

// listen hands over each message of the peer until the connection ends, or until take returns an error. An error of the
// reader need not be returned: the connection meets it again.
func (m *member) listen(conn transport, take func(r io.Reader, text bool) error) error {
	for {
		r, text, err := conn.next()
		if err != nil {
			conn.linger(err)
			return nil
		}
		if !m.allowed() || !m.affords() {
			continue // until the peer has taken note of the close frame, or its time is over
		}
		if err := take(r, text); err != nil {
			return err
		}
	}
}

// allowed reports whether the peer may send something now, and closes the socket if it sends too much.
func (m *member) allowed() bool {
	if !m.budget.take(time.Now(), m.hub.limits.MessagesPerSecond, m.hub.limits.Burst) {
		m.shut(closePolicy, "too many messages", nil)
	}
	return m.open()
}

// affords counts a message, and closes the socket if all of its key together have sent too many. Pings and pongs do not count:
// browsers send them by themselves, those of all tabs at once.
func (m *member) affords() bool {
	if m.group.affords(m.hub.limits) {
		return true
	}
	m.shut(closePolicy, "too many messages", nil)
	return false
}

// finish waits for the pen, for good. A write that hangs is cut: nobody reads at the other end.
func (m *member) finish() {
	m.mu.Lock()
	m.gone = true
	conn := m.conn
	m.stopView()
	var down chan struct{}
	if m.writing {
		down = make(chan struct{})
		m.down = down
	}
	m.mu.Unlock()
	for down != nil {
		conn.writeBy(longAgo)
		select {
		case <-down:
			down = nil
		case <-time.After(20 * time.Millisecond): // its deadline may have been set just after ours
		}
	}
	m.mu.Lock()
	m.conn = nil
	m.mu.Unlock()
}

// alive moves the read deadline after a pong. A socket that is being closed has no further time.
func (m *member) alive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.code == 0 && !m.closing {
		m.conn.readBy(time.Now().Add(m.hub.limits.PongTimeout))
	}
}

var errPanic = errors.New("panic")

// protect calls fn and turns a panic into an error, for the log only: it holds the stack.
func protect(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return fn()
}
