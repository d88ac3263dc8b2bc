// Package outage_test attacks two processes of the example while their Redis pauses, dies and comes back.
package outage_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

func TestMain(m *testing.M) { sitetest.Main(m) }

const (
	storm     = time.Minute
	browsers  = 20
	perSecond = 200 // of all browsers together
)

var emails = []string{"alice@example.com", "bob@example.com", "carol@example.com"}

// TestStormOverTwoNodes (cases SE-01, SE-04, SW-09, EV-03, RS-01, RS-02, RS-06): for a minute twenty browsers sign in, add, switch, write and
// sign out on two nodes at random, while Redis is paused, cut off, killed and started again. Whatever was refused on the way:
// no page acts as another account than it was drawn for, nobody who signed out is signed in again, no tab of somebody
// else hears of it, and nothing but 503 tells of the outage.
func TestStormOverTwoNodes(t *testing.T) {
	redis := redisserver.StartDurable(t)
	nodes := []*sitetest.Node{sitetest.Start(t, redis.URL()), sitetest.Start(t, redis.URL())}
	w := &weather{t: t, nodes: nodes}

	idle := make([]*watcher, 4)
	for i := range idle {
		idle[i] = watch(t, nodes, emails[i%len(emails)])
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, watcher := range idle {
		all.Go(func() { watcher.follow(stop) })
	}
	ps := make([]*person, browsers)
	for i := range ps {
		ps[i] = newPerson(w, uint64(i))
		all.Go(func() { ps[i].live(stop) })
	}
	w.rage(redis)
	close(stop)
	all.Wait()

	for _, n := range nodes {
		sitetest.Eventually(t, "the node is ready again", func() bool { return ps[0].v.Get(n, "/readyz").Status == http.StatusOK })
	}
	for _, p := range ps {
		p.buried()
	}
	w.writtenByTheirOwn()
	for _, watcher := range idle {
		watcher.untouched()
	}
	t.Logf("%d events in %v, answers %v", w.events.Load(), storm, w.answers())
	if got := w.events.Load(); got < perSecond*int64(storm/time.Second)/4 {
		t.Errorf("only %d events: this was no storm", got)
	}
	for _, status := range []int{http.StatusSeeOther, http.StatusCreated, http.StatusConflict, http.StatusServiceUnavailable} {
		if w.count(status) == 0 {
			t.Errorf("no answer was %d: the storm misses something", status)
		}
	}
}

// weather is what all browsers share.
type weather struct {
	t      *testing.T
	nodes  []*sitetest.Node
	events atomic.Int64

	mu     sync.Mutex
	status map[int]int
}

// rage lets Redis suffer as long as the storm lasts.
func (w *weather) rage(redis *redisserver.Server) {
	end := time.Now().Add(storm)
	for i := 0; time.Now().Before(end); i++ {
		time.Sleep(5 * time.Second)
		switch i % 3 {
		case 0:
			redis.Hang()
			time.Sleep(2 * time.Second)
			redis.Resume()
		case 1:
			redis.Stop() // kill -9
			time.Sleep(time.Second)
			redis.Restart()
		case 2:
			redis.Hang()
			time.Sleep(100 * time.Millisecond)
			redis.Resume()
		}
	}
}

func (w *weather) note(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == nil {
		w.status = make(map[int]int)
	}
	w.status[status]++
}

func (w *weather) count(status int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status[status]
}

func (w *weather) answers() map[int]int { return w.status }

// writtenByTheirOwn: each note says as whom it was written, and lies with exactly that account.
func (w *weather) writtenByTheirOwn() {
	for _, email := range emails {
		v := sitetest.NewVisitor(w.t)
		v.SignIn(w.nodes[0], email)
		notes := v.Notes(w.nodes[1])
		if len(notes) == 0 {
			w.t.Errorf("%s has written nothing", email)
		}
		for _, text := range notes {
			if !strings.HasSuffix(text, " by "+email) {
				w.t.Errorf("%s has the note %q", email, text)
			}
		}
	}
}

// page is what a tab was drawn for.
type page struct{ stamp, account, email string }

// person is one browser.
type person struct {
	*weather
	v     *sitetest.Visitor
	rnd   *rand.Rand
	pages []page // drawn so far, most of them stale by now

	dead    []string // cookies of sessions that were seen to have ended
	session string   // id of the session, and the newest version that it showed
	version int64
	count   int
}

func newPerson(w *weather, seed uint64) *person {
	return &person{weather: w, v: sitetest.NewVisitor(w.t), rnd: rand.New(rand.NewPCG(seed, 1))}
}

func (p *person) live(stop <-chan struct{}) {
	ticks := time.NewTicker(browsers * time.Second / perSecond)
	defer ticks.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticks.C:
			p.act()
		}
	}
}

func (p *person) node() *sitetest.Node { return p.nodes[p.rnd.IntN(len(p.nodes))] }

func (p *person) email() string { return emails[p.rnd.IntN(len(emails))] }

// act does one thing at random.
func (p *person) act() {
	d, ok := p.look()
	switch roll := p.rnd.IntN(100); {
	case !ok:
	case d.State == "anonymous" || roll < 3:
		p.post("/session", sitetest.Credentials(p.email()))
	case roll < 8:
		if p.post(d.AddPath, url.Values{"_stamp": {d.Stamp}}).Status == http.StatusSeeOther {
			p.post("/session", sitetest.Credentials(p.email()))
		}
	case roll < 40:
		to := d.Accounts[p.rnd.IntN(len(d.Accounts))]
		p.post(to.SwitchPath, url.Values{"_stamp": {d.Stamp}})
	case roll < 43:
		gone := d.Accounts[p.rnd.IntN(len(d.Accounts))]
		p.post("/link/sign_out/"+gone.ID, url.Values{"_stamp": {d.Stamp}})
	case roll < 45:
		cookie := p.v.CookieHeader(p.nodes[0])
		if a := p.post("/link/sign_out", nil); a.Status == http.StatusSeeOther && a.SetsCookie() {
			p.dead = append(p.dead, cookie)
		}
	default:
		p.write()
	}
}

// look draws a page, and holds it against what must be true of every page.
func (p *person) look() (d sitetest.Document, ok bool) {
	n := p.node()
	a := p.answered(p.v.Get(n, "/link/accounts", "Accept", "application/json"))
	if a.Status != http.StatusOK {
		return d, false
	}
	if err := json.Unmarshal([]byte(a.Body), &d); err != nil {
		p.t.Errorf("session document: %v: %s", err, a.Body)
		return d, false
	}
	session, _, _ := strings.Cut(p.v.SessionCookie(n), ".")
	switch same := session != "" && session == p.session; {
	case same && d.State == "anonymous": // it was ended, although the answer to that got lost
		p.dead = append(p.dead, p.v.CookieHeader(n))
	case same && d.V < p.version:
		p.t.Errorf("a session went from version %d back to %d", p.version, d.V)
	}
	p.session, p.version = session, d.V
	if d.State == "anonymous" {
		return d, true
	}
	seen, current := map[string]bool{}, 0
	for _, account := range d.Accounts {
		if seen[account.ID] {
			p.t.Errorf("an account is in the session twice: %s", a.Body)
		}
		seen[account.ID] = true
		if account.Current {
			current++
		}
	}
	if len(d.Accounts) == 0 || len(d.Accounts) > 6 || current > 1 || (current == 1) != (d.Current != nil) {
		p.t.Errorf("impossible session: %s", a.Body)
	}
	if d.Current != nil {
		p.pages = append(p.pages, page{d.Stamp, d.Current.ID, d.CurrentEmail()})
	}
	return d, true
}

// write sends a note from a page that was drawn at some time. It is refused, or it is of the account of that page.
func (p *person) write() {
	if len(p.pages) == 0 {
		return
	}
	from := p.pages[len(p.pages)-1]
	if p.rnd.IntN(3) == 0 {
		from = p.pages[p.rnd.IntN(len(p.pages))]
	}
	p.count++
	form := url.Values{"_stamp": {from.stamp}, "text": {fmt.Sprintf("%d by %s", p.count, from.email)}}
	a := p.post("/notes", form, "Accept", "application/json")
	var made struct{ Account string }
	if a.Status == http.StatusCreated && (json.Unmarshal([]byte(a.Body), &made) != nil || made.Account != from.account) {
		p.t.Errorf("a page of %s has written as %s", from.account, made.Account)
	}
}

func (p *person) post(path string, form url.Values, headers ...string) sitetest.Answer {
	return p.answered(p.v.Post(p.node(), path, form, headers...))
}

func (p *person) answered(a sitetest.Answer) sitetest.Answer {
	p.events.Add(1)
	p.note(a.Status)
	if a.Status >= 500 && a.Status != http.StatusServiceUnavailable {
		p.t.Errorf("answered %d: %.300s", a.Status, a.Body)
	}
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if a.Status == http.StatusServiceUnavailable && c.Name == sitetest.Cookie && c.MaxAge >= 0 { // signing out takes it away
			p.t.Errorf("a 503 brings a cookie: %s", c)
		}
	}
	return a
}

// buried: cookies of sessions that have ended open nothing, on no node.
func (p *person) buried() {
	for i, cookie := range p.dead {
		thief := sitetest.Holding(p.t, cookie)
		n := p.nodes[i%len(p.nodes)]
		if a := thief.Get(n, "/link/accounts", "Accept", "application/json"); !strings.Contains(a.Body, `"anonymous"`) {
			p.t.Errorf("a session that has ended is alive: %d %s", a.Status, a.Body)
		}
		if a := thief.Get(n, "/private"); a.Status != http.StatusSeeOther {
			p.t.Errorf("a session that has ended shows a page: %d", a.Status)
		}
	}
}

// watcher is somebody who does nothing but keep a tab open on each node.
type watcher struct {
	t       *testing.T
	nodes   []*sitetest.Node
	v       *sitetest.Visitor
	email   string
	version int64
	heard   atomic.Int64 // frames
}

func watch(t *testing.T, nodes []*sitetest.Node, email string) *watcher {
	t.Helper()
	w := &watcher{t: t, nodes: nodes, v: sitetest.NewVisitor(t), email: email}
	w.v.SignIn(nodes[0], email)
	w.version = w.v.Document(nodes[0]).V
	return w
}

// follow keeps the tabs open, over all outages.
func (w *watcher) follow(stop <-chan struct{}) {
	var tabs sync.WaitGroup
	for _, n := range w.nodes {
		tabs.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.listen(n, stop)
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	tabs.Wait()
}

// listen reads one tab until it ends. Nothing happens to this session, so nothing but its own hello may come.
func (w *watcher) listen(n *sitetest.Node, stop <-chan struct{}) {
	s, _ := w.v.TryOpen(n, w.version)
	if s == nil {
		return // 503
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-stop:
		case <-ended:
		}
		_ = s.Close()
	}()
	for {
		_, data, err := s.ReadMessage()
		if err != nil {
			return
		}
		w.heard.Add(1)
		var m sitetest.Message
		if json.Unmarshal(data, &m) != nil || m.Type != "hello" || m.V != w.version {
			w.t.Errorf("somebody who did nothing hears %s at version %d", data, w.version)
		}
	}
}

// untouched: who did nothing is as before.
func (w *watcher) untouched() {
	if d := w.v.Document(w.nodes[1]); d.V != w.version || d.CurrentEmail() != w.email {
		w.t.Errorf("somebody who did nothing is %s at version %d, was %s at %d", d.CurrentEmail(), d.V, w.email, w.version)
	}
	if w.heard.Load() < int64(len(w.nodes)) {
		w.t.Errorf("a tab heard %d frames", w.heard.Load())
	}
}
