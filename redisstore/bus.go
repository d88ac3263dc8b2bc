package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Bus carries short messages between the processes of an application, for live views on several nodes. It is a hint, not
// a queue: nobody keeps a message for a subscriber that is not connected. It is safe for concurrent use.
type Bus struct{ conn }

// NewBus returns a bus on the channel "<prefix>:live" of a client, which the caller goes on to own. It does no I/O. What
// cannot work is reported by [Bus.Validate] and by every method.
func NewBus(rdb redis.UniversalClient, opts ...Option) *Bus { return &Bus{newConn(rdb, opts)} }

// Validate reports everything about the client and the options that cannot work, all at once.
func (b *Bus) Validate() error { return b.invalid }

func (b *Bus) channel() string { return b.prefix + ":live" }

// Publish sends a message to every subscriber of every process, the own one too. Topic and payload may hold any bytes; only
// the topic must not be empty.
// On a single server messages arrive in the order of the calls; in a cluster one may overtake another.
func (b *Bus) Publish(ctx context.Context, topic string, payload []byte) error {
	if b.invalid != nil {
		return b.invalid
	}
	if topic == "" {
		return errors.New("redisstore: publish: topic is empty")
	}
	text := frame(topic, string(payload))
	_, err := call(ctx, b.calls, func(ctx context.Context) (int64, error) {
		return b.rdb.Publish(ctx, b.channel(), text).Result()
	})
	if err != nil {
		return failure("publish", err)
	}
	return nil
}

// Subscribe calls fn for every message until ctx ends, and returns ctx's error. It makes a new connection whenever one is
// lost; what was published meanwhile is lost too. So fn is called with an empty topic as soon as a connection hears, the
// first one included. fn runs on the caller's goroutine, must not block for long and may keep the payload.
func (b *Bus) Subscribe(ctx context.Context, fn func(topic string, payload []byte)) error {
	l := &listener{
		conn:      &b.conn,
		channels:  []string{b.channel()},
		connected: func() { fn("", nil) },
		message: func(channel, text string) {
			topic, payload, err := parseFrame(text)
			if err != nil {
				b.log.WarnContext(ctx, "redisstore: ignored a malformed message", "channel", channel, "err", err)
				return
			}
			fn(topic, []byte(payload))
		},
	}
	return l.run(ctx)
}

// frame puts a message together: the length of the topic, a colon, the topic, the payload.
func frame(topic, payload string) string { return strconv.Itoa(len(topic)) + ":" + topic + payload }

// parseFrame takes a message apart.
func parseFrame(text string) (topic, payload string, err error) {
	head, rest, found := strings.Cut(text, ":")
	n, err := strconv.Atoi(head)
	if !found || err != nil || n < 0 || n > len(rest) {
		return "", "", fmt.Errorf("no topic in %.20q", text)
	}
	return rest[:n], rest[n:], nil
}
