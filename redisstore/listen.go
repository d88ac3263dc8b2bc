package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// listener receives from fixed channels over one connection of its own, and over another one when that is lost. It does
// not use the Go channel that go-redis offers, because that one reconnects without a word and drops when it is full.
type listener struct {
	*conn
	channels  []string
	shard     *redis.Client              // the master that has the slots of sharded channels; nil: the channels are plain
	connected func()                     // all channels are subscribed; what came before may have been missed
	failed    func()                     // an attempt to connect did not work; nil: nobody has to know
	message   func(channel, text string) // never called before connected
}

// Bounds of the random pause between two attempts to connect: it is up to firstPause, then up to twice as long each time.
// Who waits for lastPause after a fail-over hears again half a second later than he could; a hundred processes that all
// wait for up to that long ask a Redis that has just come back for two hundred connections a second.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// complainEvery is how often a listener that cannot connect says so.
const complainEvery = 10 * time.Second

// backoff is the pause between attempts.
type backoff struct{ pause time.Duration }

// wait waits for a random time and reports whether ctx lasted. began is when the attempt did that has just failed.
func (b *backoff) wait(ctx context.Context, began time.Time) bool {
	if b.pause == 0 || time.Since(began) > 2*time.Second {
		b.pause = firstPause // that connection was good for a while
	}
	select {
	case <-time.After(rand.N(b.pause)):
	case <-ctx.Done():
		return false
	}
	b.pause = min(2*b.pause, lastPause)
	return true
}

// run listens until ctx ends and returns its error. It calls back on the caller's goroutine only.
func (l *listener) run(ctx context.Context) error {
	if l.invalid != nil {
		return l.invalid
	}
	var pause backoff
	var complained time.Time
	for {
		began := time.Now()
		up, err := l.listen(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !up && l.failed != nil {
			l.failed()
		}
		if up || time.Since(complained) > complainEvery {
			complained = time.Now()
			l.log.WarnContext(ctx, "redisstore: lost the change feed, connecting again", "err", err, "channels", l.channels[0])
		}
		l.lookAround(ctx)
		if !pause.wait(ctx, began) {
			return ctx.Err()
		}
	}
}

// lookAround makes a cluster client ask who serves what now. It would find out by itself when a command goes wrong, but a
// process that only listens sends none.
func (l *listener) lookAround(ctx context.Context) {
	if rdb, ok := l.rdb.(*redis.ClusterClient); ok {
		rdb.ReloadState(ctx)
	}
}

// link is one connection of a listener.
type link struct {
	pubsub *redis.PubSub
	probe  string      // channel of this link alone, which it sends itself messages on
	heard  chan string // what came over it
	busy   atomic.Bool // the watcher has not taken the last event yet, so nothing is read
}

// listen receives over one connection until it is lost or ctx ends, and reports whether it ever was connected.
func (l *listener) listen(ctx context.Context) (up bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	k := &link{pubsub: l.open(ctx), heard: make(chan string, 16)}
	k.probe = l.channels[0] + ":probe:" + strconv.FormatUint(rand.Uint64(), 36) // in the slot of the first channel
	// Dialing and the handshake may take as long as the client's own timeouts, and closing waits for them. So the
	// connection belongs to a goroutine that nobody has to wait for, and the callbacks run here.
	context.AfterFunc(ctx, func() { _ = k.pubsub.Close() })
	events := make(chan any)
	received := make(chan struct{})
	go func() {
		defer close(received)
		cancel(l.receive(ctx, k, events))
	}()
	defer func() {
		cancel(nil)
		select {
		case <-received: // at once, unless the connection is being made
		case <-time.After(100 * time.Millisecond):
		}
	}()

	missing := len(l.channels) + 1 // the probe's
	for {
		select {
		case event := <-events:
			switch event := event.(type) {
			case *redis.Subscription:
				if missing == 0 || event.Kind == "sunsubscribe" {
					// A ping found the connection lost before receive did; or the slot of a channel is elsewhere now.
					return missing == 0, fmt.Errorf("not asked for: %s of %s", event.Kind, event.Channel)
				}
				if missing--; missing == 0 {
					go l.prove(ctx, k, cancel)
					l.connected()
				}
			case *redis.Message:
				if missing == 0 { // earlier ones are covered by connected
					l.message(event.Channel, event.Payload)
				}
			}
		case <-ctx.Done():
			return missing == 0, context.Cause(ctx)
		}
	}
}

// open returns a subscriber of no channel, which has no connection yet.
func (l *listener) open(ctx context.Context) *redis.PubSub {
	if l.shard != nil {
		return l.shard.SSubscribe(ctx)
	}
	return l.rdb.Subscribe(ctx)
}

// subscribe makes the connection and asks for all channels.
func (l *listener) subscribe(ctx context.Context, k *link) error {
	channels := append([]string{k.probe}, l.channels...)
	if l.shard == nil {
		// A cluster client subscribes where the first channel is. In another order at each attempt, the subscribers spread
		// over the masters, and find a living one when theirs has died.
		rand.Shuffle(len(channels), func(i, j int) { channels[i], channels[j] = channels[j], channels[i] })
		return k.pubsub.Subscribe(ctx, channels...)
	}
	for _, channel := range channels { // one by one: Redis takes sharded channels of one slot at a time
		if err := k.pubsub.SSubscribe(ctx, channel); err != nil {
			return err
		}
	}
	return nil
}

// receive makes the connection and hands on what comes over it, until it fails.
func (l *listener) receive(ctx context.Context, k *link, events chan<- any) error {
	if err := l.subscribe(ctx, k); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for {
		// The answers to the pings make sure that something comes. A link that broke without a sign brings nothing.
		event, err := k.pubsub.ReceiveTimeout(ctx, l.patience())
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		if m, ok := event.(*redis.Message); ok && m.Channel == k.probe {
			select {
			case k.heard <- m.Payload:
			default: // more than anybody waits for
			}
			continue
		}
		k.busy.Store(true)
		select {
		case events <- event:
			k.busy.Store(false)
		case <-ctx.Done():
			return errors.New("closed")
		}
	}
}

// patience is how long a link may be silent.
func (l *listener) patience() time.Duration { return 3 * l.probe }

// prove asks now and then for two signs of life, until ctx ends: an answer on the connection, which receive waits for, and
// a message that takes the way of every other. A connection may well be alive and hear nothing: to a primary that was
// replaced while it was cut off, or to a server that was taken out of its cluster.
func (l *listener) prove(ctx context.Context, k *link, lose context.CancelCauseFunc) {
	ticks := time.NewTicker(l.probe)
	defer ticks.Stop()
	for n := 0; ; n++ {
		select {
		case <-ticks.C:
			_ = k.pubsub.Ping(ctx)
			if err := l.echo(ctx, k, strconv.Itoa(n)); err != nil {
				lose(err)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// quickEcho is how long a message may take of which Redis says that nobody listens: some proxies say so always.
const quickEcho = 200 * time.Millisecond

// echo sends a message to the link itself and returns an error when Redis took it and it did not come. When Redis does not
// take it, that says nothing about the link.
func (l *listener) echo(ctx context.Context, k *link, text string) error {
	nobody, err := l.publish(ctx, k.probe, text)
	if err != nil {
		return nil
	}
	patience := l.patience()
	if nobody {
		patience = min(patience, quickEcho)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case heard := <-k.heard:
			if heard == text {
				return nil
			}
		case <-late.C:
			if k.busy.Load() {
				return nil // it may lie behind what the watcher has not taken
			}
			return errors.New("what is published does not come over this connection")
		case <-ctx.Done():
			return nil
		}
	}
}

// publish sends a probe the way of every change, and reports whether Redis knows that nobody listens.
func (l *listener) publish(ctx context.Context, channel, text string) (nobody bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(l.probe, readTimeout))
	defer cancel()
	return call(ctx, l.calls, func(ctx context.Context) (bool, error) {
		if l.shard != nil {
			n, err := l.rdb.SPublish(ctx, channel, text).Result()
			return n == 0, err
		}
		if cluster, ok := l.rdb.(*redis.ClusterClient); ok {
			// Any master, each time another one: all of them have to reach the one that the link is to. Each counts its own
			// subscribers only.
			master, err := cluster.MasterForKey(ctx, text+channel)
			if err != nil {
				return false, err
			}
			return false, master.Publish(ctx, channel, text).Err()
		}
		n, err := l.rdb.Publish(ctx, channel, text).Result()
		return n == 0, err
	})
}
