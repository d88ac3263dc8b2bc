package failover_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

const (
	browsers = 250 // with two tabs each, one on each node
	rate     = 200 // switches a second
)

// lag is for how long before its death a primary may have acknowledged what its replicas do not have: replication is
// asynchronous. On the loopback it is a few milliseconds; a busy machine may stop a replica for longer.
const lag = 2 * time.Second

// TestThePrimaryDiesUnderLoad: nothing that was acknowledged is lost but what Redis had not replicated, nothing is answered
// with another 5xx than 503, and every tab shows what the record says soon after the fail-over.
func TestThePrimaryDiesUnderLoad(t *testing.T) {
	for name, setup := range map[string]func(*testing.T) (url string, kill func(), opts []redisstore.Option){
		"Sentinel": func(t *testing.T) (string, func(), []redisstore.Option) {
			sentinel := redisserver.StartSentinel(t)
			return sentinel.URL(), func() { sentinel.Primary().Stop() }, nil
		},
		"cluster": func(t *testing.T) (string, func(), []redisstore.Option) {
			servers := redisserver.StartReplicatedCluster(t)
			return redisserver.ClusterURL(servers), func() { redisserver.MasterOf(t, servers, "accounts:{p00}:s:").Stop() }, nil
		},
		"cluster with sharded channels": func(t *testing.T) (string, func(), []redisstore.Option) {
			servers := redisserver.StartReplicatedCluster(t)
			return redisserver.ClusterURL(servers), func() { redisserver.MasterOf(t, servers, "accounts:{p00}:s:").Stop() },
				[]redisstore.Option{redisstore.WithShardedChannels(true)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, kill, opts := setup(t)
			r := newRun(t, url, opts)
			r.load(time.Second)
			for _, b := range r.people { // all of them switched, more or less
				if b.doubtful {
					t.Fatal("a switch failed while all was well")
				}
			}
			kill()
			killed := time.Now()
			recovered := r.loadUntilRecovered()
			t.Logf("killed; every session can be saved again after %v", recovered.Sub(killed))
			r.await(killed, recovered)
			r.report(killed, recovered)
		})
	}
}

// run is a site with people.
type run struct {
	t      *testing.T
	nodes  []*node
	truth  *redisstore.Store // on a client of its own
	people []*browser
	tabs   []*tab

	mu       sync.Mutex
	statuses map[string]int
	work     sync.WaitGroup
}

func newRun(t *testing.T, url string, opts []redisstore.Option) *run {
	t.Helper()
	r := &run{t: t, statuses: map[string]int{}, nodes: []*node{startNode(t, url, opts...), startNode(t, url, opts...)}}
	rdb, err := redisstore.NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	r.truth = redisstore.New(rdb, redisstore.WithLogger(quiet))
	m := account.NewManager(r.truth, account.Options{Timeout: 5 * time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	t.Cleanup(func() { cancel(); following.Wait() })
	for i := range browsers {
		b := signIn(t, m, i)
		r.people = append(r.people, b)
		for _, n := range r.nodes {
			p := &tab{b: b, n: n, version: b.session.Version}
			r.tabs = append(r.tabs, p)
			following.Go(func() { p.follow(ctx) })
		}
	}
	r.eventually("all tabs are open", func() error { return r.disagreement(time.Now()) })
	return r
}

// load sends switches and page views at the rate for a while.
func (r *run) load(d time.Duration) {
	ticks := time.NewTicker(time.Second / rate)
	defer ticks.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-ticks.C {
		r.one()
	}
}

// one lets somebody switch who is not doing it already, on either node, and somebody look at a page.
func (r *run) one() {
	for range 10 {
		b := r.people[rand.IntN(len(r.people))]
		b.mu.Lock()
		free := !b.busy
		b.busy = true
		b.mu.Unlock()
		if !free {
			continue
		}
		r.work.Go(func() {
			r.count("switch", b.switchOver(r.nodes[rand.IntN(2)]))
			status, _ := b.request(http.MethodGet, "http://"+r.nodes[rand.IntN(2)].addr+"/who")
			r.count("page", status)
			b.mu.Lock()
			b.busy = false
			b.mu.Unlock()
		})
		return
	}
}

func (r *run) count(what string, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses[fmt.Sprint(what, " ", status)]++
}

// loadUntilRecovered goes on with the load until Redis takes changes of every session again, and returns when that was.
// Then it lets what is under way come to an end.
func (r *run) loadUntilRecovered() time.Time {
	r.t.Helper()
	ctx, recovered := context.WithCancel(context.Background())
	var at time.Time
	r.work.Go(func() {
		defer recovered()
		for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if r.takesChanges() {
				at = time.Now()
				return
			}
		}
		r.t.Error("not recovered after 40 seconds")
	})
	for ctx.Err() == nil {
		r.load(50 * time.Millisecond)
	}
	r.work.Wait()
	return at
}

// takesChanges reports whether one session of each partition can be written. Touch writes and tells nobody.
func (r *run) takesChanges() bool {
	seen := map[byte]bool{}
	for _, b := range r.people {
		partition := b.id[0] % 64
		if seen[partition] {
			continue
		}
		seen[partition] = true
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		err := r.truth.Touch(ctx, b.id, time.Now(), time.Hour)
		cancel()
		if err != nil {
			return false
		}
	}
	return true
}

// await waits until every tab shows what its record says.
func (r *run) await(killed, recovered time.Time) {
	r.t.Helper()
	r.eventually("every tab shows what the record says", func() error { return r.disagreement(killed) })
	r.t.Logf("all %d tabs agree with the records %v after the recovery", len(r.tabs), time.Since(recovered))
}

// disagreement returns nil when every tab shows what its record says.
func (r *run) disagreement(since time.Time) error {
	records, err := r.records()
	if err != nil {
		return err
	}
	wrong := 0
	for i, p := range r.tabs {
		if problem := p.agrees(records[i/len(r.nodes)].Version, since); problem != nil {
			err = problem
			wrong++
		}
	}
	if err != nil {
		return fmt.Errorf("%d tabs, such as: %w", wrong, err)
	}
	return nil
}

func (r *run) records() ([]*account.Session, error) {
	ids := make([]account.SessionID, len(r.people))
	for i, b := range r.people {
		ids[i] = b.id
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	records, err := r.truth.LoadMany(ctx, ids)
	if err == nil && slices.Contains(records, nil) {
		err = fmt.Errorf("a session is gone")
	}
	return records, err
}

// report looks at the answers and at what was lost.
func (r *run) report(killed, recovered time.Time) {
	r.t.Helper()
	for _, status := range slices.Sorted(maps.Keys(r.statuses)) {
		r.t.Logf("%s: %d", status, r.statuses[status])
		var code int
		if _, err := fmt.Sscanf(status[len(status)-3:], "%d", &code); err == nil && code > 500 && code != http.StatusServiceUnavailable || code == 500 {
			r.t.Errorf("%d answers with %s, want no 5xx but 503", r.statuses[status], status)
		}
	}
	records, err := r.records()
	if err != nil {
		r.t.Fatal(err)
	}
	lost, doubtful := 0, 0
	for i, b := range r.people {
		if b.doubtful {
			doubtful++
		}
		if records[i].Version >= b.acked {
			continue
		}
		lost++
		if before := killed.Sub(b.ackedAt); before > lag || before < 0 {
			r.t.Errorf("a switch is lost that was acknowledged %v before the death of the primary", before)
		}
	}
	r.t.Logf("of %d people, %d got no or a bad answer to some switch; the last acknowledged switch of %d is lost", len(r.people), doubtful, lost)
	if lost > browsers/4 {
		r.t.Errorf("%d people lost a switch", lost)
	}
}

// eventually waits until something is so, for twenty seconds.
func (r *run) eventually(what string, holds func() error) {
	r.t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = holds(); err == nil {
			return
		}
	}
	r.t.Fatalf("still not after 20 seconds: %s: %v", what, err)
}
