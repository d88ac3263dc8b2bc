package live

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Limits bound what one socket may cost. A zero field means its default.
type Limits struct {
	Sockets           int           // of all keys, open at once in this process; one more is answered 503. Default: 10,000
	SocketsPerKey     int           // open at once, in this process. Default: 32
	MessagesPerSecond int           // from the browser, pings included; more closes the socket with 1008. Default: 10
	Burst             int           // messages that may come at once. Default: 20
	MaxMessage        int           // bytes; a bigger message closes the socket with 1009. Default: 16 KiB
	WriteTimeout      time.Duration // a peer that takes nothing for this long is cut. Default: 5 seconds
	PingEvery         time.Duration // between two pings to one socket, at most 50 seconds. Default: 25 seconds
	PongTimeout       time.Duration // a peer that answers no ping for this long is cut. Default: 60 seconds
}

// maxPingEvery is below the minute of silence after which browser/live.js and browser/multiaccount.js connect anew.
const maxPingEvery = 50 * time.Second

func (l Limits) withDefaults() Limits {
	l.Sockets = cmp.Or(l.Sockets, 10_000)
	l.SocketsPerKey = cmp.Or(l.SocketsPerKey, 32)
	l.MessagesPerSecond = cmp.Or(l.MessagesPerSecond, 10)
	l.Burst = cmp.Or(l.Burst, 20)
	l.MaxMessage = cmp.Or(l.MaxMessage, 16<<10)
	l.WriteTimeout = cmp.Or(l.WriteTimeout, 5*time.Second)
	l.PingEvery = cmp.Or(l.PingEvery, 25*time.Second)
	l.PongTimeout = cmp.Or(l.PongTimeout, 60*time.Second)
	return l
}

// Validate reports every limit that cannot work, all at once.
func (l Limits) Validate() error {
	var errs []error
	check := func(ok bool, text string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(text, args...))
		}
	}
	l = l.withDefaults()
	check(l.Sockets > 0, "Sockets is %d: use 1 or more", l.Sockets)
	check(l.SocketsPerKey > 0, "SocketsPerKey is %d: use 1 or more", l.SocketsPerKey)
	check(l.MessagesPerSecond > 0, "MessagesPerSecond is %d: use 1 or more", l.MessagesPerSecond)
	check(l.Burst > 0, "Burst is %d: use 1 or more", l.Burst)
	check(l.MaxMessage > 0, "MaxMessage is %d: use a positive number of bytes", l.MaxMessage)
	check(l.WriteTimeout > 0, "WriteTimeout is %v: use a positive time", l.WriteTimeout)
	check(l.PingEvery >= shards*time.Millisecond, "PingEvery is %v: use %v or more", l.PingEvery, shards*time.Millisecond)
	check(l.PingEvery <= maxPingEvery, "PingEvery is %v: use %v or less, for browsers give up an event stream that is silent for a minute",
		l.PingEvery, maxPingEvery)
	check(l.PongTimeout > l.PingEvery, "PongTimeout (%v) is not longer than PingEvery (%v): raise the one or lower the other",
		l.PongTimeout, l.PingEvery)
	return errors.Join(errs...)
}

// bucket counts messages: it holds up to burst tokens and gains perSecond of them a second. One goroutine uses it.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time, perSecond, burst int) bool {
	if b.at.IsZero() {
		b.tokens = float64(burst)
	} else {
		b.tokens = min(float64(burst), b.tokens+now.Sub(b.at).Seconds()*float64(perSecond))
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
