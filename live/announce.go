package live

import "slices"

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
	return &pass{watch: g.watch, members: slices.Clone(g.members), do: (*member).flush, then: g.deliver}
}
