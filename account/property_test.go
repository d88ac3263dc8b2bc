package account_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// TestInvariants drives two browsers and a back office through two nodes over one store, with random events: fresh
// requests, slow ones that were loaded long ago, old and stolen cookies, replays, sign-outs, time. After each event the
// store is held against a model, and against what must hold whatever happens:
//
//   - the current account is none or a member, and never more than the maximum are linked;
//   - every member authenticated in this very session;
//   - nothing happens for a secret that is not the valid one at the commit;
//   - versions grow by one, and only with what a tab can see;
//   - an ended session never comes back;
//   - the absolute deadline moves by authenticating again and by nothing else;
//   - a refusal, a visitor without a session, and a command without effect write nothing to a session;
//   - a session that no browser was given is taken back;
//   - a change is told after its commit, and each commit is told;
//   - a rotation gives exactly one new cookie, and nothing else gives any.
func TestInvariants(t *testing.T) {
	const runs, events = 300, 60
	for seed := range uint64(runs) {
		synctest.Test(t, func(t *testing.T) {
			p := newProperty(t, seed)
			defer p.stop()
			for i := range events {
				p.event()
				p.check(i%5 == 0)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// property is one run.
type property struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	store *countingStore
	nodes [2]*account.Manager

	browsers [2]*account.Cookie // what each browser has; nil: nothing
	cookies  []account.Cookie   // every cookie ever given out
	slow     []request          // loaded, and not yet carried out
	nonces   []string           // of every intent that was opened
	models   map[account.SessionID]*model
	touched  account.SessionID // of the last event
	heard    []account.Change
	log      []string
	cancel   context.CancelFunc
	watching chan error
}

// request is a session as a request found it, and the cookie it came with.
type request struct {
	session *account.Session
	cookie  account.Cookie
}

// countingStore counts what is written to each session.
type countingStore struct {
	*account.MemoryStore
	writes map[account.SessionID]int
}

func (c *countingStore) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	err := c.MemoryStore.Save(ctx, s, ttl)
	if err == nil {
		c.writes[s.ID]++
	}
	return err
}

func (c *countingStore) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	err := c.MemoryStore.Delete(ctx, id, why)
	if err == nil {
		c.writes[id]++
	}
	return err
}

func newProperty(t *testing.T, seed uint64) *property {
	p := &property{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), store: &countingStore{MemoryStore: account.NewMemoryStore()},
		models: make(map[account.SessionID]*model), watching: make(chan error),
	}
	for i := range p.nodes {
		p.nodes[i] = account.NewManager(p.store, limits)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	go func() {
		p.watching <- p.nodes[0].Watch(ctx, func(c account.Change) {
			s, err := p.store.Load(ctx, c.ID)
			if !c.Resync && !(errors.Is(err, account.ErrNotFound) || !c.Ended && err == nil && s.Version >= c.Version) {
				t.Errorf("told of %+v before it was committed: %v, %v", c, s, err)
			}
			p.heard = append(p.heard, c)
		})
	}()
	synctest.Wait()
	p.heard = nil
	return p
}

func (p *property) stop() {
	p.cancel()
	<-p.watching
}

func (p *property) failf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("seed %d: %s\nevents:\n  %s", p.seed, fmt.Sprintf(format, args...), strings.Join(p.log, "\n  "))
}

func pick[T any](p *property, from ...T) T { return from[p.rng.IntN(len(from))] }

func (p *property) account() string { return pick(p, "a", "b", "c", "d", "e") }

// event does one random thing.
func (p *property) event() {
	p.heard, p.store.writes = nil, make(map[account.SessionID]int)
	switch n := p.rng.IntN(100); {
	case n < 12:
		d := step * pick(p, time.Duration(1), 1, 2, 10, 90, 300, 300, 300, 600)
		p.log = append(p.log, fmt.Sprintf("%v pass", d))
		time.Sleep(d)
	case n < 30:
		p.administer()
	default:
		p.browse()
	}
	synctest.Wait() // the watcher has heard everything
}

// administer carries out a command of the back office on a session, which may have ended long ago.
func (p *property) administer() {
	if len(p.cookies) == 0 {
		return
	}
	id := pick(p, p.cookies...).ID
	p.touched = id
	c := command{kind: pick(p, "deactivate", "deactivate", "activate", "activate", "revoke", "retire", "destroy", "end"), name: p.account()}
	if c.kind == "end" && p.rng.IntN(6) > 0 {
		c.kind = "activate"
	}
	p.log = append(p.log, fmt.Sprintf("back office: %+v", c))
	m, now := p.nodes[p.rng.IntN(2)], time.Now()
	out, err := m.ChangeByID(p.t.Context(), id, p.transition(m, c))
	x := p.models[id]
	if !x.live(now) {
		p.refused(out, err, account.ErrNotFound)
		return
	}
	p.compare(x, c, now, out, err)
}

// browse sends one request of a browser through one of the nodes.
func (p *property) browse() {
	b, m := p.rng.IntN(2), p.nodes[p.rng.IntN(2)]
	c := command{
		kind: pick(p, "sign in", "sign in", "begin", "begin", "switch", "switch", "switch", "sign out", "cancel", "sign out all", "touch"),
		name: p.account(), next: pick(p, "", "", p.account()),
	}
	if c.kind == "sign out all" && p.rng.IntN(6) > 0 {
		c.kind = "begin"
	}
	if c.kind == "sign in" {
		p.fillIn(&c, p.browsers[b])
	}
	if n := len(p.slow); n > 0 && p.rng.IntN(5) == 0 {
		i := p.rng.IntN(n)
		r := p.slow[i]
		p.slow = slices.Delete(p.slow, i, i+1)
		p.log = append(p.log, fmt.Sprintf("slow request of browser %d: %+v", b, c))
		p.carryOut(b, m, c, r, true)
		return
	}
	cookie := p.browsers[b]
	which := "its cookie"
	if len(p.cookies) > 0 && p.rng.IntN(6) == 0 {
		other := pick(p, p.cookies...)
		cookie, which = &other, "an old or stolen cookie"
	}
	if cookie == nil {
		p.log = append(p.log, fmt.Sprintf("browser %d without a cookie: %+v", b, c))
		p.anonymous(b, m, c)
		return
	}
	// Mostly the accounts of the session, or it would be replaced before it grows old.
	if x := p.models[cookie.ID]; x.intent.IsZero() && (c.kind == "sign in" || c.kind == "switch") && len(x.members) > 0 && p.rng.IntN(8) > 0 {
		c.name = pick(p, x.members...).name
	}
	p.log = append(p.log, fmt.Sprintf("browser %d with %s: %+v", b, which, c))
	s, err := m.Load(p.t.Context(), *cookie)
	want := p.models[cookie.ID].authority(cookie.Secret, time.Now())
	if !errors.Is(err, want) {
		p.failf("load: got %v, want %v", err, want)
	}
	if errors.Is(err, account.ErrNotFound) {
		p.anonymous(b, m, c)
		return
	}
	if p.rng.IntN(6) == 0 {
		p.log = append(p.log, "  which takes its time")
		p.slow = append(p.slow, request{s, *cookie})
		return
	}
	p.carryOut(b, m, c, request{s, *cookie}, false)
}

// fillIn says what the sign-in form was drawn with: for a page of long ago, for the open intent, for none, or by an app without
// the field.
func (p *property) fillIn(c *command, cookie *account.Cookie) {
	switch n := p.rng.IntN(8); {
	case n < 3:
	case n == 3:
		c.says = true
	case n == 4 && len(p.nonces) > 0:
		c.says, c.nonce = true, pick(p, p.nonces...)
	case cookie != nil && p.models[cookie.ID] != nil:
		c.says = true
		if x := p.models[cookie.ID]; !x.intent.IsZero() {
			c.nonce = x.nonce
		}
	}
}

// anonymous is a request without a session. Only signing in does anything.
func (p *property) anonymous(b int, m *account.Manager, c command) {
	if c.kind != "sign in" {
		return
	}
	out, err := m.SignInWith(p.t.Context(), nil, nil, account.Proof{Account: c.name, Method: "password", Intent: c.said()})
	if c.nonce != "" {
		p.refused(out, err, account.ErrIntentExpired)
		return
	}
	if err != nil {
		p.failf("sign in: %v", err)
	}
	p.created(b, out, c.name)
}

// created takes a new session into the model.
func (p *property) created(b int, out account.Outcome, name string) {
	if out.Cookie == nil || p.models[out.Session.ID] != nil || p.store.writes[out.Session.ID] != 1 {
		p.failf("sign in: got %+v after %v, want one new session with a cookie", out, p.store.writes)
	}
	now := time.Now()
	p.models[out.Session.ID] = &model{
		members: []member{{name, account.StatusActive, now.Add(limits.Lifetime)}}, everHeld: []string{name},
		current: name, primary: name, version: out.Session.Created.UnixMilli(), generation: 1, secret: out.Cookie.Secret,
		deadline: now.Add(limits.Lifetime), idle: now.Add(limits.Idle),
	}
	p.give(b, out.Cookie)
}

func (p *property) give(b int, c *account.Cookie) {
	for _, old := range p.cookies {
		if old.Secret == c.Secret {
			p.failf("a secret was given out twice")
		}
	}
	p.browsers[b] = c
	p.cookies = append(p.cookies, *c)
}

// carryOut does what a request asks for. What a slow one found may be long past.
func (p *property) carryOut(b int, m *account.Manager, c command, r request, slow bool) {
	p.touched = r.cookie.ID
	x, now := p.models[r.cookie.ID], time.Now()
	authority := x.authority(r.cookie.Secret, now)
	var out account.Outcome
	var err error
	switch c.kind {
	case "touch":
		p.touch(m, x, r, now)
		return
	case "sign out all":
		if out, err = m.SignOutAll(p.t.Context(), r.session); err != nil || (out.Effect.Action != "") != x.live(now) {
			p.failf("sign out all: got %q, %v of a session that is live: %t", out.Effect.Action, err, x.live(now))
		}
		x.ended = x.ended || x.live(now)
		return
	case "sign in":
		proof := account.Proof{Account: c.name, Method: "password", Intent: c.said()}
		out, err = m.SignInWith(p.t.Context(), r.session, &r.cookie, proof)
		if authority != nil && x.live(now) {
			authority = account.ErrStaleSecret // however long ago: it was good when the request began
		}
	default:
		out, err = m.Change(p.t.Context(), r.session, r.cookie, p.transition(m, c))
	}
	_, _, expected := x.apply(c, now)
	switch {
	case out.Effect.Action == "session.created":
		if x.live(now) {
			p.failf("a session was left behind for a new one")
		}
		p.created(b, out, c.name)
	case out.Effect.Action == "session.replaced":
		if authority != nil || !errors.Is(expected, errReplaced) {
			p.failf("the session was replaced though the model says %v, %v", authority, expected)
		}
		x.ended = true
		p.created(b, out, c.name)
	case slow && out.Effect == (account.Effect{}):
		p.refused(out, err, nil) // decided by what the request had found: fine, as long as nothing came of it
	case authority != nil:
		p.refused(out, err, authority)
	default:
		p.compare(x, c, now, out, err)
		if out.Cookie != nil {
			p.give(b, out.Cookie)
		}
	}
}

// touch moves the idle deadline, and never brings a session back.
func (p *property) touch(m *account.Manager, x *model, r request, now time.Time) {
	err := m.Touch(p.t.Context(), r.session)
	switch live := x.live(now); {
	case live != (err == nil):
		p.failf("touch: got %v of a session that is live: %t", err, live)
	case live:
		if idle := now.Add(min(limits.Idle, r.session.Deadline.Sub(now))); idle.After(x.idle) {
			x.idle = idle
		}
	}
}

// transition turns a command into what the manager applies.
func (p *property) transition(m *account.Manager, c command) account.Transition {
	return func(s *account.Session, now time.Time) (account.Effect, error) {
		var id string
		if l := s.Find(c.name); l != nil {
			id = l.Membership
		}
		switch c.kind {
		case "begin":
			return beginning(m)(s, now)
		case "cancel":
			return cancelling(s, now)
		case "switch":
			return switching(m, c.name)(s, now)
		case "sign out", "destroy":
			return signingOut(c.name, c.next)(s, now)
		case "end":
			return ending(s, now)
		case "activate":
			return s.Activate(id, now, limits.MaxLinked)
		case "deactivate":
			return s.Deactivate(id)
		case "revoke":
			return s.Revoke(id)
		case "retire":
			return s.Retire(id)
		}
		panic("no such command: " + c.kind)
	}
}

// refused expects an error, if one is named, and that nothing came of it.
func (p *property) refused(out account.Outcome, err, want error) {
	p.t.Helper()
	var unavailable *account.UnavailableError
	if want != nil && !errors.Is(err, want) || errors.As(err, &unavailable) {
		p.failf("got %+v, %v, want %v", out.Effect, err, want)
	}
	for id := range p.store.writes {
		if p.models[id] != nil {
			p.failf("a command without effect wrote to a session: %+v, %v", out, err)
		}
	}
	if out.Cookie != nil {
		p.failf("a command without effect gave a cookie: %+v, %v", out, err)
	}
}

// compare holds what came of a command against the model, and lets the model follow.
func (p *property) compare(x *model, c command, now time.Time, out account.Outcome, err error) {
	p.t.Helper()
	next, e, want := x.apply(c, now)
	if want != nil || e.action == "" {
		if want == nil && err != nil {
			p.failf("got %v, want no error", err)
		}
		p.refused(out, err, want)
		return
	}
	if err != nil || out.Effect.Action != e.action {
		p.failf("got %q, %v, want %q", out.Effect.Action, err, e.action)
	}
	if (out.Cookie != nil) != (e.rotates && !next.ended) {
		p.failf("%s: new cookie: %t, want %t", e.action, out.Cookie != nil, e.rotates)
	}
	if e.visible {
		next.version++
	}
	if out.Cookie != nil {
		next.generation++
		next.former, next.secret, next.graceEnds = next.secret, out.Cookie.Secret, now.Add(limits.Grace)
	}
	if c.kind == "begin" {
		next.nonce = out.Session.Intent.Nonce
		if slices.Contains(p.nonces, next.nonce) || next.nonce == "" {
			p.failf("nonce %q is not new", next.nonce)
		}
		p.nonces = append(p.nonces, next.nonce)
	}
	next.idle = now.Add(min(limits.Idle, next.deadline.Sub(now)))
	*x = next
}

// check holds the store against the models: the session of the last event, or all.
func (p *property) check(all bool) {
	p.t.Helper()
	now := time.Now()
	for id, x := range p.models {
		if !all && id != p.touched {
			continue
		}
		s, err := p.nodes[p.rng.IntN(2)].LoadByID(p.t.Context(), id)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			p.failf("load: %v", err)
		}
		if got, want := picture(s, now), x.picture(now); got != want {
			p.failf("accounts: got %q, want %q", got, want)
		}
		if s == nil {
			x.ended = true // and never comes back
			continue
		}
		if s.Version != x.version || s.Generation != x.generation {
			p.failf("version %d, generation %d, want %d, %d", s.Version, s.Generation, x.version, x.generation)
		}
		if off := s.Deadline.Sub(x.deadline).Abs(); off > time.Second {
			p.failf("absolute deadline: got %v, want %v", s.Deadline, x.deadline)
		}
		if (s.Intent != nil) == x.intent.IsZero() || s.Intent != nil && s.Intent.By != s.Current {
			p.failf("intent: got %+v, want one: %t", s.Intent, !x.intent.IsZero())
		}
		if s.Current != "" && s.CurrentAccount() == nil || s.PrimaryAccount() == nil || len(s.Active(now)) > limits.MaxLinked {
			p.failf("current %q, primary %q, %d linked", s.Current, s.Primary, len(s.Active(now)))
		}
		for _, l := range s.Accounts {
			if !slices.Contains(x.everHeld, l.Account) {
				p.failf("%s never authenticated in this session", l.Account)
			}
		}
	}
	var commits int
	for id, n := range p.store.writes {
		commits += n
		if _, err := p.store.Load(p.t.Context(), id); p.models[id] == nil && !errors.Is(err, account.ErrNotFound) {
			p.failf("a session that no browser was given is left: %v", err)
		}
	}
	if told := len(p.heard); told != commits {
		p.failf("%d changes were told of %d commits: %+v", told, commits, p.heard)
	}
}
