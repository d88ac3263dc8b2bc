package sqlstore

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// look is how often a watcher looks for the changes of other stores and processes. Those of its own store wake it.
const look = 250 * time.Millisecond

// watch reads the changes that were told since it began. They lie in a table, so none gets lost when the database does not
// answer for a while; who is so far behind that some were removed gets a Resync instead.
func (e *sqlite) watch(ctx context.Context, fn func(account.Change)) error {
	woken, leave := e.join()
	defer leave()
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	last, failing := int64(-1), false // -1: everything may have been missed
	for {
		told, newest, err := e.changesSince(ctx, last)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !failing:
			e.log.WarnContext(ctx, "sqlstore: cannot read the changes, trying again", "err", err)
		case err == nil && (last < 0 || newest-last != int64(len(told))):
			fn(account.Change{Resync: true}) // which covers all that was told
			last = newest
		case err == nil:
			for _, notice := range told {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				e.heed(ctx, notice, fn)
			}
			last = newest
		}
		failing = err != nil
		select {
		case <-woken:
		case <-ticks.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// changesSince returns the changes after a number, and the newest number that there is. A backup that was brought back may
// have an older one.
func (e *sqlite) changesSince(ctx context.Context, last int64) (told []string, newest int64, err error) {
	rows, err := e.db.QueryContext(ctx, `WITH newest AS (SELECT coalesce(max(seq), 0) AS seq FROM `+e.table("changes")+`)
		SELECT newest.seq, changes.notice FROM newest LEFT JOIN `+e.table("changes")+` AS changes
		ON changes.seq > ?1 AND ?1 >= 0 ORDER BY changes.seq`, last)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var notice *string
		if err := rows.Scan(&newest, &notice); err != nil {
			return nil, 0, err
		}
		if notice != nil {
			told = append(told, *notice)
		}
	}
	return told, newest, closed(rows)
}

// watchers are those of one store.
type watchers struct {
	mu  sync.Mutex
	all map[chan struct{}]struct{}
}

// join returns what holds a token whenever there may be something to read, until leave is called.
func (w *watchers) join() (woken chan struct{}, leave func()) {
	woken = make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[chan struct{}]struct{})
	}
	w.all[woken] = struct{}{}
	return woken, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, woken)
	}
}

func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for woken := range w.all {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
}

func hexadecimal(id account.SessionID) string { return hex.EncodeToString(id[:]) }
