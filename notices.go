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
}

func newNotices() notices {
	return notices{ends: map[account.SessionID]account.Change{}, some: make(chan struct{}, 1)}
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
	if !p.hub.Behind(live.Key(ch.ID), ch.Version, ch.Tag) {
		return
	}
	if !ch.Ended {
		ch = ended(ch.ID, ch.Version, "")
	}
	p.notices.put(ch)
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
