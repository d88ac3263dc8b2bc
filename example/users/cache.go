package users

import (
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
)

// cache keeps users for a moment. Whoever changes one tells all processes; should that message be lost, the entry is old
// after cacheTime.
type cache struct {
	mu      sync.Mutex
	entries map[string]cached
	drops   int // counts changes, so that what was read before one is not kept after it
}

type cached struct {
	user  auth.User
	until time.Time
}

const (
	cacheTime = 30 * time.Second
	cacheSize = 10_000
)

// get returns the users that are known and the ids of the others.
func (c *cache) get(ids []string) (found map[string]auth.User, missing []string, drops int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = make(map[string]auth.User, len(ids))
	now := time.Now()
	for _, id := range ids {
		if e, ok := c.entries[id]; ok && now.Before(e.until) {
			found[id] = e.user
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing, c.drops
}

// put keeps a user that was read after get, unless something has changed in between.
func (c *cache) put(u auth.User, drops int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if drops != c.drops {
		return
	}
	if c.entries == nil || len(c.entries) >= cacheSize {
		c.entries = make(map[string]cached)
	}
	c.entries[u.ID] = cached{u, time.Now().Add(cacheTime)}
}

func (c *cache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	delete(c.entries, id)
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	clear(c.entries)
}
