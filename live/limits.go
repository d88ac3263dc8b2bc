package live

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Limits bound what one socket may cost. A zero field means its default.
type Limits struct {
	Sockets       int // of all keys, open at once in this process; one more is answered 503. Default: 10,000
	SocketsPerKey int // open at once, in this process. Default: 32
	// SocketsPerOwner are those of one [Subject].Owner, open at once: in all processes where [HubConfig].Places counts them, else
	// in this one. Default: 256
	SocketsPerOwner int
	// SocketsPerAddress are those from one IPv4 address, or IPv6 network of 64 bits, open at once in this process. The address is
	// what Fiber says: behind a proxy set its ProxyHeader, EnableTrustedProxyCheck and TrustedProxies. Default: a tenth of
	// Sockets; private addresses are then not counted, as they may be a proxy's
	SocketsPerAddress int

	MessagesPerSecond int // from one socket, pings included; more closes the socket with 1008. Default: 10
	Burst             int // messages that may come at once. Default: 20
	// MessagesPerKey is a second, from all sockets of a key in this process together, those included that are closed by now: whoever
	// connects anew gets no new budget. Its burst is as many times Burst. Default: four times MessagesPerSecond
	MessagesPerKey int
	MaxMessage     int // bytes; a bigger message closes the socket with 1009. Default: 16 KiB

	WriteTimeout time.Duration // a peer that takes nothing for this long is cut. Default: 5 seconds
	PingEvery    time.Duration // between two pings to one socket, at most 50 seconds. Default: 25 seconds
	PongTimeout  time.Duration // a peer that answers no ping for this long is cut. Default: 60 seconds
}

// maxPingEvery is below the minute of silence after which browser/live.js and browser/multiaccount.js connect anew.
const maxPingEvery = 50 * time.Second

func (l Limits) withDefaults() Limits {
	l.Sockets = cmp.Or(l.Sockets, 10_000)
	l.SocketsPerKey = cmp.Or(l.SocketsPerKey, 32)
	l.SocketsPerAddress = cmp.Or(l.SocketsPerAddress, max(1, l.Sockets/10))
	l.SocketsPerOwner = cmp.Or(l.SocketsPerOwner, 256)
	l.MessagesPerSecond = cmp.Or(l.MessagesPerSecond, 10)
	l.Burst = cmp.Or(l.Burst, 20)
	l.MessagesPerKey = cmp.Or(l.MessagesPerKey, 4*l.MessagesPerSecond)
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
	check(l.SocketsPerAddress > 0, "SocketsPerAddress is %d: use 1 or more", l.SocketsPerAddress)
	check(l.SocketsPerOwner > 0, "SocketsPerOwner is %d: use 1 or more", l.SocketsPerOwner)
	check(l.MessagesPerKey >= l.MessagesPerSecond, "MessagesPerKey is %d: use MessagesPerSecond (%d) or more", l.MessagesPerKey,
		l.MessagesPerSecond)
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

// burstPerKey is as many times Burst as MessagesPerKey is MessagesPerSecond.
func (l Limits) burstPerKey() int { return l.Burst * l.MessagesPerKey / l.MessagesPerSecond }

// bucket counts messages: it holds up to burst tokens and gains perSecond of them a second. One goroutine at a time uses it.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time, perSecond, burst int) bool {
	b.tokens, b.at = b.left(now, perSecond, burst), now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// full reports whether the bucket is as good as a new one.
func (b *bucket) full(now time.Time, perSecond, burst int) bool {
	return b.left(now, perSecond, burst) == float64(burst)
}

func (b *bucket) left(now time.Time, perSecond, burst int) float64 {
	if b.at.IsZero() {
		return float64(burst)
	}
	return min(float64(burst), b.tokens+now.Sub(b.at).Seconds()*float64(perSecond))
}
