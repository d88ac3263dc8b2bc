package redisstore

import (
	"context"
	"encoding/json"

	"github.com/multiaccount-go/multiaccount/account"
)

// Watch implements [account.Store]. It keeps one connection, on which all 64 partitions are subscribed, and makes a new
// one whenever that is lost; each time fn gets a Resync once all of them are subscribed. fn runs on the caller's
// goroutine: while it blocks, Redis keeps the changes, and cuts the connection when they become too many.
func (s *Store) Watch(ctx context.Context, fn func(account.Change)) error {
	channels := make([]string, partitions)
	for i := range channels {
		channels[i] = s.partition(byte(i)) + "changes"
	}
	l := &listener{
		conn:      &s.conn,
		channels:  channels,
		connected: func() { fn(account.Change{Resync: true}) },
		message: func(channel, text string) {
			var c account.Change
			if err := json.Unmarshal([]byte(text), &c); err != nil || s.channel(c.ID) != channel {
				s.log.WarnContext(ctx, "redisstore: ignored a malformed change notice", "channel", channel, "err", err)
				return
			}
			fn(c)
		},
	}
	return l.run(ctx)
}
