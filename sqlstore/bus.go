package sqlstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bus carries short messages between the processes of an application over PostgreSQL, for live views on several nodes. It is
// a hint, not a queue: nobody keeps a message for a subscriber that is not connected. It is safe for concurrent use.
//
// A message that a notification cannot hold, from about 5900 bytes of topic and payload on, is written to a table, and every
// subscriber reads it there. That costs each of them a round trip, so a message is best a word about what to look at.
type Bus struct{ conn }

// NewBus returns a bus on a PostgreSQL database, which the caller goes on to own. Its table is one of those of
// [Store.Migrate]. It does no I/O. What cannot work is reported by [Bus.Validate] and by every method.
func NewBus(db *sql.DB, opts ...Option) *Bus { return &Bus{newConn(db, opts)} }

// Validate reports everything about the database and the options that cannot work, all at once.
func (b *Bus) Validate() error { return b.invalid }

// longest is what a notification holds, which is less than 8000 bytes.
const longest = 7999

// A notification begins with what follows: the message, or the number of its row.
const (
	isMessage = "m"
	isRow     = "r"
)

// Publish sends a message to every subscriber of every process, the own one too, in one round trip. Topic and payload may hold
// any bytes; only the topic must not be empty. Messages arrive in the order in which PostgreSQL has committed them.
func (b *Bus) Publish(ctx context.Context, topic string, payload []byte) error {
	if b.invalid != nil {
		return b.invalid
	}
	if topic == "" {
		return errors.New("sqlstore: publish: topic is empty")
	}
	body := frame(topic, payload)
	var err error
	if text := isMessage + base64.RawStdEncoding.EncodeToString(body); len(text) <= longest {
		_, err = b.exec(ctx, `SELECT pg_notify($1, $2)`, b.channel(), text)
	} else {
		// Each takes some away that every subscriber has read, or will never read.
		_, err = b.exec(ctx, `WITH old AS (DELETE FROM `+b.namespace+`.messages WHERE id = ANY (ARRAY (
				SELECT id FROM `+b.namespace+`.messages WHERE sent_at < now() - interval '1 minute'
				ORDER BY sent_at LIMIT 10 FOR UPDATE SKIP LOCKED))),
			sent AS (INSERT INTO `+b.namespace+`.messages (body) VALUES ($2) RETURNING id)
			SELECT pg_notify($1, '`+isRow+`' || id) FROM sent`, b.channel(), body)
	}
	return failed(ctx, "publish", err)
}

func (b *Bus) channel() string { return b.conn.channel("live") }

// Subscribe calls fn for every message until ctx ends, and returns ctx's error. It keeps one connection of the pool and takes
// another one whenever that is lost; what was published meanwhile is lost too. So fn is called with an empty topic as soon
// as a connection hears, the first one included, and when fn was so slow that more than a thousand messages waited. fn runs
// on the caller's goroutine and may keep the payload.
func (b *Bus) Subscribe(ctx context.Context, fn func(topic string, payload []byte)) error {
	if b.invalid != nil {
		return b.invalid
	}
	l := &listener{conn: &b.conn, channel: b.channel()}
	return l.run(ctx, func(h heard) {
		if h.gap {
			fn("", nil)
			return
		}
		topic, payload, err := b.read(ctx, h.text)
		switch {
		case err == nil:
			fn(topic, payload)
		case ctx.Err() == nil:
			b.log.WarnContext(ctx, "sqlstore: cannot read a message", "err", err)
			fn("", nil)
		}
	})
}

// read returns the message that a notification carries or names.
func (b *Bus) read(ctx context.Context, text string) (topic string, payload []byte, err error) {
	var body []byte
	if number, ok := strings.CutPrefix(text, isRow); ok {
		var id int64
		if id, err = strconv.ParseInt(number, 10, 64); err == nil {
			err = b.db.QueryRowContext(ctx, `SELECT body FROM `+b.namespace+`.messages WHERE id = $1`, id).Scan(&body)
		}
	} else if encoded, ok := strings.CutPrefix(text, isMessage); ok {
		body, err = base64.RawStdEncoding.DecodeString(encoded)
	} else {
		err = fmt.Errorf("no message in %.20q", text)
	}
	if err != nil {
		return "", nil, err
	}
	return parseFrame(body)
}

// frame puts a message together: the length of the topic, a colon, the topic, the payload.
func frame(topic string, payload []byte) []byte {
	return append([]byte(strconv.Itoa(len(topic))+":"+topic), payload...)
}

// parseFrame takes a message apart.
func parseFrame(body []byte) (topic string, payload []byte, err error) {
	head, rest, found := strings.Cut(string(body), ":")
	n, err := strconv.Atoi(head)
	if !found || err != nil || n < 1 || n > len(rest) {
		return "", nil, fmt.Errorf("no topic in %.20q", body)
	}
	return rest[:n], []byte(rest[n:]), nil
}
