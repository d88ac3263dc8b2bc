package live

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// hanging is a transport whose writes hang until their deadline is moved into the past.
type hanging struct {
	begun, cut chan struct{}
	inside     atomic.Bool
	over       atomic.Bool
	late       atomic.Int64 // uses after the handler returned
}

func (t *hanging) use() {
	if t.over.Load() {
		t.late.Add(1)
	}
}

func (t *hanging) write([]byte, time.Time) error {
	t.use()
	t.inside.Store(true)
	defer t.inside.Store(false)
	close(t.begun)
	<-t.cut
	time.Sleep(10 * time.Millisecond) // a cut write takes a moment to come back
	t.use()
	return os.ErrDeadlineExceeded
}

func (t *hanging) writeBy(at time.Time) {
	t.use()
	if at.Before(time.Now()) {
		select {
		case <-t.cut:
		default:
			close(t.cut)
		}
	}
}

func (t *hanging) next() (io.Reader, bool, error)             { return nil, false, io.EOF }
func (t *hanging) ping(time.Time) error                       { t.use(); return nil }
func (t *hanging) close([]byte, int, string, time.Time) error { t.use(); return nil }
func (t *hanging) readBy(time.Time)                           { t.use() }
func (t *hanging) control(func() bool, func())                {}
func (t *hanging) linger(error)                               {}

// The handler returns only after everything that can write to the connection has ended: below the connection lie pooled
// objects that belong to the next user as soon as it has returned.
func TestHandlerWaitsForAWriteThatHangs(t *testing.T) {
	for name, write := range map[string]func(h *Hub, m *member){
		"of an announcement": func(h *Hub, _ *member) {
			h.Announce(Announcement{Key: Key{1}, Version: 1, Payload: []byte("{}")})
		},
		"of a frame of a view": func(_ *Hub, m *member) {
			m.view = &outbox{end: func(error) {}}
			if err := (&Socket{member: m}).send([]byte("{}")); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewHub(HubConfig{})
			seat, err := h.reserve(claim{key: Key{1}})
			if err != nil || !seat.take() {
				t.Fatal("no place", err)
			}
			conn := &hanging{begun: make(chan struct{}), cut: make(chan struct{})}
			m := seat.member
			m.serve(conn, Subject{Key: Key{1}, Read: func(context.Context) (Announcement, error) {
				return Announcement{Key: Key{1}}, nil
			}}, func(transport) error {
				write(h, m)
				<-conn.begun // somebody is writing; now the peer is gone
				return nil
			})
			conn.over.Store(true)
			if conn.inside.Load() {
				t.Error("serve returned while a write was under way")
			}
			h.Announce(Announcement{Key: Key{1}, Version: 2, Payload: []byte("{}")})
			m.ping()
			m.shut(closeComeBack, "", nil)
			m.refuse(closeComeBack, "")
			time.Sleep(30 * time.Millisecond)
			if n := conn.late.Load(); n != 0 {
				t.Errorf("the connection was used %d times after the handler had returned", n)
			}
			if err := h.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A place that is never taken, because the client left during the handshake, is free again and does not keep Close waiting.
func TestPlaceThatIsNeverTaken(t *testing.T) {
	h := NewHub(HubConfig{Limits: Limits{SocketsPerKey: 1}})
	seat, err := h.reserve(claim{key: Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.reserve(claim{key: Key{1}}); err != ErrTooManySockets {
		t.Errorf("got %v, want ErrTooManySockets", err)
	}
	seat.expiry.Reset(0)
	if err := h.Close(context.Background()); err != nil || h.Groups() != 0 {
		t.Errorf("Close: %v, %d groups left", err, h.Groups())
	}
	if seat.take() {
		t.Error("the place was still there")
	}
}

// Members that hang hold up neither the others nor the next pass.
func TestSpreadPassesThoseThatHang(t *testing.T) {
	members := make([]*member, 20)
	hangs := map[*member]bool{}
	for i := range members {
		members[i] = &member{index: i}
		hangs[members[i]] = i%4 == 0
	}
	release := make(chan struct{})
	var done, released atomic.Int64
	var w watch
	go w.run(t.Context())
	spread(&w, members, func(m *member) {
		if hangs[m] {
			<-release
			released.Add(1)
			return
		}
		done.Add(1)
	})
	for end := time.Now().Add(5 * time.Second); done.Load() < 15 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if done.Load() != 15 {
		t.Errorf("%d of 15 were done", done.Load())
	}
	close(release)
	for end := time.Now().Add(5 * time.Second); released.Load() < 5 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if released.Load() != 5 {
		t.Errorf("%d of 5 came back", released.Load())
	}
}
