// Package live keeps the tabs of a browser up to date over websockets.
//
// A [Hub] holds the open sockets of this process, sorted by the [Key] they follow. [Hub.Announce] brings the newest state of
// a key to each of its sockets once, in growing order, and closes those that may not go on. [Hub.ServeTab] serves a socket
// that only listens; [New] serves a [View], an HTML page that lives on the server. The package knows topics, keys and
// versions, but no accounts: what a key stands for, and who may follow it, is decided by hooks.
//
// What goes out is either HTML whose every top-level element has an hx-swap-oob attribute, or a JSON object; htmx 2 and 4
// take both. Close codes: 1012 come back at once, 1013 overloaded, 1011 our fault, 1008 not allowed (any more), 1009 message
// too big.
package live

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

// Close codes that this package sends.
const (
	closeUnsupported = 1003
	closeInvalidText = 1007
	closePolicy      = 1008
	closeOurFault    = 1011
	closeComeBack    = 1012
	closeOverloaded  = 1013
)

var (
	// ErrTooManySockets: the key, its owner or the address has as many open sockets as [Limits] allow. Answer 429.
	ErrTooManySockets = errors.New("live: too many open sockets")
	// ErrFull: the process has [Limits].Sockets open sockets. Answer 503; another process may have room.
	ErrFull = errors.New("live: too many open sockets in this process")
	// ErrClosed: the hub takes no sockets any more. Answer 503.
	ErrClosed = errors.New("live: hub is closed")
	// ErrNotUpgrade: the request is neither a websocket handshake nor does it ask for an event stream. Answer 426.
	ErrNotUpgrade = errors.New("live: neither a websocket handshake nor a request for an event stream")
)

// Key names what a socket follows, such as a session.
type Key [16]byte

// HubConfig configures a [Hub].
type HubConfig struct {
	Limits  Limits        // Default: see there
	Origins origin.Policy // whose pages may open sockets. Default: https pages of the request's own host
	Bus     Bus           // carries topics between processes. Default: topics stay in this process
	Places  Places        // counts the sockets of an owner over all processes. Default: each process counts its own
	Log     *slog.Logger  // Default: slog.Default()
}

// shards is the number of locks that the keys are spread over; a ping round visits one after the other.
const shards = 64

// reserved is how long a place is kept for a socket between the answer to its handshake and its first breath. A client
// that leaves in between is never heard of again.
const reserved = 10 * time.Second

// Hub holds the open sockets of this process. An app with accounts gets one from Plugin.Hub and uses Publish and Close
// only. It is safe for concurrent use. End it with Close.
type Hub struct {
	limits  Limits
	origins origin.Policy
	bus     Bus
	log     *slog.Logger
	seed    maphash.Seed
	shards  [shards]shard
	topics  topics
	watch   watch
	inlets  inlets
	relay   relay
	places  Places

	networks      tally[netip.Prefix]
	owners        tally[string]
	countsPrivate bool      // addresses
	crowded       sync.Once // the hint about an address with too many sockets was given

	presence *presence

	moments atomic.Uint64

	start sync.Once // the background work, with the first socket
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu     sync.Mutex
	active int           // sockets that are reserved or served, and events that come by POST
	closed bool          // no further ones
	idle   chan struct{} // closed when closed is set and active is zero
}

type shard struct {
	mu     sync.Mutex
	groups map[Key]*group
	spent  map[Key]bucket // budgets of keys without a group, until they are full again
}

// group is the sockets of one key. The shard's mutex guards it, except newest.
type group struct {
	key        Key
	shard      *shard
	watch      *watch
	newest     atomic.Pointer[Announcement] // nil until something is announced while the group exists
	taken      *Announcement                // what the last delivery was started for
	delivering bool
	reserved   int // sockets that were admitted and are not members yet
	members    []*member
	budget     bucket // of the messages of all sockets
}

// NewHub returns a hub. It panics on limits or origins that cannot work; their Validate methods tell beforehand.
func NewHub(cfg HubConfig) *Hub {
	if err := errors.Join(cfg.Limits.Validate(), cfg.Origins.Validate()); err != nil {
		panic(fmt.Sprintf("live: NewHub: %v", err))
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	h := &Hub{
		limits:  cfg.Limits.withDefaults(),
		origins: cfg.Origins,
		bus:     cfg.Bus,
		places:  cfg.Places,
		log:     cfg.Log,
		seed:    maphash.MakeSeed(),
		relay:   newRelay(),
		idle:    make(chan struct{}),

		countsPrivate: cfg.Limits.SocketsPerAddress > 0,
	}
	h.presence = newPresence(h)
	h.origins.Allowed = slices.Clone(cfg.Origins.Allowed)
	h.ctx, h.stop = context.WithCancel(context.Background())
	for i := range h.shards {
		h.shards[i].groups = make(map[Key]*group)
		h.shards[i].spent = make(map[Key]bucket)
	}
	return h
}

func (h *Hub) shard(key Key) *shard {
	return &h.shards[maphash.Comparable(h.seed, key)%shards]
}

// Close takes no new sockets, closes the open ones with 1012 and waits until all their handlers have returned, or until
// ctx ends, whose error it then returns. The browsers of many tabs are sent away one after the other, 200 a second where the
// deadline of ctx leaves the time, so that they do not all knock at the next process at once. Those who were present here
// alone are gone everywhere as soon as it returns; telling the other processes may take a second longer than ctx.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		if h.active == 0 {
			close(h.idle)
		}
	}
	h.mu.Unlock()
	h.drain(ctx)
	done := make(chan struct{})
	go func() {
		<-h.idle
		h.stop() // only now: until then the watch is needed
		h.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		h.presence.leave()
		return fmt.Errorf("live: close: %w", ctx.Err())
	}
}

const (
	drainRate = 200                   // sockets a second
	drainTick = 50 * time.Millisecond // between two portions of them
)

// drain closes the open sockets with 1012, in portions that are spread over half of the time that ctx leaves at most.
func (h *Hub) drain(ctx context.Context) {
	var all []*member
	for i := range h.shards {
		all = append(all, h.shards[i].members()...)
	}
	span := time.Duration(len(all)) * time.Second / drainRate
	if end, ok := ctx.Deadline(); ok {
		span = min(span, time.Until(end)/2)
	}
	portion := len(all)
	if span > drainTick {
		portion = len(all)/int(span/drainTick) + 1
	}
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for ctx.Err() == nil && len(all) > portion {
		spread(&h.watch, all[:portion], goElsewhere)
		all = all[portion:]
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	spread(&h.watch, all, goElsewhere)
}

func goElsewhere(m *member) { m.shut(closeComeBack, "", nil) }

// members returns all members of the shard's groups.
func (s *shard) members() []*member {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*member
	for _, g := range s.groups {
		all = append(all, g.members...)
	}
	return all
}

// seat is a place for a socket whose handshake is being answered.
type seat struct {
	member *member
	expiry *time.Timer
}

// reserve admits a socket before its upgrade. Whoever wins take has to call leave.
func (h *Hub) reserve(of claim) (seat, error) {
	if err := h.enter(h.limits.Sockets); err != nil {
		return seat{}, err
	}
	if err := h.count(of); err != nil {
		h.left()
		return seat{}, err
	}
	g, err := h.group(of.key)
	if err != nil {
		h.uncount(of)
		h.left()
		return seat{}, err
	}
	m := &member{hub: h, group: g, claim: of, index: -1, writing: true}
	if err := h.takePlace(m); err != nil {
		h.leave(m)
		return seat{}, err
	}
	return seat{m, time.AfterFunc(reserved, func() { h.leave(m) })}, nil
}

// group returns the group of a key with a place reserved in it.
func (h *Hub) group(key Key) (*group, error) {
	s := h.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[key]
	if g == nil {
		g = &group{key: key, shard: s, watch: &h.watch, budget: s.spent[key]}
		s.groups[key] = g
		delete(s.spent, key)
	}
	if len(g.members)+g.reserved >= h.limits.SocketsPerKey {
		return nil, ErrTooManySockets
	}
	g.reserved++
	return g, nil
}

// take reports whether the place is still kept. The caller then owns the member.
func (s seat) take() bool { return s.expiry.Stop() }

// join makes m a member: from now on announcements reach it.
func (h *Hub) join(m *member) {
	h.start.Do(h.background)
	g := m.group
	g.shard.mu.Lock()
	g.reserved--
	m.index = len(g.members)
	g.members = append(g.members, m)
	g.shard.mu.Unlock()
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed { // Close may have looked for members before this one was there
		goElsewhere(m)
	}
}

// leave gives the place of m free, and forgets the group after the last one.
func (h *Hub) leave(m *member) {
	g := m.group
	g.shard.mu.Lock()
	if m.index < 0 {
		g.reserved--
	} else {
		last := len(g.members) - 1
		g.members[m.index] = g.members[last]
		g.members[m.index].index = m.index
		g.members[last] = nil
		g.members = g.members[:last]
	}
	if len(g.members) == 0 && g.reserved == 0 {
		delete(g.shard.groups, g.key)
		g.shard.keep(g, h.limits)
	}
	g.shard.mu.Unlock()
	h.uncount(m.claim)
	h.freePlace(m)
	h.left()
}

// enter counts somebody whom Close has to wait for, if there are fewer than most. Unless it returns an error, left has to be
// called.
func (h *Hub) enter(most int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.room(most); err != nil {
		return err
	}
	h.active++
	return nil
}

// room is called with mu.
func (h *Hub) room(most int) error {
	switch {
	case h.closed:
		return ErrClosed
	case h.active >= most:
		return ErrFull
	}
	return nil
}

func (h *Hub) left() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active--
	if h.closed && h.active == 0 {
		close(h.idle)
	}
}

// background starts what runs as long as the hub is open: the pings, and the bus. One ticker serves all sockets.
func (h *Hub) background() {
	h.work.Go(func() { h.watch.run(h.ctx) })
	h.work.Go(func() {
		tick := time.NewTicker(h.limits.PingEvery / shards)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				h.shards[i%shards].forget(h.limits)
				spread(&h.watch, h.shards[i%shards].members(), (*member).ping)
			case <-h.ctx.Done():
				return
			}
		}
	})
	if h.bus != nil {
		h.work.Go(h.listen)
	}
	if h.places != nil {
		h.work.Go(func() { h.renewPlaces(h.ctx) })
	}
}
