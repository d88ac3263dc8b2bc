package live

import (
	"context"
	"time"
)

// Places counts the open sockets of each owner over all processes, for [Limits].SocketsPerOwner. A place is kept for a time
// and renewed as long as its socket is open: those of a process that died become free by themselves. All methods may be
// called concurrently and return soon after their context ends.
type Places interface {
	// Take keeps a place for a while, in one step with the look whether the owner has fewer than most; whoever has the place
	// already keeps it. It reports whether the place is kept.
	Take(ctx context.Context, owner, place string, most int, ttl time.Duration) (bool, error)
	// Renew keeps the places of some owners for another while, whatever their number, and takes those that were lost again.
	Renew(ctx context.Context, places map[string][]string, ttl time.Duration) error
	// Free gives a place up. One that is not kept is no error.
	Free(ctx context.Context, owner, place string) error
}

const (
	placeFor    = 90 * time.Second // a place of a process that died; bears two rounds that failed
	renewEvery  = 30 * time.Second
	renewAtOnce = 256         // owners
	placesWait  = time.Second // for one answer
)

// takePlace takes a place over all processes. When the count does not answer the socket is let in: the limits of this process
// hold all the same, and the next round of renewals makes the count right.
func (h *Hub) takePlace(m *member) error {
	if h.places == nil || m.claim.owner == "" {
		return nil
	}
	m.place = newID()
	ctx, cancel := context.WithTimeout(context.Background(), placesWait)
	defer cancel()
	kept := true
	err := protect(func() (err error) {
		kept, err = h.places.Take(ctx, m.claim.owner, m.place, h.limits.SocketsPerOwner, placeFor)
		return err
	})
	switch {
	case err != nil:
		h.log.Warn("live: socket not counted over all processes", "err", err)
	case !kept:
		m.place = ""
		return ErrTooManySockets
	}
	return nil
}

func (h *Hub) freePlace(m *member) {
	if m.place == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), placesWait)
	defer cancel()
	if err := protect(func() error { return h.places.Free(ctx, m.claim.owner, m.place) }); err != nil {
		h.log.Warn("live: the place of a socket is not free before it expires", "err", err)
	}
}

// renewPlaces keeps the places of all open sockets.
func (h *Hub) renewPlaces(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.renew(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (h *Hub) renew(ctx context.Context) {
	places := make(map[string][]string)
	send := func(least int) {
		if len(places) < least {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, placesWait)
		defer cancel()
		err := protect(func() error { return h.places.Renew(ctx, places, placeFor) })
		if err != nil && ctx.Err() == nil {
			h.log.Warn("live: places of open sockets not renewed; the next round tries again", "err", err)
		}
		places = make(map[string][]string)
	}
	for i := range h.shards {
		for _, m := range h.shards[i].members() {
			if m.place != "" {
				places[m.claim.owner] = append(places[m.claim.owner], m.place)
			}
		}
		send(renewAtOnce)
	}
	send(1)
}
