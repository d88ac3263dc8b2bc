package live

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// Announcement is the newest state of a key.
type Announcement struct {
	Key        Key
	Version    int64  // grows with every visible change
	Generation int64  // of the credential: a socket opened with an older one is closed with 1012
	Tag        string // tells two histories with the same numbers apart. Same version and same tag: seen before
	Payload    []byte // what sockets are sent: one JSON object. Must not be modified any more
	Ended      bool   // nothing comes after it: sockets are closed with 1008
}

// after reports whether a has to be told to somebody who knows version and tag. An end always has: what is gone has no
// newer state, so it does not matter which number it carries.
func (a *Announcement) after(version int64, tag string) bool {
	return a.Ended || a.Version > version || a.Version == version && a.Tag != tag
}

// Announce sends a to each open socket of its key that does not know it yet, then closes those that may not go on: all of
// them with 1008 when a.Ended, those with an older Generation with 1012, and views with 1012 on every change. It never
// blocks. Of several announcements that a socket could not be sent yet, it gets the newest only. Older ones than a socket
// knows are dropped.
func (h *Hub) Announce(a Announcement) {
	s := h.shard(a.Key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[a.Key]
	if g == nil {
		return
	}
	if old := g.newest.Load(); old != nil && (old.Ended || !a.after(old.Version, old.Tag)) {
		return
	}
	g.newest.Store(&a)
	if !g.delivering {
		g.delivering = true
		go func() {
			if p := g.deliver(); p != nil {
				p.begin()
				p.run()
			}
		}()
	}
}

// deliver returns the pass that brings the newest announcement to the group, or nil when that was done.
func (g *group) deliver() *pass {
	g.shard.mu.Lock()
	defer g.shard.mu.Unlock()
	newest := g.newest.Load()
	if newest == g.taken {
		g.delivering = false
		return nil
	}
	g.taken = newest
	return &pass{members: slices.Clone(g.members), do: (*member).flush, then: g.deliver}
}

// pass does something that may block to each of many members. Workers share a cursor, so a member that blocks holds up
// only the worker that took it: while the cursor rests, another worker is started.
type pass struct {
	members []*member
	do      func(*member)
	then    func() *pass // says what to go on with once every member is taken up; nil: nothing
	cursor  atomic.Int64
	watch   *time.Timer
	seen    int64 // where watch found the cursor the last time
}

const (
	share = 8                    // members that one worker serves faster than two, of which one has to be woken
	stall = 2 * time.Millisecond // many times what a write takes that does not block
)

// spread does something to every member. It returns when each is done, or hangs without holding up the others.
func spread(members []*member, do func(*member)) {
	if len(members) == 0 {
		return
	}
	done := make(chan struct{})
	p := &pass{members: members, do: do, then: func() *pass { close(done); return nil }}
	p.begin()
	go p.run()
	<-done
}

// begin starts the further workers, and the watch over the cursor.
func (p *pass) begin() {
	p.watch = time.AfterFunc(time.Hour, p.look)
	p.watch.Reset(stall) // only now, so that look finds the timer it was started by
	for range min(runtime.GOMAXPROCS(0), len(p.members)/share) - 1 {
		go p.run()
	}
}

// run works until there is nothing left to take up.
func (p *pass) run() {
	for p != nil {
		i := int(p.cursor.Add(1)) - 1
		switch {
		case i < len(p.members):
			p.do(p.members[i])
		case i == len(p.members): // exactly one worker comes here
			p.watch.Stop()
			if p = p.then(); p != nil {
				p.begin()
			}
		default:
			return
		}
	}
}

// look starts a further worker when no member was taken up since the last look.
func (p *pass) look() {
	at := p.cursor.Load()
	if at > int64(len(p.members)) {
		return
	}
	if at == p.seen {
		go p.run()
	}
	p.seen = at
	p.watch.Reset(stall)
}
