package moving_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
)

// TestNoOrderOfCallsLosesOrRevives lets clients of several processes work on one session, which begins in the old store. A
// seed decides who makes the next call of a store, and which calls are the last of their process or get no answer. Whatever
// the order is, there must be one in which the session was a single record.
func TestNoOrderOfCallsLosesOrRevives(t *testing.T) {
	for name, tt := range map[string]struct {
		processes []process
		lenient   bool // an end may be reported by two
	}{
		"some processes let the old store lead, others the new one": {[]process{oldLeads, newLeads, newLeads}, false},
		"all let the new store lead":                                {[]process{newLeads}, false},
		"all let the old store lead":                                {[]process{oldLeads}, false},
		"some know of no new store, others let the old one lead":    {[]process{oldAlone, oldLeads}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var interrupted, leftOver, deleted int
			for seed := range uint64(3000) {
				w := newWorld(t, seed)
				w.run(tt.processes)
				if s, err := w.old.Load(t.Context(), w.id); err == nil && strings.HasPrefix(string(s.Reason), "moving:") {
					if _, err := w.fresh.Load(t.Context(), w.id); err == nil {
						leftOver++
					} else {
						interrupted++
					}
				}
				w.lookAtTheEnd(t)
				if slices.ContainsFunc(w.history, func(o op) bool { return o.kind == "delete" && o.result == "ok" }) {
					deleted++
				}
				if !linearizable(w.history, tt.lenient) {
					t.Fatalf("seed %d: no single record can have answered like this:\n%s", seed, describe(w.history))
				}
			}
			t.Logf("%d moves were left before the second write, %d after it, %d sessions were ended", interrupted, leftOver, deleted)
			if slices.Contains(tt.processes, newLeads) && (interrupted == 0 || leftOver == 0) || deleted == 0 {
				t.Error("not everything was tried")
			}
		})
	}
}

type process int

const (
	oldAlone process = iota
	oldLeads
	newLeads
)

// op is one call of a client, and what it knows of it.
type op struct {
	kind, base, token string // a save writes token over base, a load found token
	result            string // "ok", "conflict", "not found", or "unknown"
	call, ret         int
}

func describe(history []op) string {
	var b strings.Builder
	for _, o := range history {
		fmt.Fprintf(&b, "%3d to %3d: %-6s %q over %q: %s\n", o.call, o.ret, o.kind, o.token, o.base, o.result)
	}
	return b.String()
}

type world struct {
	ctx        context.Context
	rand       *rand.Rand
	old, fresh *account.MemoryStore
	id         account.SessionID
	clock      int
	history    []op
	parked     chan *client // a client waits for its turn, or is done
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{ctx: t.Context(), rand: rand.New(rand.NewPCG(seed, 1)), parked: make(chan *client),
		old: account.NewMemoryStore(), fresh: account.NewMemoryStore()}
	out, err := account.NewManager(w.old, account.Options{}).SignIn(t.Context(), nil, nil, "alice", "password")
	if err != nil {
		t.Fatal(err)
	}
	w.id = out.Session.ID
	return w
}

// client is one request after the other in a process of its own, which can end at any call of a store.
type client struct {
	w     *world
	name  string
	turn  chan struct{}
	done  bool
	ended bool // the process
}

var errNoAnswer = errors.New("no answer")

// call waits for the client's turn and decides the fate of a call: it may not be made, or get no answer.
func (c *client) call(do func() error) error {
	if c.ended {
		return errNoAnswer
	}
	c.w.parked <- c
	<-c.turn
	c.w.clock++
	switch fate := c.w.rand.IntN(24); fate {
	case 0: // the process ends before the call
		c.ended = true
		return errNoAnswer
	case 1, 2: // after it; or only the answer is lost
		_ = do()
		c.ended = fate == 1
		return errNoAnswer
	}
	return do()
}

// run has four clients make two or three requests each.
func (w *world) run(processes []process) {
	waiting := []*client{}
	for i := range 4 {
		c := &client{w: w, name: fmt.Sprint("client ", i), turn: make(chan struct{})}
		p := processes[w.rand.IntN(len(processes))]
		requests := make([]int, 2+w.rand.IntN(2))
		for i := range requests {
			requests[i] = w.rand.IntN(8)
		}
		go c.work(p, requests)
		waiting = append(waiting, <-w.parked)
	}
	for len(waiting) > 0 {
		i := w.rand.IntN(len(waiting))
		waiting[i].turn <- struct{}{}
		if waiting[i] = <-w.parked; waiting[i].done {
			waiting = slices.Delete(waiting, i, i+1)
		}
	}
}

func (c *client) work(p process, requests []int) {
	defer func() {
		c.done = true
		c.w.parked <- c
	}()
	old, fresh := gated{c.w.old, c}, gated{c.w.fresh, c}
	var store account.Store = old
	switch p {
	case oldLeads:
		store = moving.New(old, fresh, moving.Options{})
	case newLeads:
		store = moving.New(old, fresh, moving.Options{Lead: moving.NewLeads})
	}
	// Until its first turn a client must do nothing but wait.
	_ = c.call(func() error { return nil })
	for i, request := range requests {
		switch {
		case request < 2:
			c.load(store, false)
		case request < 3 && p != oldAlone:
			c.load(store, true)
		case request < 6:
			if s := c.load(store, request == 5); s != nil {
				c.save(store, s, fmt.Sprint(c.name, " save ", i))
			}
		case request < 7 && p != oldAlone: // who knows of no marker touches one without harm
			c.note(op{kind: "touch"}, func() error { return store.Touch(c.w.ctx, c.w.id, time.Now(), time.Hour) })
		default:
			c.note(op{kind: "delete"}, func() error { return store.Delete(c.w.ctx, c.w.id, account.ReasonSignedOut) })
		}
	}
}

// note makes a call and remembers it.
func (c *client) note(o op, call func() error) error {
	if c.ended {
		return errNoAnswer
	}
	c.w.clock++
	o.call = c.w.clock
	at := len(c.w.history)
	c.w.history = append(c.w.history, o)
	err := call()
	c.w.clock++
	h := &c.w.history[at]
	h.ret = c.w.clock
	switch {
	case err == nil:
		h.result = "ok"
	case errors.Is(err, account.ErrConflict):
		h.result = "conflict"
	case errors.Is(err, account.ErrNotFound):
		h.result = "not found"
	default:
		h.result, h.ret = "unknown", 1<<30
	}
	return err
}

func (c *client) load(store account.Store, many bool) (s *account.Session) {
	at := len(c.w.history)
	err := c.note(op{kind: "load"}, func() (err error) {
		if batch, ok := store.(account.BatchLoader); ok && many {
			var all []*account.Session
			if all, err = batch.LoadMany(c.w.ctx, []account.SessionID{c.w.id}); err == nil {
				s = all[0]
			}
		} else {
			s, err = store.Load(c.w.ctx, c.w.id)
		}
		if err == nil && (s == nil || !time.Now().Before(s.Deadline)) { // as the manager does
			err = account.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil
	}
	c.w.history[at].token = s.Device
	return s
}

func (c *client) save(store account.Store, s *account.Session, token string) {
	o := op{kind: "save", base: s.Device, token: token}
	s.Device = token
	_ = c.note(o, func() error { return store.Save(c.w.ctx, s, time.Hour) })
}

// lookAtTheEnd reads the session as a process does to which nothing happens, and as one that knows the new store alone.
func (w *world) lookAtTheEnd(t *testing.T) {
	t.Helper()
	read := func(store account.Store) string {
		s, err := account.NewManager(store, account.Options{}).LoadByID(t.Context(), w.id)
		switch {
		case err == nil:
			return "found " + s.Device
		case errors.Is(err, account.ErrNotFound):
			return "not found"
		}
		return err.Error()
	}
	joined := read(moving.New(w.old, w.fresh, moving.Options{Lead: moving.NewLeads}))
	if alone := read(w.fresh); alone != joined {
		t.Errorf("the new store alone: %s, both: %s", alone, joined)
	}
	w.clock++
	last := op{kind: "load", result: "not found", call: w.clock, ret: w.clock + 1}
	if token, ok := strings.CutPrefix(joined, "found "); ok {
		last.result, last.token = "ok", token
	}
	w.history = append(w.history, last)
}

// gated is a store whose calls wait for their client's turn.
type gated struct {
	*account.MemoryStore
	client *client
}

func (g gated) Load(ctx context.Context, id account.SessionID) (s *account.Session, err error) {
	failure := g.client.call(func() error { s, err = g.MemoryStore.Load(ctx, id); return err })
	if failure != nil {
		return nil, failure
	}
	return s, nil
}

func (g gated) LoadMany(ctx context.Context, ids []account.SessionID) (s []*account.Session, err error) {
	failure := g.client.call(func() error { s, err = g.MemoryStore.LoadMany(ctx, ids); return err })
	if failure != nil {
		return nil, failure
	}
	return s, nil
}

func (g gated) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	c := s.Clone()
	err := g.client.call(func() error { return g.MemoryStore.Save(ctx, c, ttl) })
	if err == nil {
		s.Revision = c.Revision
	}
	return err
}

func (g gated) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	return g.client.call(func() error { return g.MemoryStore.Delete(ctx, id, why) })
}

func (g gated) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	return g.client.call(func() error { return g.MemoryStore.Touch(ctx, id, seen, ttl) })
}

// linearizable reports whether the calls can have been answered by one record, each at some moment while it ran. A call of
// unknown outcome may have had its effect at any moment since, or none.
func linearizable(history []op, lenient bool) bool {
	type state struct {
		done  uint64
		gone  bool
		token string
	}
	known := uint64(0)
	for i, o := range history {
		if o.result != "unknown" {
			known |= 1 << i
		}
	}
	seen := map[state]bool{}
	var search func(s state) bool
	search = func(s state) bool {
		if s.done&known == known {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		first := 1 << 30 // the next call must have begun before any that is not done returned
		for i, o := range history {
			if s.done&(1<<i) == 0 {
				first = min(first, o.ret)
			}
		}
		for i, o := range history {
			if s.done&(1<<i) != 0 || o.call > first {
				continue
			}
			next := s
			next.done |= 1 << i
			legal := true
			switch o.kind + " " + o.result {
			case "load ok":
				legal = !s.gone && s.token == o.token
			case "touch ok":
				legal = !s.gone
			case "save ok":
				legal = !s.gone && s.token == o.base
				next.token = o.token
			case "save unknown":
				legal = !s.gone && s.token == o.base
				next.token = o.token
			case "delete ok":
				legal = !s.gone || lenient
				next.gone = true
			case "delete unknown":
				next.gone = true
			case "load not found", "touch not found", "delete not found":
				legal = s.gone
			}
			if legal && search(next) {
				return true
			}
		}
		return false
	}
	return search(state{})
}
