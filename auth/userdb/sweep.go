package userdb

import (
	"context"
	"time"
)

const (
	sweptByTheWay = 50   // rows, by each call that adds one
	sweptAtOnce   = 1000 // rows in one transaction of Sweep
)

// Sweep deletes the tokens and invitations that have expired by now, in small transactions, and returns how many it has
// deleted, also when it fails on the way. Nothing has to call it: expired rows are never returned, and each new one takes
// some of them away. It helps after a flood of them.
func (d *DB) Sweep(ctx context.Context, now time.Time) (deleted int64, err error) {
	for _, table := range []string{"tokens", "invitations"} {
		for full := true; full; {
			err := d.write(ctx, func(x tx) error {
				n, err := x.sweep(table, now, sweptAtOnce)
				if err == nil {
					deleted += n
					full = n == sweptAtOnce
				}
				return err
			})
			if err != nil {
				return deleted, failed(ctx, "sweep", err)
			}
		}
	}
	return deleted, nil
}

// sweep deletes at most limit expired rows, the oldest first, and passes over those that somebody else has locked.
func (x tx) sweep(table string, now time.Time, limit int) (int64, error) {
	oldest := `(SELECT seq FROM ` + table + ` WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`
	if x.dialect == SQLite {
		return x.exec(`DELETE FROM `+table+` WHERE seq IN `+oldest+`)`, x.at(now), limit)
	}
	// As a list rather than as a table to join with, for which PostgreSQL reads all of the rows.
	return x.exec(`DELETE FROM `+table+` WHERE seq = ANY (ARRAY `+oldest+lockAlone+` SKIP LOCKED))`, x.at(now), limit)
}
