package live

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// What may be present. Everything has a bound, because others keep it too.
const (
	maxPresent      = 1000    // that Present returns
	maxTrackedTopic = 256     // bytes
	maxTrackedKey   = 128     // bytes
	maxTrackedMeta  = 256     // bytes
	maxTracked      = 32      // topics of one socket
	maxTopicKeys    = 1024    // of one topic, in one process
	maxCellKeys     = 128     // the same for one cell: what a message can carry
	maxCells        = 1 << 15 // of one process
)

const (
	presenceBus    = reservedTopics + "presence"  // what processes tell each other
	presencePrefix = reservedTopics + "presence:" // of topics that never leave the process
)

var (
	// ErrTrack: topic, key or meta cannot be tracked because of what they are, which the text around it tells. Shorten
	// what people can make long before it gets here.
	ErrTrack = errors.New("live: cannot be tracked")
	// ErrCrowded: too much is tracked already, by this socket (32 topics), at this topic (1,024 keys in one process) or in
	// this process (32,768 topics; one with many keys counts up to 16 times). The view can go on, without being seen.
	ErrCrowded = errors.New("live: too many are present")
)

// Presence is somebody who is present at a topic.
type Presence struct {
	Key     string // who, such as an account
	Meta    string // what the newest Track of the key said, such as a name. Untrusted where people choose it
	Sockets int    // how many of the key's sockets are present, in all processes
}

// PresenceTopic returns the topic that tells about who is present at topic: subscribe to it, and a Message without payload
// comes when a key came or went or has another meta, not when only the number of its sockets changes. Nothing can be
// published to it.
func PresenceTopic(topic string) string { return presencePrefix + topic }

// Track makes the socket present at topic until it ends. Key says who it is, such as an account: all sockets of a key, in
// all processes, are one [Presence]. Meta is for the page, such as a name; the newest of a key wins. A second Track of the
// same topic takes the place of the first. Topic may have 256 bytes, key 128, meta 256; only key and topic must not be
// empty. Errors: [ErrTrack], [ErrCrowded]; the socket then is present as before. While the page is drawn nothing is tracked.
func (s *Socket) Track(topic, key, meta string) error {
	if err := trackable(topic, key, meta); err != nil || s.member == nil {
		return err
	}
	old, again := s.tracked[topic]
	if !again && len(s.tracked) >= maxTracked {
		return ErrCrowded
	}
	p := s.page.Hub.presence
	if err := p.enter(topic, key, meta, again && old == key); err != nil {
		return err
	}
	if again && old != key {
		p.exit(topic, old)
	}
	if s.tracked == nil {
		s.tracked = make(map[string]string)
	}
	s.tracked[topic] = key
	return nil
}

func trackable(topic, key, meta string) error {
	switch {
	case topic == "" || key == "":
		return fmt.Errorf("%w: topic or key is empty", ErrTrack)
	case len(topic) > maxTrackedTopic:
		return fmt.Errorf("%w: topic has %d bytes, %d are allowed", ErrTrack, len(topic), maxTrackedTopic)
	case strings.HasPrefix(topic, reservedTopics):
		return fmt.Errorf("%w: topic is reserved", ErrTrack)
	case len(key) > maxTrackedKey:
		return fmt.Errorf("%w: key has %d bytes, %d are allowed", ErrTrack, len(key), maxTrackedKey)
	case len(meta) > maxTrackedMeta:
		return fmt.Errorf("%w: meta has %d bytes, %d are allowed", ErrTrack, len(meta), maxTrackedMeta)
	}
	return nil
}

// Untrack ends what Track of the same topic began.
func (s *Socket) Untrack(topic string) {
	if key, ok := s.tracked[topic]; ok {
		delete(s.tracked, topic)
		s.page.Hub.presence.exit(topic, key)
	}
}

// Present returns who is present at topic, sorted by key: the first 1,000, in all processes that this one has heard from.
// What other processes know arrives within a second; after a lost message it takes up to 12 seconds, and a process that
// died is forgotten after 30. The first call in a process asks the others and returns what is known at once, so a page that
// is drawn should subscribe to [PresenceTopic] on its socket. Any goroutine may call it.
func (h *Hub) Present(topic string) []Presence {
	h.presence.begin()
	h.presence.mu.Lock()
	list := h.presence.list(topic)
	if _, ok := h.presence.stirred[topic]; ok {
		h.presence.stirred[topic] = true
	}
	h.presence.mu.Unlock()
	return slices.Clone(list)
}

// cell is a share of the keys of a topic: what processes tell each other as a whole. A topic with few keys has as many.
type cell struct {
	topic string
	part  byte
}

// guest is one key as one process has it.
type guest struct {
	key, meta string
	at        int64 // of the newest Track, in Unix milliseconds
	sockets   int
}

func (g guest) newer(than guest) bool { return g.at > than.at || g.at == than.at && g.meta > than.meta }

func (g guest) looksLike(other guest) bool { return g.key == other.key && g.meta == other.meta }

// presence is who is present: in this process, and what is known of others. Without a bus it is a map and a mutex. With one,
// a goroutine begins when presence is first used; see node.go.
type presence struct {
	hub   *Hub
	id    nodeID
	start sync.Once

	mu    sync.Mutex
	here  map[cell]map[string]guest
	sizes map[string]int        // keys of each topic in here
	lists map[string][]Presence // what list has made, until something changes. Never modified
	network
}

func newPresence(h *Hub) *presence {
	return &presence{
		hub: h, id: newNodeID(), here: make(map[cell]map[string]guest),
		sizes: make(map[string]int), lists: make(map[string][]Presence), network: newNetwork(),
	}
}

// enter adds a socket of key to topic, or only brings its meta up to date when the socket is there already.
func (p *presence) enter(topic, key, meta string, again bool) error {
	p.begin()
	p.mu.Lock()
	c := cell{topic, p.id.part(key)}
	g, there := p.here[c][key]
	if !there && (p.sizes[topic] >= maxTopicKeys || len(p.here[c]) >= maxCellKeys ||
		p.here[c] == nil && len(p.here) >= maxCells) {
		p.mu.Unlock()
		return ErrCrowded
	}
	if p.here[c] == nil {
		p.here[c] = make(map[string]guest)
	}
	if !there {
		p.sizes[topic]++
	}
	changed := !there || g.meta != meta
	g = guest{key, meta, time.Now().UnixMilli(), g.sockets}
	if !again {
		g.sockets++
	}
	p.here[c][key] = g
	p.changed(c, changed)
	return nil
}

// exit takes a socket of key away from topic.
func (p *presence) exit(topic, key string) {
	p.mu.Lock()
	c := cell{topic, p.id.part(key)}
	g := p.here[c][key]
	g.sockets--
	p.here[c][key] = g
	if g.sockets == 0 {
		delete(p.here[c], key)
		if p.sizes[topic]--; p.sizes[topic] == 0 {
			delete(p.sizes, topic)
		}
	}
	if len(p.here[c]) == 0 {
		delete(p.here, c)
	}
	p.changed(c, g.sockets == 0)
}

// changed ends a change of this process's own state: it is called with mu and gives it away.
func (p *presence) changed(c cell, visibly bool) {
	delete(p.lists, c.topic)
	if p.hub.bus != nil {
		p.dirty[c] = struct{}{}
		if visibly {
			p.stir(c.topic)
		}
		p.mu.Unlock()
		p.nudge()
		return
	}
	p.mu.Unlock()
	if visibly {
		p.hub.inform(PresenceTopic(c.topic), nil)
	}
}

// stir makes the next flush see whether there is something new to see at topic. It is called with mu.
func (p *presence) stir(topic string) {
	if _, ok := p.stirred[topic]; !ok {
		p.stirred[topic] = false
	}
}

// list returns who is present at topic. It is called with mu.
func (p *presence) list(topic string) []Presence {
	if list, ok := p.lists[topic]; ok {
		return list
	}
	all := make(map[string]guest)
	add := func(g guest) {
		old, there := all[g.key]
		sockets := old.sockets + g.sockets
		if there && old.newer(g) {
			g = old
		}
		g.sockets = sockets
		all[g.key] = g
	}
	for part := range byte(parts) {
		c := cell{topic, part}
		for _, g := range p.here[c] {
			add(g)
		}
		for _, n := range p.nodes {
			for _, g := range n.cells[c].guests {
				add(g)
			}
		}
	}
	if len(all) == 0 {
		return nil // and not kept: anything can be asked for
	}
	keys := slices.Sorted(maps.Keys(all))
	list := make([]Presence, min(len(keys), maxPresent))
	for i := range list {
		g := all[keys[i]]
		list[i] = Presence{g.key, g.meta, g.sockets}
	}
	p.lists[topic] = list
	return list
}

// look returns a number that is another one when keys or metas of a list are; zero for an empty list.
func (p *presence) look(list []Presence) uint64 {
	if len(list) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(p.hub.seed)
	for _, one := range list {
		maphash.WriteComparable(&h, one.Key)
		maphash.WriteComparable(&h, one.Meta)
	}
	return h.Sum64() | 1
}

// begin starts the exchange with other processes when presence is first used. A hub that is closed begins nothing any more.
func (p *presence) begin() {
	if p.hub.bus == nil {
		return
	}
	p.start.Do(func() {
		p.hub.mu.Lock()
		defer p.hub.mu.Unlock()
		if p.hub.closed {
			return
		}
		p.mu.Lock()
		p.running = true
		p.mu.Unlock()
		p.hub.work.Go(p.run)
		p.hub.start.Do(p.hub.background)
	})
}

// leave tells the other processes that this one is gone, which takes at most farewellWait. It may be called twice.
func (p *presence) leave() {
	p.mu.Lock()
	running := p.running
	p.mu.Unlock()
	if !running {
		return
	}
	p.leaveOnce.Do(func() { close(p.leaving) })
	select {
	case <-p.left:
	case <-time.After(farewellWait):
	}
}

// hear takes a message of another process. It is called by the goroutine that listens to the bus.
func (p *presence) hear(payload []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return
	}
	m, err := decodeNodeMessage(payload)
	if err != nil { // also of a newer release, during an update
		p.hub.log.DebugContext(context.Background(), "live: presence message ignored", "err", err)
		return
	}
	p.take(m, time.Now())
	p.nudge()
}
