package stores_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// SE-14: somebody is signed in ten thousand times and is signed out everywhere, while another node serves somebody else.
func TestTenThousandSessionsAreRevokedBesideOthers(t *testing.T) {
	const many = 10_000
	server := redisserver.Start(t)
	node := func() *account.Manager {
		return account.NewManager(redisstore.New(client(t, options(t, server.Addr)), quiet), account.Options{Timeout: 2 * time.Second})
	}
	one, other := node(), node()
	person := account.NewCookie().ID.String()
	var signing sync.WaitGroup
	for worker := range 8 {
		signing.Go(func() {
			for range many / 8 {
				if _, err := one.SignIn(t.Context(), nil, nil, person, "password"); err != nil {
					t.Errorf("worker %d: %v", worker, err)
					return
				}
			}
		})
	}
	signing.Wait()
	bystander, err := other.SignIn(t.Context(), nil, nil, "somebody else", "password")
	if err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	var served atomic.Int64
	var slowest time.Duration
	var serving sync.WaitGroup
	serving.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			if _, err := other.Load(t.Context(), *bystander.Cookie); err != nil {
				t.Errorf("the other node: %v", err)
				return
			}
			slowest = max(slowest, time.Since(start))
			served.Add(1)
		}
	})
	start := time.Now()
	var told int
	n, err := one.RevokeEverywhere(t.Context(), person, func(account.Outcome) { told++ })
	took := time.Since(start)
	stop()
	serving.Wait()
	t.Logf("%d sessions in %v; meanwhile %d requests of somebody else, the slowest took %v", n, took, served.Load(), slowest)
	if n != many || told != many || err != nil {
		t.Errorf("got %d revoked, %d told, %v", n, told, err)
	}
	if served.Load() < 100 {
		t.Errorf("only %d requests of somebody else were served", served.Load())
	}
	for s, err := range other.EachSession(t.Context(), person) {
		t.Fatalf("session %v is left, %v", s, err)
	}
}

// delayed is a store whose next save comes late, as if the process had been busy.
type delayed struct {
	account.Store
	account.Index
	account.BatchLoader
	arrived, goOn chan struct{}
}

func (d *delayed) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	select {
	case d.arrived <- struct{}{}:
		<-d.goOn
	default:
	}
	return d.Store.Save(ctx, s, ttl)
}

// A sign-in on one node, saved after another node has looked at all sessions of the account.
func TestASignInOnAnotherNodeDoesNotEscapeARevocation(t *testing.T) {
	server := redisserver.Start(t)
	store := redisstore.New(client(t, options(t, server.Addr)), quiet)
	late := &delayed{Store: store, Index: store, BatchLoader: store, arrived: make(chan struct{}, 1), goOn: make(chan struct{})}
	one := account.NewManager(late, account.Options{Timeout: 2 * time.Second})
	looked := make(chan struct{}, 10)
	other := account.NewManager(looking{redisstore.New(client(t, options(t, server.Addr)), quiet), looked}, account.Options{Timeout: 2 * time.Second})
	person := account.NewCookie().ID.String()
	signedIn := make(chan account.Outcome, 1)
	go func() {
		out, err := one.SignIn(t.Context(), nil, nil, person, "password")
		if err != nil {
			t.Errorf("sign in: %v", err)
		}
		signedIn <- out
	}()
	for len(late.arrived) == 0 { // it is in the index, and not saved
		time.Sleep(time.Millisecond)
	}
	revoked := make(chan int, 1)
	go func() {
		n, err := other.RevokeEverywhere(t.Context(), person, func(account.Outcome) {})
		if err != nil {
			t.Errorf("revoke: %v", err)
		}
		revoked <- n
	}()
	<-looked // for the first time
	close(late.goOn)
	out := <-signedIn
	if n := <-revoked; n != 1 {
		t.Errorf("got %d, want 1", n)
	}
	if out.Cookie != nil {
		if s, err := one.Load(t.Context(), *out.Cookie); err == nil {
			t.Errorf("the session lives on: %+v", s)
		}
	}
}

// looking tells when the sessions of an account were looked at.
type looking struct {
	*redisstore.Store
	looked chan struct{}
}

func (l looking) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	sessions, err := l.Store.LoadMany(ctx, ids)
	l.looked <- struct{}{}
	return sessions, err
}
