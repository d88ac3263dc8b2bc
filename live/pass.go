package live

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pass does something that may block to each of many members. Workers share a cursor, so a member that blocks holds up
// only the worker that took it: while the cursor rests, the watch starts another worker.
type pass struct {
	watch   *watch
	members []*member
	do      func(*member)
	then    func() *pass // says what to go on with once every member is taken up; nil: nothing
	cursor  atomic.Int64
	seen    int64 // where the watch found the cursor the last time
}

// share is how many members one worker serves faster than two, of which one has to be woken.
const share = 8

// spread does something to every member. It returns when each is done, or hangs without holding up the others.
func spread(w *watch, members []*member, do func(*member)) {
	if len(members) == 0 {
		return
	}
	done := make(chan struct{})
	p := &pass{watch: w, members: members, do: do, then: func() *pass { close(done); return nil }}
	p.begin()
	go p.run()
	<-done
}

// begin starts the further workers.
func (p *pass) begin() {
	p.watch.add(p)
	for range min(runtime.GOMAXPROCS(0), len(p.members)/share) - 1 {
		go p.run()
	}
}

// run works until there is nothing left to take up.
func (p *pass) run() {
	for p != nil {
		i := int(p.cursor.Add(1)) - 1
		switch {
		case i < len(p.members):
			p.do(p.members[i])
		case i == len(p.members): // exactly one worker comes here
			p.watch.remove(p)
			if p = p.then(); p != nil {
				p.begin()
			}
		default:
			return
		}
	}
}

// watch looks after the passes that are under way. One ticker serves all of them: a timer of its own would cost a small
// pass more than its work.
type watch struct {
	mu     sync.Mutex
	passes map[*pass]struct{}
}

// stall is many times what a write takes that does not block.
const stall = 20 * time.Millisecond

func (w *watch) add(p *pass) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.passes == nil {
		w.passes = make(map[*pass]struct{})
	}
	w.passes[p] = struct{}{}
}

func (w *watch) remove(p *pass) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.passes, p)
}

// run looks until ctx ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(stall)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.look()
		case <-ctx.Done():
			return
		}
	}
}

// look starts a further worker for each pass that has taken up no member since the last look.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.passes {
		at := p.cursor.Load()
		if at == p.seen && at > 0 && at <= int64(len(p.members)) {
			go p.run()
		}
		p.seen = at
	}
}
