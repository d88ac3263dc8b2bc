package multiaccount

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// crowd holds the accounts that may be signed in too often, because it could not be looked when they signed in.
type crowd struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

// maxCrowd bounds what waits while the store is away. Whoever does not fit is looked at when he signs in again.
const maxCrowd = 10_000

func (w *crowd) add(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids == nil {
		w.ids = map[string]struct{}{}
	}
	if len(w.ids) < maxCrowd {
		w.ids[id] = struct{}{}
	}
}

func (w *crowd) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := slices.Collect(maps.Keys(w.ids))
	w.ids = nil
	return ids
}

// keepNewest holds an account that has just signed in to Sessions.SessionsPerAccount. It is signed in whatever comes of
// this; where the others cannot be looked at now, the next sweep does.
func (p *Plugin[U]) keepNewest(ctx context.Context, c *fiber.Ctx, accountID string) {
	if err := p.tryKeepNewest(ctx, c, accountID); err != nil {
		p.crowd.add(accountID)
		p.log.Warn("multiaccount: an account may be signed in too often; the next sweep looks again", "err", err)
	}
}

func (p *Plugin[U]) tryKeepNewest(ctx context.Context, c *fiber.Ctx, accountID string) error {
	outcomes, err := p.sessions.KeepNewest(ctx, accountID)
	for _, out := range outcomes {
		p.committedOn(c, out, accountID)
	}
	return err
}

// thinOut looks again at the accounts that could not be looked at, until the store is silent once more.
func (p *Plugin[U]) thinOut(ctx context.Context) {
	var failed error
	for _, id := range p.crowd.take() {
		if failed == nil {
			failed = p.tryKeepNewest(ctx, nil, id)
		}
		if failed != nil {
			p.crowd.add(id)
		}
	}
	if failed != nil {
		p.log.Warn("multiaccount: accounts may be signed in too often; the next sweep looks again", "err", failed)
	}
}
