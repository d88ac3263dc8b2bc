package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// shards listens to sharded channels: over one connection to each master of a cluster that has slots of them. A connection
// that is lost, or whose slots have moved, is replaced alone: the others go on hearing.
type shards struct {
	*conn
	cluster   *redis.ClusterClient
	channels  []string
	connected func(channels []string)    // hears these from now on; what came before may have been missed
	failed    func(channels []string)    // does not hear these, and goes on trying
	message   func(channel, text string) // like the others, called by several goroutines
}

// ending is what is left of a connection.
type ending struct {
	channels []string
	up       bool // it did hear
	err      error
}

// run listens until ctx ends, and returns when nothing calls back any more.
func (s *shards) run(ctx context.Context) {
	ended := make(chan ending)
	homeless, links := s.channels, 0
	defer func() {
		for range links {
			<-ended
		}
	}()
	var complained time.Time
	bury := func(e ending) {
		links--
		homeless = append(homeless, e.channels...)
		if !e.up {
			s.failed(e.channels)
		}
		if ctx.Err() == nil && (e.up || time.Since(complained) > complainEvery) {
			complained = time.Now()
			s.log.WarnContext(ctx, "redisstore: lost sharded channels, connecting again", "err", e.err, "channels", len(e.channels))
		}
	}
	var pause backoff
	for ctx.Err() == nil {
		began := time.Now()
		groups, lost := s.group(ctx, homeless)
		s.failed(lost)
		homeless = lost
		for master, channels := range groups {
			links++
			go func() {
				l := &listener{conn: s.conn, channels: channels, shard: master, connected: func() { s.connected(channels) }, message: s.message}
				up, err := l.listen(ctx)
				ended <- ending{channels, up, err}
			}()
		}
		if len(homeless) == 0 {
			select {
			case e := <-ended:
				bury(e)
			case <-ctx.Done():
				return
			}
		}
		s.cluster.ReloadState(ctx) // a process that sends no commands would not find out
		if !pause.wait(ctx, began) {
			return
		}
		for more := true; more; {
			select {
			case e := <-ended:
				bury(e)
			default:
				more = false
			}
		}
	}
}

// group sorts channels by the master that has their slot. lost are those of which nobody says who that is.
func (s *shards) group(ctx context.Context, channels []string) (groups map[*redis.Client][]string, lost []string) {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	groups, err := call(ctx, s.calls, func(ctx context.Context) (map[*redis.Client][]string, error) {
		groups := make(map[*redis.Client][]string)
		for _, channel := range channels {
			master, err := s.cluster.MasterForKey(ctx, channel)
			if err != nil {
				return nil, err
			}
			groups[master] = append(groups[master], channel)
		}
		return groups, nil
	})
	if err != nil {
		return nil, channels
	}
	return groups, nil
}
