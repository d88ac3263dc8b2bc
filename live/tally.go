package live

import (
	"net/netip"
	"sync"
	"time"

	addresses "github.com/multiaccount-go/multiaccount/internal/network"
)

// tally counts the open sockets of each of many, such as addresses. Who has none costs nothing.
type tally[K comparable] struct {
	mu    sync.Mutex
	count map[K]int
}

// add counts one more, unless there are most already.
func (t *tally[K]) add(of K, most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count[of] >= most {
		return false
	}
	if t.count == nil {
		t.count = make(map[K]int)
	}
	t.count[of]++
	return true
}

func (t *tally[K]) remove(of K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count[of]--; t.count[of] == 0 {
		delete(t.count, of)
	}
}

// claim is for whom a socket asks to be let in.
type claim struct {
	key      Key
	owner    string       // "": nobody's
	network  netip.Prefix // the zero Prefix: of everything that is no address
	unlisted bool         // the network is not counted
}

// claim says who asks. Unless the app has set a limit, private addresses are not counted: they are those of a proxy in front,
// whose visitors an app that has not told Fiber about it takes for one.
func (h *Hub) claim(s Subject, address string) claim {
	c := claim{key: s.Key, owner: s.Owner, network: addresses.Of(address)}
	if ip := c.network.Addr(); c.network.IsValid() && !h.countsPrivate {
		c.unlisted = !ip.IsGlobalUnicast() || ip.IsPrivate()
	}
	return c
}

// count counts a socket towards its address and its owner, if both have room.
func (h *Hub) count(of claim) error {
	if !of.unlisted && !h.networks.add(of.network, h.limits.SocketsPerAddress) {
		h.crowded.Do(func() {
			h.log.Warn("live: too many open sockets of one address. If it is a proxy's, tell Fiber: ProxyHeader, "+
				"EnableTrustedProxyCheck, TrustedProxies. This is said once", "address", of.network, "limit", h.limits.SocketsPerAddress)
		})
		return ErrTooManySockets
	}
	if of.owner != "" && !h.owners.add(of.owner, h.limits.SocketsPerOwner) {
		h.uncount(claim{network: of.network, unlisted: of.unlisted})
		return ErrTooManySockets
	}
	return nil
}

func (h *Hub) uncount(of claim) {
	if !of.unlisted {
		h.networks.remove(of.network)
	}
	if of.owner != "" {
		h.owners.remove(of.owner)
	}
}

// affords counts a message of one of the group's sockets, and reports whether they may still send it.
func (g *group) affords(l Limits) bool {
	g.shard.mu.Lock()
	defer g.shard.mu.Unlock()
	return g.budget.take(time.Now(), l.MessagesPerKey, l.burstPerKey())
}

// keep remembers the budget of a key whose last socket has left, so that whoever connects anew does not get a new one. It is
// called with mu.
func (s *shard) keep(g *group, l Limits) {
	if !g.budget.full(time.Now(), l.MessagesPerKey, l.burstPerKey()) {
		s.spent[g.key] = g.budget
	}
}

// forget drops the budgets that are full again: they are as good as new ones.
func (s *shard) forget(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for key, b := range s.spent {
		if b.full(now, l.MessagesPerKey, l.burstPerKey()) {
			delete(s.spent, key)
		}
	}
}
