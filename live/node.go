package live

import (
	"context"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// How processes agree on who is present. The bus keeps nothing, may lose and reorder: so every message is whole, and what
// was lost is noticed. A process tells each cell that has changed as it is now. Every beatEvery it tells the sums of its 64
// groups of cells; who knows something else asks for these groups and gets all their cells. A process that was silent for
// forgetAfter is forgotten. Messages of one process carry a growing count, so that an older one does not undo a newer; only of
// an empty cell nothing is kept, and the next beat puts that right.
const (
	flushEvery   = 100 * time.Millisecond // between two flushes of what has changed
	beatEvery    = 10 * time.Second       // and up to a fifth more
	forgetAfter  = 30 * time.Second       // bears two lost beats
	answerWithin = 500 * time.Millisecond // so that many who ask at once get one answer
	firstAsk     = 100 * time.Millisecond // to ask again, and twice that, …, until the own question is heard on the bus
	publishWait  = 5 * time.Second
	farewellWait = time.Second
)

const (
	maxNodes  = 256     // that are remembered; of more, nothing is known
	maxRemote = 1 << 17 // keys of all of them
)

// network is the part of presence that knows other processes. Presence's mutex guards it, the channels excepted.
type network struct {
	running   bool
	wake      chan struct{} // holds one token when there may be something to do
	leaving   chan struct{} // closed to say goodbye
	leaveOnce sync.Once
	left      chan struct{} // closed after the goodbye

	// what this process tells
	count   uint64            // of its messages
	dirty   map[cell]struct{} // cells to tell
	told    map[cell]told     // cells that the others should know by now
	digest  digest            // of told
	flushAt time.Time         // not before
	beatAt  time.Time         // zero until something was told: who has nobody keeps silent
	owed    uint64            // groups that were asked for
	owedAt  time.Time         // when to tell them
	asks    map[nodeID]uint64 // groups to ask others for
	askAt   time.Time         // when to ask everybody
	askNext time.Duration     // how long to wait after that
	heard   bool              // of itself: the bus works
	mute    bool              // the last message could not be published: it is in the log. Only run uses it
	stirred map[string]bool   // topics whose views may have something new to see; true: somebody has looked meanwhile
	shown   map[string]uint64 // what they have seen; see look

	// what it knows
	nodes  map[nodeID]*node
	remote int // keys of all nodes
}

type told struct {
	sum   uint64
	group byte
}

// node is another process.
type node struct {
	heard  time.Time
	gone   bool // it said goodbye, and is remembered so that a late message does not bring it back
	count  uint64
	cells  map[cell]remoteCell
	digest digest
	since  [groups]uint64 // older cells of a group are no news
}

type remoteCell struct {
	guests []guest
	sum    uint64
	group  byte
	count  uint64
}

func newNetwork() network {
	return network{
		wake: make(chan struct{}, 1), leaving: make(chan struct{}), left: make(chan struct{}),
		dirty: make(map[cell]struct{}), told: make(map[cell]told), asks: make(map[nodeID]uint64),
		stirred: make(map[string]bool), shown: make(map[string]uint64), nodes: make(map[nodeID]*node),
	}
}

func (p *presence) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run does what is due, until the hub is closed. Nothing else publishes, so that what is published is in order.
func (p *presence) run() {
	p.connecting()
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer close(p.left)
	for {
		select {
		case <-p.wake:
		case <-timer.C:
		case <-p.hub.ctx.Done():
			p.sayGoodbye()
			return
		case <-p.leaving:
			p.sayGoodbye()
			return
		}
		frames, topics, next := p.turn(time.Now())
		for _, topic := range topics {
			p.hub.inform(PresenceTopic(topic), nil)
		}
		for _, frame := range frames {
			if !p.publish(p.hub.ctx, frame, publishWait) {
				break // the rest would wait as long; the next beats tell what is missing
			}
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

func (p *presence) publish(ctx context.Context, frame []byte, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := protect(func() error { return p.hub.bus.Publish(ctx, presenceBus, frame) })
	if err != nil && !p.mute && p.hub.ctx.Err() == nil {
		p.hub.log.Error("live: presence", "err", err)
	}
	p.mute = err != nil
	return err == nil
}

func (p *presence) sayGoodbye() {
	p.mu.Lock()
	spoken := !p.beatAt.IsZero()
	frame := p.head(kindBye, 0)
	p.mu.Unlock()
	if spoken {
		p.publish(context.Background(), frame, farewellWait)
	}
}

// connecting makes the process ask the others: when it begins, and when the bus was away.
func (p *presence) connecting() {
	p.mu.Lock()
	p.heard, p.askAt, p.askNext = false, time.Now(), firstAsk
	p.mu.Unlock()
	p.nudge()
}

// turn collects what is to be published now, which topics to tell about, and when to look again.
func (p *presence) turn(now time.Time) (frames [][]byte, topics []string, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := func(at time.Time) bool {
		if !now.Before(at) {
			return true
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
		return false
	}
	p.forget(now, due)
	if !p.heard && due(p.askAt) {
		frames = append(frames, append(p.head(kindAsk, ^uint64(0)), make([]byte, len(nodeID{}))...))
		p.askAt = now.Add(p.askNext)
		p.askNext = min(2*p.askNext, beatEvery)
		due(p.askAt)
	}
	for id, mask := range p.asks {
		frames = append(frames, append(p.head(kindAsk, mask), id[:]...))
	}
	clear(p.asks)
	if len(p.dirty)+len(p.stirred) > 0 && due(p.flushAt) {
		p.flushAt = now.Add(flushEvery)
		frames = append(frames, p.tell(maps.Keys(p.dirty), 0)...)
		p.dirty = make(map[cell]struct{}) // not cleared: it may have been big
		topics = p.settle()
	}
	if p.owed != 0 && due(p.owedAt) {
		frames = append(frames, p.answer()...)
	}
	if !p.beatAt.IsZero() && due(p.beatAt) {
		frames = append(frames, p.beat())
		p.beatAt = now.Add(beatEvery + rand.N(beatEvery/5))
		due(p.beatAt)
	}
	return frames, topics, next
}

func (p *presence) head(kind byte, mask uint64) []byte {
	p.count++
	return appendHead(nil, kind, p.id, p.count, mask)
}

// beat tells what everybody should know.
func (p *presence) beat() []byte {
	frame := p.head(kindBeat, 0)
	for _, sum := range p.digest {
		frame = binary.BigEndian.AppendUint64(frame, sum)
	}
	return frame
}

// settle returns the stirred topics of which a view has something new to see.
func (p *presence) settle() (topics []string) {
	for topic, seen := range p.stirred {
		look := p.look(p.list(topic))
		if look == p.shown[topic] && !seen { // who has looked may have seen what is over by now
			continue
		}
		if p.shown[topic] = look; look == 0 {
			delete(p.shown, topic)
		}
		topics = append(topics, topic)
	}
	p.stirred = make(map[string]bool)
	return topics
}

// answer tells all cells of the groups that were asked for, and that there are no others.
func (p *presence) answer() [][]byte {
	asked := make(map[cell]struct{})
	for c, t := range p.told {
		if p.owed&(1<<t.group) != 0 {
			asked[c] = struct{}{}
		}
	}
	mask := p.owed
	p.owed, p.owedAt = 0, time.Time{}
	return p.tell(maps.Keys(asked), mask)
}

// tell makes messages of cells: those that are not as they were told, or, as the answer for the groups in whole, all.
func (p *presence) tell(cells func(func(cell) bool), whole uint64) (frames [][]byte) {
	since := p.count + 1
	var frame []byte
	begin := func() { frame = binary.BigEndian.AppendUint64(p.head(kindState, 0), since) }
	for c := range cells {
		guests := slices.SortedFunc(maps.Values(p.here[c]), func(a, b guest) int { return strings.Compare(a.key, b.key) })
		one := appendRecord(nil, c, guests)
		t := told{recordSum(one, len(guests)), p.id.group(c)}
		if whole == 0 && t.sum == p.told[c].sum {
			continue // it came and went, or was told as an answer
		}
		p.digest[t.group] ^= p.told[c].sum ^ t.sum
		if p.told[c] = t; t.sum == 0 {
			delete(p.told, c)
		}
		if frame != nil && len(frame)+len(one) > maxNodeMessage {
			frames = append(frames, frame)
			frame = nil
		}
		if frame == nil {
			begin()
		}
		frame = append(frame, one...)
	}
	if frame == nil && whole != 0 {
		begin()
	}
	if frame == nil {
		return frames
	}
	binary.BigEndian.PutUint64(frame[headSize-8:], whole) // in the last one: what is older by then was not told again
	if p.beatAt.IsZero() {
		p.beatAt = time.Now().Add(beatEvery + rand.N(beatEvery/5))
		p.nudge()
	}
	return append(frames, frame)
}

// take learns from a message. It is called with mu.
func (p *presence) take(m nodeMessage, now time.Time) {
	if m.from == p.id {
		if !p.heard && !p.beatAt.IsZero() {
			p.beatAt = now // for those whose question came before this process could hear it
		}
		p.heard = true
		return
	}
	if m.kind == kindAsk {
		p.takeAsk(m, now)
		return
	}
	n := p.nodes[m.from]
	if n == nil {
		if len(p.nodes) >= maxNodes {
			return
		}
		n = &node{cells: make(map[cell]remoteCell)}
		p.nodes[m.from] = n
	}
	if n.gone {
		return
	}
	n.heard = now
	switch m.kind {
	case kindState:
		p.takeState(n, m)
	case kindBeat:
		// Without room for the answer there is no point in asking.
		if mask := n.digest.differ(&m.digest); mask != 0 && m.at > n.count && p.remote < maxRemote-maxRemote/8 {
			p.asks[m.from] |= mask
		}
	case kindBye:
		p.drop(n)
		n.gone = true
	}
	n.count = max(n.count, m.at)
}

// takeAsk notes what another process wants to know of this one. A question to everybody is answered by who has something.
func (p *presence) takeAsk(m nodeMessage, now time.Time) {
	var nothing digest
	switch m.whom {
	case p.id:
		p.owed |= m.groups
	case nodeID{}:
		p.owed |= m.groups & p.digest.differ(&nothing)
	}
	if p.owed != 0 && p.owedAt.IsZero() {
		p.owedAt = now.Add(answerWithin/5 + rand.N(answerWithin*4/5))
	}
}

func (p *presence) takeState(n *node, m nodeMessage) {
	for _, one := range m.records {
		group := m.from.group(one.cell)
		if m.at >= n.since[group] && m.at >= n.cells[one.cell].count {
			p.put(n, one.cell, remoteCell{one.guests, one.sum, group, m.at})
		}
	}
	if m.groups == 0 {
		return
	}
	for g := range n.since {
		if m.groups&(1<<g) != 0 {
			n.since[g] = max(n.since[g], m.since)
		}
	}
	for c, old := range n.cells {
		if m.groups&(1<<old.group) != 0 && old.count < m.since {
			p.put(n, c, remoteCell{group: old.group})
		}
	}
}

// put replaces a cell of another process. A cell for which there is no room is as good as empty.
func (p *presence) put(n *node, c cell, now remoteCell) {
	old := n.cells[c]
	if p.remote-len(old.guests)+len(now.guests) > maxRemote {
		now.guests, now.sum = nil, 0
	}
	p.remote += len(now.guests) - len(old.guests)
	n.digest[now.group] ^= old.sum ^ now.sum
	if n.cells[c] = now; now.sum == 0 {
		delete(n.cells, c)
	}
	if old.sum != now.sum {
		delete(p.lists, c.topic)
		if !slices.EqualFunc(old.guests, now.guests, guest.looksLike) {
			p.stir(c.topic)
		}
	}
}

// drop forgets all cells of a node.
func (p *presence) drop(n *node) {
	for c, old := range n.cells {
		p.put(n, c, remoteCell{group: old.group})
	}
}

// forget drops the nodes that were silent too long.
func (p *presence) forget(now time.Time, due func(time.Time) bool) {
	for id, n := range p.nodes {
		if due(n.heard.Add(forgetAfter)) {
			p.drop(n)
			delete(p.nodes, id)
		}
	}
}
