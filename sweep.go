package multiaccount

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// watch passes the store's change feed on to the open tabs. What was missed is for the next sweep to find, at once.
func (p *Plugin[U]) watch(ctx context.Context, missed chan<- struct{}) {
	for ctx.Err() == nil {
		err := p.sessions.Watch(ctx, func(ch account.Change) {
			if ch.Resync {
				select {
				case missed <- struct{}{}:
				default: // the sweep that is due already will begin after this
				}
				return
			}
			p.notice(ch)
		})
		if ctx.Err() != nil {
			return
		}
		p.log.Warn("multiaccount: change feed broke; tabs are swept until it is back", "err", err)
		wait(ctx, time.Second)
	}
}

const (
	sweepEvery = 30 * time.Second // how long a tab can be wrong when every message about a change was lost
	sweepAgain = 300 * time.Millisecond
)

// sweepNowAndThen sweeps regularly and whenever changes were missed. A sweep that failed is made again soon: a store that
// has just come back tells its watchers first, and may not answer everybody yet.
func (p *Plugin[U]) sweepNowAndThen(ctx context.Context, missed <-chan struct{}) {
	well := true
	for {
		pause := sweepEvery*9/10 + rand.N(sweepEvery/10)
		if !well {
			pause = sweepAgain/2 + rand.N(sweepAgain)
		}
		select {
		case <-missed:
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		err := p.sweep(ctx)
		if err != nil && well {
			p.log.Warn("multiaccount: open tabs not compared with the store; trying again until it answers", "err", err)
		}
		well = err == nil
	}
}

// wait reports whether the time has passed rather than the context.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// sweepBatch is how many sessions are read in one round trip.
const sweepBatch = 256

// sweep compares every session that has an open tab here with the store, and its current user with the app. It finds what
// no message told: a lost one, a session that expired, a user who was deactivated in the app's own tables. It returns an
// error when the store did not answer for all of them.
func (p *Plugin[U]) sweep(ctx context.Context) error {
	p.thinOut(ctx)
	followed := p.hub.Followed()
	for len(followed) > 0 && ctx.Err() == nil {
		var batch []account.Change
		for _, f := range followed[:min(sweepBatch, len(followed))] {
			batch = append(batch, ended(account.SessionID(f.Key), f.Version, account.ReasonSignedOut))
		}
		followed = followed[len(batch):]
		sessions, err := p.compare(ctx, batch)
		if err != nil {
			return err
		}
		p.recheck(ctx, sessions)
	}
	return nil
}

// compare tells the tabs of sessions what the store says about them, and returns the sessions; nil stands for one that has
// ended, which its tabs are told in the words of ends.
func (p *Plugin[U]) compare(ctx context.Context, ends []account.Change) ([]*account.Session, error) {
	ids := make([]account.SessionID, len(ends))
	for i, end := range ends {
		ids[i] = end.ID
	}
	began := p.hub.Moment()
	sessions, err := p.sessions.LoadMany(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, s := range sessions {
		found := announcement(ends[i])
		if s != nil {
			found = announcement(changeOf(s))
		}
		found.AsOf = began
		p.hub.Announce(found)
	}
	return sessions, nil
}

// recheck takes current accounts out of action whose time is over or whose user must not act any more.
func (p *Plugin[U]) recheck(ctx context.Context, sessions []*account.Session) {
	var ids []string
	for _, s := range sessions {
		if id := currentID(s); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	users, err := p.users(ctx, ids...)
	if err != nil {
		return // logged; nobody is taken out of action because the app's tables are away
	}
	for _, s := range sessions {
		if s == nil || s.Current == "" {
			continue
		}
		if l := s.CurrentAccount(); l.IsActive(p.sessions.Now()) && users.active(l.Account) {
			continue
		}
		out, err := p.sessions.ChangeByID(ctx, s.ID, retire(s.Current, p.sessions.Now))
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			p.log.Warn("multiaccount: account not taken out of action; the next sweep tries again", "err", err)
			continue
		}
		if err == nil {
			p.committed(nil, out)
		}
	}
}
