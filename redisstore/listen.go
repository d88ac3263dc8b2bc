package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// listener receives from fixed channels over one connection of its own, and over another one when that is lost. It does
// not use the Go channel that go-redis offers, because that one reconnects without a word and drops when it is full.
type listener struct {
	*conn
	channels  []string
	connected func()                     // all channels are subscribed; what came before may have been missed
	message   func(channel, text string) // never called before connected
}

// Bounds of the random pause between two attempts to connect: it is up to firstPause, then up to twice as long each time.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// run listens until ctx ends and returns its error. It calls back on the caller's goroutine only.
func (l *listener) run(ctx context.Context) error {
	if l.invalid != nil {
		return l.invalid
	}
	pause := firstPause
	for {
		began := time.Now()
		err := l.listen(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > lastPause {
			pause = firstPause // that connection was good for a while
		}
		l.log.WarnContext(ctx, "redisstore: lost the change feed, connecting again", "err", err, "channels", l.channels[0])
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, lastPause)
	}
}

// listen receives over one connection until it is lost or ctx ends.
func (l *listener) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	pubsub := l.rdb.Subscribe(ctx) // of no channel: no connection yet
	// Dialing and the handshake may take as long as the client's own timeouts, and closing waits for them. So the
	// connection belongs to a goroutine that nobody has to wait for, and the callbacks run here.
	context.AfterFunc(ctx, func() { _ = pubsub.Close() })
	events := make(chan any)
	received := make(chan struct{})
	go func() {
		defer close(received)
		cancel(l.receive(ctx, pubsub, events))
	}()
	defer func() {
		cancel(nil)
		select {
		case <-received: // at once, unless the connection is being made
		case <-time.After(100 * time.Millisecond):
		}
	}()

	missing := len(l.channels)
	for {
		select {
		case event := <-events:
			switch event := event.(type) {
			case *redis.Subscription:
				if missing == 0 { // a ping found the connection lost before receive did
					return errors.New("go-redis has made another connection by itself")
				}
				if missing--; missing == 0 {
					l.connected()
				}
			case *redis.Message:
				if missing == 0 { // earlier ones are covered by connected
					l.message(event.Channel, event.Payload)
				}
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// receive makes the connection and hands on what comes over it, until it fails.
func (l *listener) receive(ctx context.Context, pubsub *redis.PubSub, events chan<- any) error {
	if err := pubsub.Subscribe(ctx, l.channels...); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	probing, stop := context.WithCancel(ctx)
	defer stop()
	go l.ping(probing, pubsub)
	for {
		// The answers to the pings make sure that something comes. A link that broke without a sign brings nothing.
		event, err := pubsub.ReceiveTimeout(ctx, 3*l.probe)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		select {
		case events <- event:
		case <-ctx.Done():
			return errors.New("closed")
		}
	}
}

// ping asks for signs of life until ctx ends. That none comes is for receive to notice.
func (l *listener) ping(ctx context.Context, pubsub *redis.PubSub) {
	ticks := time.NewTicker(l.probe)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			_ = pubsub.Ping(ctx)
		case <-ctx.Done():
			return
		}
	}
}
