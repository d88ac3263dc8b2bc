package failover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/account"
)

const cookieName = "accounts-insecure"

// browser is one person with two accounts. Its switches come one after the other; its tabs only look.
type browser struct {
	client *http.Client
	id     account.SessionID
	from   net.Addr // browsers have addresses of their own

	mu       sync.Mutex
	cookie   string
	session  *account.Session // what it was told last
	acked    int64            // the newest version that a switch was acknowledged with
	ackedAt  time.Time
	doubtful bool // a switch may or may not have happened: no answer came, or that nobody knows
	busy     bool // a switch is under way
}

// signIn makes a session of two accounts, as signing in twice does.
func signIn(t *testing.T, m *account.Manager, i int) *browser {
	t.Helper()
	ctx := t.Context()
	out, err := m.SignIn(ctx, nil, nil, fmt.Sprintf("alice-%d", i), "password")
	if err != nil {
		t.Fatal(err)
	}
	cookie := *out.Cookie
	out, err = m.Change(ctx, out.Session, cookie, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.BeginLink("/", now, time.Minute, 2, 3)
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err = m.SignIn(ctx, out.Session, &cookie, fmt.Sprintf("bob-%d", i), "password"); err != nil {
		t.Fatal(err)
	}
	from := &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/250), byte(1+i%250))}
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: from}).DialContext, MaxIdleConnsPerHost: 2}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{
		client: &http.Client{
			Transport: transport, Timeout: 10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		id: out.Session.ID, from: from, cookie: out.Cookie.Value(), session: out.Session, acked: out.Session.Version,
	}
}

func (b *browser) currentCookie() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cookie
}

// request sends one as a page of the site does, and returns the status, 0 when no answer came.
func (b *browser) request(method, url string, header ...string) (status int, cookie string) {
	r, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		return 0, ""
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Cookie", cookieName+"="+b.currentCookie())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := b.client.Do(r)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	for _, c := range answer.Cookies() {
		if c.Name == cookieName {
			cookie = c.Value
		}
	}
	return answer.StatusCode, cookie
}

// switchOver switches to the account that is not current.
func (b *browser) switchOver(n *node) int {
	b.mu.Lock()
	to := b.session.Accounts[0]
	if to.Membership == b.session.Current {
		to = b.session.Accounts[1]
	}
	stamp := b.session.Stamp()
	b.mu.Unlock()
	status, cookie := b.request(http.MethodPost, "http://"+n.addr+"/link/switch_to/"+to.Account, "X-Account-Stamp", stamp)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case status == http.StatusSeeOther && cookie != "":
		b.cookie, b.session.Current = cookie, to.Membership
		b.session.Version++
		b.acked, b.ackedAt = b.session.Version, time.Now()
	case status == 0 || status >= 500:
		b.doubtful = true
	}
	return status
}

// tab is an open tab. It follows as multiaccount.js does, except that it comes back sooner when it was refused.
type tab struct {
	b *browser
	n *node

	mu      sync.Mutex
	version int64     // that it shows
	status  int       // of the last handshake
	told    time.Time // when it heard last
}

// follow runs until ctx ends.
func (p *tab) follow(ctx context.Context) {
	for ctx.Err() == nil {
		conn, status := p.dial(ctx)
		p.mu.Lock()
		p.status = status
		p.mu.Unlock()
		if conn == nil {
			select {
			case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
			case <-ctx.Done():
			}
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		p.read(conn)
		stop()
		_ = conn.Close()
	}
}

func (p *tab) dial(ctx context.Context) (*websocket.Conn, int) {
	p.mu.Lock()
	version := p.version
	p.mu.Unlock()
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, NetDialContext: (&net.Dialer{LocalAddr: p.b.from}).DialContext}
	conn, answer, err := dialer.DialContext(ctx, fmt.Sprintf("ws://%s/link/live?v=%d", p.n.addr, version),
		http.Header{"Origin": {"http://" + p.n.addr}, "Cookie": {cookieName + "=" + p.b.currentCookie()}})
	switch {
	case err == nil:
		return conn, http.StatusSwitchingProtocols
	case answer != nil:
		_ = answer.Body.Close()
		return nil, answer.StatusCode
	}
	return nil, 0
}

// read takes what the tab is told until the socket is closed.
func (p *tab) read(conn *websocket.Conn) {
	for {
		_, data, err := conn.ReadMessage()
		var m struct{ V int64 }
		if err != nil || json.Unmarshal(data, &m) != nil {
			return
		}
		p.mu.Lock()
		p.version, p.told = m.V, time.Now()
		p.mu.Unlock()
	}
}

// agrees returns nil when the tab shows what the record says. The browser of a lost or doubtful switch has a secret that
// the record does not know, so its tabs may also be refused, or be told to look.
func (p *tab) agrees(record int64, since time.Time) error {
	p.b.mu.Lock()
	secretMayBeLost := p.b.doubtful || record < p.b.acked
	p.b.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.version == record && p.status == http.StatusSwitchingProtocols:
	case secretMayBeLost && (p.status == http.StatusUnauthorized || p.told.After(since)):
	default:
		return fmt.Errorf("a tab shows version %d, want %d; last handshake: %d", p.version, record, p.status)
	}
	return nil
}
