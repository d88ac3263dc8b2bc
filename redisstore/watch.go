package redisstore

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
)

// Watch implements [account.Store]. It keeps one connection, on which all 64 partitions are subscribed, and makes a new
// one whenever that is lost; each time fn gets a Resync once all of them are subscribed. With [WithShardedChannels] it keeps
// one more to each master of the cluster, and fn gets a Resync for each that was made anew. fn runs on the caller's
// goroutine: while it blocks, Redis keeps the changes, and cuts the connection when they become too many.
func (s *Store) Watch(ctx context.Context, fn func(account.Change)) error {
	if s.invalid == nil && s.hearSharded {
		return s.watchShards(ctx, fn)
	}
	l := s.listener(ctx, fn)
	return l.run(ctx)
}

// channels returns the channels of all partitions.
func (s *Store) channels() []string {
	channels := make([]string, partitions)
	for i := range channels {
		channels[i] = s.partition(byte(i)) + "changes"
	}
	return channels
}

// listener hears the plain channels of all partitions.
func (s *Store) listener(ctx context.Context, fn func(account.Change)) *listener {
	return &listener{
		conn:      &s.conn,
		channels:  s.channels(),
		connected: func() { fn(account.Change{Resync: true}) },
		message:   s.reader(ctx, fn),
	}
}

// reader turns messages into changes.
func (s *Store) reader(ctx context.Context, fn func(account.Change)) func(channel, text string) {
	return func(channel, text string) {
		var c account.Change
		if err := json.Unmarshal([]byte(text), &c); err != nil || s.channel(c.ID) != channel {
			s.log.WarnContext(ctx, "redisstore: ignored a malformed change notice", "channel", channel, "err", err)
			return
		}
		fn(c)
	}
}

// plainChannels stands for all of them where it is counted which were tried: they share one connection.
const plainChannels = ""

// news is what one of several connections brings.
type news struct {
	change account.Change
	tried  []string // these channels are heard now, or cannot be at the moment
}

// watchShards hears plain and sharded channels, so that it does not matter on which of them another process publishes.
func (s *Store) watchShards(ctx context.Context, fn func(account.Change)) error {
	told := make(chan news)
	listening, stop := context.WithCancel(ctx)
	tell := func(n news) {
		select {
		case told <- n:
		case <-listening.Done():
		}
	}
	resync, pass := account.Change{Resync: true}, func(c account.Change) { tell(news{change: c}) }
	plain := s.listener(ctx, pass)
	plain.connected = func() { tell(news{resync, []string{plainChannels}}) }
	plain.failed = func() { tell(news{tried: []string{plainChannels}}) }
	sharded := &shards{
		conn: &s.conn, cluster: s.rdb.(*redis.ClusterClient), channels: s.channels(),
		connected: func(channels []string) { tell(news{resync, channels}) },
		failed:    func(channels []string) { tell(news{tried: channels}) },
		message:   s.reader(ctx, pass),
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { _ = plain.run(listening) }) // it ends with the context
	running.Go(func() { sharded.run(listening) })

	// The first Resync says that everything is heard. So it waits for the first attempt of each connection, but not for
	// those that do not work: the sessions of a master that is away must not keep all others from being compared.
	untried := map[string]bool{plainChannels: true}
	for _, channel := range sharded.channels {
		untried[channel] = true
	}
	begun := false
	for {
		select {
		case n := <-told:
			for _, channel := range n.tried {
				delete(untried, channel)
			}
			switch {
			case len(untried) > 0: // the first Resync covers it
			case !begun:
				begun = true
				fn(resync)
			case n.change != (account.Change{}):
				fn(n.change)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
