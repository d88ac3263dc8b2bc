package users

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// cache keeps users for a moment, because every page asks for the same few. Whoever changes one tells all processes; should
// that message be lost, the entry is old after cacheTime.
type cache struct {
	mu      sync.Mutex
	entries map[string]cached
	drops   int // counts changes, so that what was read before one is not kept after it
}

type cached struct {
	user  User
	until time.Time
}

const (
	cacheTime = 30 * time.Second
	cacheSize = 10_000
)

// get returns the users that are known and the ids of the others.
func (c *cache) get(ids []string) (found map[string]User, missing []string, drops int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = make(map[string]User, len(ids))
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
func (c *cache) put(u User, drops int) {
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

// changes is the topic on which processes tell each other which user has changed.
const changes = "users"

// Watch hears what other processes change, until ctx ends.
func (s *Users) Watch(ctx context.Context) {
	err := s.bus.Subscribe(ctx, func(topic string, id []byte) {
		switch topic {
		case "": // some may have been missed
			s.cache.clear()
		case changes:
			s.cache.drop(string(id))
		}
	})
	if ctx.Err() == nil {
		slog.Error("changes of users are not heard any more", "err", err)
	}
}

// changed tells all processes, this one at once.
func (s *Users) changed(ctx context.Context, id string) {
	s.cache.drop(id)
	if err := s.bus.Publish(ctx, changes, []byte(id)); err != nil {
		slog.Warn("other processes see a change of a user late", "after", cacheTime, "err", err)
	}
}
