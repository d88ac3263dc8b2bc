package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/multiaccount-go/multiaccount/account"
)

// ErrDriver: the database was opened with a driver that does not hand on notifications. Open it with the driver of pgx:
// import _ "github.com/jackc/pgx/v5/stdlib", and sql.Open("pgx", …).
var ErrDriver = errors.New("sqlstore: driver is not that of pgx, over which notifications come")

// listener hears one channel over one connection of the pool, and over another one when that is lost.
type listener struct {
	*conn
	channel string
	failing bool // the outage has been logged
}

// heard is what a listener hears. A gap: what came before may have been missed.
type heard struct {
	text string
	gap  bool
}

// Bounds of the random pause between two attempts to connect: it is up to firstPause, then up to twice as long each time.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// run listens until parent ends and returns its error, or [ErrDriver] at once. It calls fn on the caller's goroutine only.
func (l *listener) run(parent context.Context, fn func(heard)) error {
	ctx, cancel := context.WithCancelCause(parent)
	waiting := newBacklog(heard{gap: true})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cancel(l.keep(ctx, waiting))
	}()
	defer func() {
		cancel(nil)
		select {
		case <-ended: // at once, unless a connection is being made by a dialer that looks at no context
		case <-time.After(100 * time.Millisecond):
		}
	}()
	for ctx.Err() == nil {
		for _, h := range waiting.take() {
			if ctx.Err() != nil {
				break
			}
			fn(h)
		}
		select {
		case <-waiting.wake:
		case <-ctx.Done():
		}
	}
	if parent.Err() != nil {
		return parent.Err()
	}
	return context.Cause(ctx)
}

// keep listens over one connection after another.
func (l *listener) keep(ctx context.Context, into *backlog[heard]) error {
	pause := firstPause
	for {
		began := time.Now()
		err := l.listen(ctx, into)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrDriver):
			return err
		case time.Since(began) > lastPause:
			pause = firstPause // that connection was good for a while
		}
		if !l.failing { // once for an outage, not for each attempt
			l.log.WarnContext(ctx, "sqlstore: hears no notifications, connecting again until it does", "channel", l.channel, "err", err)
			l.failing = true
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, lastPause)
	}
}

// listen hears over one connection of the pool until it is lost. Nobody gets that connection afterwards.
func (l *listener) listen(ctx context.Context, into *backlog[heard]) error {
	c, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	err = ErrDriver
	_ = c.Raw(func(driverConn any) error {
		if own, ok := driverConn.(interface{ Conn() *pgx.Conn }); ok {
			err = l.hear(ctx, own.Conn(), into)
		}
		return driver.ErrBadConn
	})
	return err
}

func (l *listener) hear(ctx context.Context, c *pgx.Conn, into *backlog[heard]) error {
	if err := l.ask(ctx, c, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if l.failing {
		l.log.InfoContext(ctx, "sqlstore: hears notifications again", "channel", l.channel)
		l.failing = false
	}
	into.put(heard{gap: true})
	for {
		quiet, cancel := context.WithTimeout(ctx, l.probe)
		n, err := c.WaitForNotification(quiet)
		over := quiet.Err() != nil
		cancel()
		switch {
		case err == nil:
			into.put(heard{text: n.Payload})
		case ctx.Err() != nil:
			return ctx.Err()
		case !over || c.IsClosed():
			return err
		default:
			// A link that broke without a sign is as quiet as one on which nothing happens.
			if err := l.ask(ctx, c, "SELECT 1"); err != nil {
				return fmt.Errorf("probe: %w", err)
			}
		}
	}
}

// ask runs a statement that a connection in order answers soon.
func (l *listener) ask(ctx context.Context, c *pgx.Conn, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*l.probe)
	defer cancel()
	_, err := c.Exec(ctx, statement)
	return err
}

func (p *postgres) watch(ctx context.Context, fn func(account.Change)) error {
	l := &listener{conn: p.conn, channel: p.channel("changes")}
	return l.run(ctx, func(h heard) {
		if h.gap {
			fn(account.Change{Resync: true})
			return
		}
		p.heed(ctx, h.text, fn)
	})
}
