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
	// AsOf is the [Hub.Moment] before the read that found this state. What was found is then believed whatever its number: a
	// database that lost its last writes goes back. Default: the state was saved just now, and numbers decide.
	AsOf Moment

	until Moment // when it was announced: it was true at some moment from AsOf to then
}

// Moment is a point in the order of what one hub hears.
type Moment uint64

// Moment returns the present one. Take it before a read whose outcome is announced.
func (h *Hub) Moment() Moment { return Moment(h.moments.Add(1)) }

// known is what somebody knows about a key.
type known struct {
	version     int64
	tag         string
	from, until Moment // it was true at some moment between
}

func (a *Announcement) known() known { return known{a.Version, a.Tag, a.AsOf, a.until} }

// after reports whether a has to be told to somebody who knows k. An end always has: what is gone has no newer state, so it
// does not matter which number it carries.
func (a *Announcement) after(k known) bool {
	switch {
	case a.Ended:
		return true
	case a.until < k.from:
		return false
	case a.AsOf > k.until:
		return a.Version != k.version || a.Tag != k.tag
	}
	return a.Version > k.version || a.Version == k.version && a.Tag != k.tag
}

// Announce sends a to each open socket of its key that does not know it yet, then closes those that may not go on: all of
// them with 1008 when a.Ended, those with an older Generation with 1012 (of another one, when a was read), and views with 1012 on every change. It never
// blocks. Of several announcements that a socket could not be sent yet, it gets the newest only. Older ones than a socket
// knows are dropped. A hub believes what it is told: pass on what was saved or read, not what a message says about it.
func (h *Hub) Announce(a Announcement) {
	s := h.shard(a.Key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[a.Key]
	if g == nil {
		return
	}
	a.until = h.Moment()
	if old := g.newest.Load(); old != nil && (old.Ended || !a.after(old.known())) {
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

// Behind reports whether an open socket of the key may not have been told of a state yet.
func (h *Hub) Behind(key Key, version int64, tag string) bool {
	s := h.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[key]
	if g == nil {
		return false
	}
	if newest := g.newest.Load(); newest != nil {
		return newest.Version != version || newest.Tag != tag
	}
	return slices.ContainsFunc(g.members, func(m *member) bool {
		k := m.knows()
		return k.version != version || k.tag != tag
	})
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
