package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// TestOutageChecksFindBrokenStores runs the checks over stores that do one thing wrong while their backend is away.
func TestOutageChecksFindBrokenStores(t *testing.T) {
	const (
		away      = "away: every method returns soon after its context with an error that is no sentinel"
		empty     = "away: nobody is told that there are no sessions"
		back      = "back: every method works again, and what was acknowledged is there"
		whole     = "back: what failed was done wholly or not at all"
		outlives  = "Watch: an outage does not end it, Resync says that it is over, and then it hears again"
		endsWhile = "Watch: it returns the context's error when the context ends during an outage"
	)
	for name, tt := range map[string]struct {
		breakIt func(*remote) account.Store
		want    []string // the checks that fail
	}{
		"nothing is broken":             {func(r *remote) account.Store { return r }, nil},
		"away looks like no session":    {func(r *remote) account.Store { return awayIsMissing{r} }, []string{away, whole}},
		"a call waits for the backend":  {func(r *remote) account.Store { return waits{r} }, []string{away}},
		"a save that failed is counted": {func(r *remote) account.Store { return countsAnyway{r} }, []string{away}},
		"many sessions away are nil":    {func(r *remote) account.Store { return awayIsNil{r} }, []string{empty}},
		"an index that is away is empty": {
			func(r *remote) account.Store { return emptyIndex{r} }, []string{empty}},
		"the first outage is the last": {func(r *remote) account.Store { return &givesUp{remote: r} }, []string{back, whole, outlives}},
		"the blob was written, the rest was not": {
			func(r *remote) account.Store { return &halfWrites{remote: r} }, []string{whole}},
		"a watch ends with its connection": {func(r *remote) account.Store { return watchEndsToo{r} }, []string{outlives, endsWhile}},
		"a watch comes back without a word": {
			func(r *remote) account.Store { return silentWatch{r} }, []string{outlives}},
		"a watch does not come back":        {func(r *remote) account.Store { return onceWatch{r} }, []string{outlives}},
		"a watch cannot end while it dials": {func(r *remote) account.Store { return dialsOn{r} }, []string{endsWhile}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := failing(t, len(outageChecks), func(i int) (string, func(testing.TB)) {
				return outageChecks[i].sentence, func(rec testing.TB) {
					r := &remote{MemoryStore: account.NewMemoryStore(), up: make(chan struct{}), down: make(chan struct{})}
					close(r.up)
					outageChecks[i].run(rec, Outage{Store: tt.breakIt(r), Cut: r.cut, Mend: r.mend})
				}
			}, tt.want...)
			if !slices.Equal(failed, tt.want) {
				t.Errorf("failing checks: %q, want %q", failed, tt.want)
			}
		})
	}
}

var errAway = errors.New("connection refused")

// remote is a store with a backend that can be away, and does everything right.
type remote struct {
	*account.MemoryStore
	mu   sync.Mutex
	up   chan struct{} // closed while the backend is there
	down chan struct{} // closed while it is away
}

func (r *remote) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up = make(chan struct{})
	close(r.down)
}

func (r *remote) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = make(chan struct{})
	close(r.up)
}

// gates returns the channels that are closed while the backend is there, and while it is away.
func (r *remote) gates() (up, down <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up, r.down
}

func (r *remote) away() error {
	select {
	case <-r.upNow():
		return nil
	default:
		return errAway
	}
}

func (r *remote) upNow() <-chan struct{} { up, _ := r.gates(); return up }

func (r *remote) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if err := r.away(); err != nil {
		return nil, err
	}
	return r.MemoryStore.Load(ctx, id)
}

func (r *remote) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if err := r.away(); err != nil {
		return err
	}
	return r.MemoryStore.Save(ctx, s, ttl)
}

func (r *remote) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	if err := r.away(); err != nil {
		return err
	}
	return r.MemoryStore.Delete(ctx, id, why)
}

func (r *remote) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	if err := r.away(); err != nil {
		return err
	}
	return r.MemoryStore.Touch(ctx, id, seen, ttl)
}

func (r *remote) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	if err := r.away(); err != nil {
		return nil, err
	}
	return r.MemoryStore.LoadMany(ctx, ids)
}

func (r *remote) Enlist(ctx context.Context, accountID string, id account.SessionID, until time.Time) error {
	if err := r.away(); err != nil {
		return err
	}
	return r.MemoryStore.Enlist(ctx, accountID, id, until)
}

func (r *remote) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	if err := r.away(); err != nil {
		return nil, err
	}
	return r.MemoryStore.SessionsOf(ctx, accountID)
}

// connect runs one Watch for as long as the connection lasts.
func (r *remote) connect(ctx context.Context, fn func(account.Change)) error {
	up, down := r.gates()
	select {
	case <-up:
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-down:
			cancel()
		case <-ctx.Done():
		}
	}()
	return r.MemoryStore.Watch(ctx, fn)
}

func (r *remote) Watch(ctx context.Context, fn func(account.Change)) error {
	for ctx.Err() == nil {
		_ = r.connect(ctx, fn)
	}
	return ctx.Err()
}

type awayIsMissing struct{ *remote }

func (b awayIsMissing) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.remote.Load(ctx, id)
	if errors.Is(err, errAway) {
		return nil, account.ErrNotFound
	}
	return s, err
}

type waits struct{ *remote }

func (b waits) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	if b.away() != nil {
		time.Sleep(answer + slack + time.Second)
	}
	return b.remote.Touch(ctx, id, seen, ttl)
}

type countsAnyway struct{ *remote }

func (b countsAnyway) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	err := b.remote.Save(ctx, s, ttl)
	if errors.Is(err, errAway) {
		s.Revision++
	}
	return err
}

type awayIsNil struct{ *remote }

func (b awayIsNil) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	sessions, err := b.remote.LoadMany(ctx, ids)
	if errors.Is(err, errAway) {
		return make([]*account.Session, len(ids)), nil
	}
	return sessions, err
}

type emptyIndex struct{ *remote }

func (b emptyIndex) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	ids, err := b.remote.SessionsOf(ctx, accountID)
	if errors.Is(err, errAway) {
		return nil, nil
	}
	return ids, err
}

// givesUp never tries again once it has found the backend away.
type givesUp struct {
	*remote
	mu   sync.Mutex
	gone bool
}

func (b *givesUp) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	b.mu.Lock()
	b.gone = b.gone || b.away() != nil
	gone := b.gone
	b.mu.Unlock()
	if gone {
		return nil, errAway
	}
	return b.remote.Load(ctx, id)
}

// halfWrites loses the tag of what it was writing when the backend went away.
type halfWrites struct {
	*remote
	mu   sync.Mutex
	torn map[account.SessionID]string // device of a write that did not go through
}

func (b *halfWrites) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	err := b.remote.Save(ctx, s, ttl)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.torn == nil {
		b.torn = map[account.SessionID]string{}
	}
	if errors.Is(err, errAway) {
		b.torn[s.ID] = s.Device
	} else if err == nil {
		delete(b.torn, s.ID)
	}
	return err
}

func (b *halfWrites) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.remote.Load(ctx, id)
	b.mu.Lock()
	defer b.mu.Unlock()
	if device, ok := b.torn[id]; ok && err == nil && s.Revision > 1 {
		s.Device = device
	}
	return s, err
}

type watchEndsToo struct{ *remote }

func (b watchEndsToo) Watch(ctx context.Context, fn func(account.Change)) error {
	_ = b.connect(ctx, fn)
	return errAway
}

type silentWatch struct{ *remote }

func (b silentWatch) Watch(ctx context.Context, fn func(account.Change)) error {
	said := false
	return b.remote.Watch(ctx, func(c account.Change) {
		if !c.Resync || !said {
			fn(c)
		}
		said = true
	})
}

type onceWatch struct{ *remote }

func (b onceWatch) Watch(ctx context.Context, fn func(account.Change)) error {
	_ = b.connect(ctx, fn)
	<-ctx.Done()
	return ctx.Err()
}

type dialsOn struct{ *remote }

func (b dialsOn) Watch(ctx context.Context, fn func(account.Change)) error {
	for ctx.Err() == nil {
		_ = b.connect(ctx, fn)
		if b.away() != nil {
			time.Sleep(slack + time.Second)
		}
	}
	return ctx.Err()
}
