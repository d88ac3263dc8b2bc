// Package moving is a read-through migration: it moves sessions from one [account.Store] to another while people use them,
// without signing anybody out.
//
//	store := moving.New(redisstore.New(rdb), sqlstore.PostgreSQL(db), moving.Options{Lead: moving.NewLeads})
//
// Sessions are looked for in both stores. The first use of one that lies in the old store moves it; new ones begin in the
// new store. An open tab notices nothing: version, secret, stamp and time to live stay what they were.
//
// Roll it out in this order, each step on all processes before the next begins:
//
//  1. [OldLeads]: everything stays in the old store, but sessions that another process has moved are found.
//  2. [NewLeads]: sessions move.
//  3. The new store alone, no sooner than [Options].Idle after the last process of step 1 has ended. What nobody has used
//     for so long has expired in the old store.
//
// From step 2 the way back leads to step 1, at any time. From step 1 it leads to the old store alone only as long as no
// process was at step 2. A process that uses one store alone while others move sessions treats people as signed out.
//
// # How
//
// A session leads in exactly one store, and a move is two writes, each of which compares and sets. The first seals the
// record in the old store: from then on nobody's save there can win, so nothing is lost that came after the copy was taken.
// The second creates the record in the new store. Whoever finds a sealed record does the second write, so a process may end
// in between. Where the new store has a record, it leads, whatever the old one has.
//
// A session that ends in the new store leaves a marker there, for as long as a copy of it could still be on its way: a
// process that took its copy long ago then finds the place taken, and brings nobody back. The marker holds no personal
// data and is dead to every process that uses the store alone.
package moving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Lead says which store new sessions begin in, and whether old ones move.
type Lead int

// The two steps of a migration.
const (
	OldLeads Lead = iota // nothing moves but what other processes have begun to move
	NewLeads             // a session moves at its first use
)

// Options are the numbers of a migration.
type Options struct {
	Lead Lead          // Default: OldLeads
	Idle time.Duration // the same as in [account.Options]: how long a session lives unused. Default: 24 hours
}

// New returns a store over the old and the new one, which the caller goes on to own. It does no I/O. It is safe for
// concurrent use, by any number of processes at the same time, and has the power of [account.BatchLoader]. It is an
// [account.Index] if both stores are. What cannot work is reported by its method Validate, which the plugin calls.
//
// In the steady state of [NewLeads] a Load costs one call of the new store; one for an unknown id costs three calls, and
// one that moves a session five, and one more for each of its accounts. Both stores have to answer.
func New(old, fresh account.Store, opt Options) account.Store {
	s := &store{old: old, fresh: fresh, lead: opt.Lead, life: lifeOf(cmp.Or(opt.Idle, 24*time.Hour)), idle: cmp.Or(opt.Idle, 24*time.Hour)}
	from, isIndex := old.(account.Index)
	to, also := fresh.(account.Index)
	if !isIndex || !also {
		return s
	}
	s.index = to
	return &indexed{store: s, old: from, fresh: to}
}

// store joins two stores. What it knows lies in them alone, so that processes may come and go.
type store struct {
	old, fresh account.Store
	index      account.Index // of fresh; nil unless both stores have one
	lead       Lead
	idle       time.Duration
	life       func(*account.Session) time.Duration // that is left to a session that moves
}

// shortest is what a session is given that ought to have expired, by the clock of this process or with a wrong
// Options.Idle: time enough for the request that moves it.
const shortest = time.Minute

// lifeOf reckons as the manager does that last saved or touched the session.
func lifeOf(idle time.Duration) func(*account.Session) time.Duration {
	return func(s *account.Session) time.Duration {
		return max(min(time.Until(s.Seen.Add(idle)), time.Until(s.Deadline)), shortest)
	}
}

// Validate reports everything that cannot work, also what the two stores report.
func (m *store) Validate() error {
	var errs []error
	check := func(ok bool, text string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("moving: "+text, args...))
		}
	}
	check(!isNil(m.old), "the old store is nil")
	check(!isNil(m.fresh), "the new store is nil")
	check(isNil(m.old) || !same(m.old, m.fresh), "the old and the new store are the same: there is nothing to move")
	check(m.lead == OldLeads || m.lead == NewLeads, "Lead is %d: use OldLeads or NewLeads", m.lead)
	check(m.idle >= time.Second, "Idle is %v: use a second or more", m.idle)
	for _, inner := range []account.Store{m.old, m.fresh} {
		if v, ok := inner.(interface{ Validate() error }); ok && !isNil(inner) {
			errs = append(errs, v.Validate())
		}
	}
	return errors.Join(errs...)
}

// isNil finds the nil pointer that an application passes on when it made no store.
func isNil(s account.Store) bool {
	if s == nil {
		return true
	}
	v := reflect.ValueOf(s)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

func same(a, b account.Store) bool {
	return reflect.TypeOf(a).Comparable() && a == b
}

// Load implements [account.Store].
func (m *store) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	p, err := m.settle(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case p.where == inFresh, p.where == inOld:
		return m.show(p), nil
	}
	return nil, account.ErrNotFound
}
