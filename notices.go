package multiaccount

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/live"
)

// notices are the sessions that are said to have changed, and whose records have not been looked at since.
//
// A change notice is a hint, not data: whoever can publish where the store's own come from, such as another program on the same
// Redis, can make one up. Tabs are told what the record says. So a notice that is invented costs a read, and can neither
// end a tab nor make it deaf to the versions that really come.
type notices struct {
	mu   sync.Mutex
	ends map[account.SessionID]account.Change // what to tell the tabs of a session that is gone
	some chan struct{}                        // holds a token when there are any
	own  map[account.SessionID]*ownChange
}

// ownChange is a session that this process is changing itself.
type ownChange struct {
	changes int              // that are under way
	heard   []account.Change // notices that came meanwhile: different ones, and two at most
}

// begin says that this process is about to change a session. Notices of it wait until the change is announced: most are that
// change's own, which the store tells before its answer is here, and need no look then. finish has to be called, once.
func (n *notices) begin(id account.SessionID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.own[id] == nil {
		n.own[id] = &ownChange{}
	}
	n.own[id].changes++
}

// finish returns the notices that have waited, when no other change of the session is under way.
func (n *notices) finish(id account.SessionID) []account.Change {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := n.own[id]
	if own.changes--; own.changes > 0 {
		return nil
	}
	delete(n.own, id)
	return own.heard
}

// waits reports whether a notice is kept until this process is through with a change of its session.
func (n *notices) waits(ch account.Change) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := n.own[ch.ID]
	if own == nil {
		return false
	}
	known := slices.ContainsFunc(own.heard, func(other account.Change) bool {
		return other.Version == ch.Version && other.Tag == ch.Tag && other.Ended == ch.Ended
	})
	if !known && len(own.heard) < 2 { // of two that differ one is not what this process saves, and costs a look at all of it
		own.heard = append(own.heard, ch)
	}
	return true
}

func newNotices() notices {
	return notices{
		ends: map[account.SessionID]account.Change{}, own: map[account.SessionID]*ownChange{}, some: make(chan struct{}, 1),
	}
}

// put adds sessions. What is there already stays, unless it does not know why the session has ended.
func (n *notices) put(ends ...account.Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, end := range ends {
		if old, there := n.ends[end.ID]; !there || old.Reason == "" {
			n.ends[end.ID] = end
		}
	}
	select {
	case n.some <- struct{}{}:
	default:
	}
}

// take returns all sessions and forgets them.
func (n *notices) take() []account.Change {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Collect(maps.Values(n.ends))
	n.ends = map[account.SessionID]account.Change{} // not cleared: it may have been big
	return all
}

// notice takes in what the change feed says. What concerns no tab of this process, or what its tabs know already, as after a
// change that this process has made itself, needs no look.
func (p *Plugin[U]) notice(ch account.Change) {
	if !p.hub.Behind(live.Key(ch.ID), ch.Version, ch.Tag) || p.notices.waits(ch) {
		return
	}
	if !ch.Ended {
		ch = ended(ch.ID, ch.Version, "")
	}
	p.notices.put(ch)
}

// changing says that this process is about to change a session. The function that it returns is called when the change is
// announced, or came to nothing.
func (p *Plugin[U]) changing(id account.SessionID) (done func()) {
	p.notices.begin(id)
	return func() {
		for _, ch := range p.notices.finish(id) {
			p.notice(ch)
		}
	}
}

// lookAgain is how long to wait before records are read again that could not be read.
const lookAgain = time.Second

// lookInBackground reads the records that notices are about, those that come meanwhile together.
func (p *Plugin[U]) lookInBackground(ctx context.Context) {
	for {
		select {
		case <-p.notices.some:
		case <-ctx.Done():
			return
		}
		for all := p.notices.take(); len(all) > 0; {
			batch := all[:min(sweepBatch, len(all))]
			if err := p.look(ctx, batch); err != nil {
				p.log.Warn("multiaccount: open tabs not told of a change; trying again", "err", err)
				p.notices.put(all...)
				wait(ctx, lookAgain)
				break
			}
			all = all[len(batch):]
		}
	}
}

func (p *Plugin[U]) look(ctx context.Context, batch []account.Change) error {
	batch = slices.Clone(batch) // when the look fails, an end that is told later may still say why
	for i := range batch {
		batch[i].Reason = cmp.Or(batch[i].Reason, account.ReasonSignedOut)
	}
	_, err := p.compare(ctx, batch)
	return err
}
