package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Sweep removes at most limit expired rows of each kind, in short transactions, and returns how many it has removed, also
// when it fails on the way. Several processes may sweep at once. Nobody is told: a session that expires is not a change.
func (s *Store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	if s.invalid != nil {
		return 0, s.invalid
	}
	if limit <= 0 {
		return 0, fmt.Errorf("sqlstore: sweep: limit is %d, it must be positive", limit)
	}
	removed, err = s.engine.sweep(ctx, limit)
	return removed, failed(ctx, "sweep", err)
}

// How Run sweeps. A batch is small, so that it keeps no writer waiting for long.
const (
	sweepEvery = time.Minute
	sweepBatch = 500
)

// Run sweeps about once a minute until ctx ends, and returns ctx's error. Call it on one process or on all of them: without
// it expired rows are never answered, but stay. What fails is logged and tried again a minute later.
func (s *Store) Run(ctx context.Context) error {
	if s.invalid != nil {
		return s.invalid
	}
	for {
		for removed := 1; removed > 0; {
			var err error
			if removed, err = s.Sweep(ctx, sweepBatch); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "sqlstore: cannot remove what has expired, trying again in a minute", "err", err)
				break
			}
		}
		select {
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)): // processes that began together do not sweep together
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// perishable are the tables whose rows are over at a time, with the column that says when, and the key.
var perishable = [][3]string{{"sessions", "expires_at", "id"}, {"enlisted", "until", "account, session"}}

func (p *postgres) sweep(ctx context.Context, limit int) (removed int, err error) {
	for _, t := range append(perishable[:len(perishable):len(perishable)], [3]string{"tries", "until"}) {
		table, over := p.table(t[0]), t[1]
		// Rows that somebody writes to, or sweeps, are passed over rather than waited for. By place rather than by key, which
		// has two columns in one of them; a row that moves meanwhile is locked, so it does not.
		n, err := p.exec(ctx, `DELETE FROM `+table+` WHERE ctid = ANY (ARRAY (SELECT ctid FROM `+table+`
			WHERE `+over+` <= now() ORDER BY `+over+` LIMIT $1 FOR UPDATE SKIP LOCKED))`, limit)
		removed += int(n)
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (e *sqlite) sweep(ctx context.Context, limit int) (removed int, err error) {
	for _, t := range perishable {
		table, over, key := e.table(t[0]), t[1], t[2]
		var n int64
		err := e.write(ctx, func(x runner) (err error) {
			n, err = changed(x.ExecContext(ctx, `DELETE FROM `+table+` WHERE (`+key+`) IN (SELECT `+key+` FROM `+table+`
				WHERE `+over+` <= ? ORDER BY `+over+` LIMIT ?)`, e.now(), limit))
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += int(n)
	}
	return removed, nil
}
