package moving

import (
	"context"
	"fmt"
	"strings"

	"github.com/multiaccount-go/multiaccount/account"
)

// Watch implements [account.Store]. It joins the feeds of both stores, and says nothing of what a move does to them. The
// copy that a move makes may be told as a change to the version that the tabs have already.
func (m *store) Watch(ctx context.Context, fn func(account.Change)) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	feeds := []struct {
		name      string
		store     account.Store
		translate func(account.Change) (account.Change, bool)
	}{
		{"old store", m.old, heardInOld},
		{"new store", m.fresh, heardInFresh},
	}
	type heard struct {
		feed   int
		change account.Change
	}
	changes := make(chan heard)
	broken := make(chan error, len(feeds))
	for i, feed := range feeds {
		go func() {
			err := feed.store.Watch(inner, func(c account.Change) {
				select {
				case changes <- heard{i, c}:
				case <-inner.Done():
				}
			})
			broken <- fmt.Errorf("moving: %s: %w", feed.name, err)
		}()
	}
	var hears [2]bool
	for {
		select {
		case h := <-changes:
			hears[h.feed] = hears[h.feed] || h.change.Resync
			if hears != [2]bool{true, true} {
				continue // covered by the Resync of the feed that comes last
			}
			if h.change.Resync {
				fn(h.change)
			} else if c, ok := feeds[h.feed].translate(h.change); ok {
				fn(c)
			}
		case err := <-broken:
			cancel()
			<-broken // so that nothing of this call goes on
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
}

// heardInOld reports what a change of the old store means, and whether it means anything to a watcher.
func heardInOld(c account.Change) (account.Change, bool) {
	ours := c.Ended && c.Reason == movedAway ||
		strings.HasPrefix(string(c.Reason), sealedMark) || strings.HasPrefix(string(c.Reason), endedMark)
	return c, !ours
}

// heardInFresh is heardInOld for the new store, where a marker is the end of a session.
func heardInFresh(c account.Change) (account.Change, bool) {
	if why, isEnd := strings.CutPrefix(string(c.Reason), endedMark); isEnd {
		return account.Change{ID: c.ID, Version: c.Version, Reason: account.Reason(why), Ended: true}, true
	}
	return c, true
}
