package faults_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
)

// link is a wire between a node and Redis that a test can break in the ways that wires break.
type link struct {
	listener net.Listener
	target   string
	work     sync.WaitGroup

	mu     sync.Mutex
	state  state
	delay  time.Duration
	lose   string // the answer to the next command with this word gets lost, with the connection
	open   map[net.Conn]bool
	healed chan struct{} // closed when a silent wire carries again
}

type state int

const (
	carries state = iota
	refuses       // new connections are closed at once
	silent        // connections are taken, and nothing comes through
)

// newLink returns a wire to a Redis server. It ends with the test.
func newLink(t *testing.T, server *redisserver.Server) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, target: server.Addr, open: map[net.Conn]bool{}, healed: make(chan struct{})}
	l.work.Go(l.accept)
	t.Cleanup(func() {
		listener.Close()
		l.set(carries)
		l.Cut()
		l.work.Wait()
	})
	return l
}

// URL is where a node finds Redis.
func (l *link) URL() string { return "redis://" + l.listener.Addr().String() + "/0" }

func (l *link) set(s state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == silent && s != silent {
		close(l.healed)
		l.healed = make(chan struct{})
	}
	l.state = s
}

// Heal makes the wire carry again.
func (l *link) Heal() { l.set(carries); l.Delay(0) }

// Silence lets nothing through any more, on old and new connections, without a sign.
func (l *link) Silence() { l.set(silent) }

// Refuse cuts all connections and takes no new ones.
func (l *link) Refuse() { l.set(refuses); l.Cut() }

// Delay makes everything that Redis says late.
func (l *link) Delay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// LoseAnswerTo cuts the connection on which the next command with that word comes, after Redis has executed it.
func (l *link) LoseAnswerTo(word string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = word
}

// Lost reports whether the answer was lost.
func (l *link) Lost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lose == ""
}

// Cut breaks all connections.
func (l *link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		conn.Close()
	}
	clear(l.open)
}

func (l *link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		refused := l.state == refuses
		l.mu.Unlock()
		server, err := net.Dial("tcp", l.target)
		if refused || err != nil {
			client.Close()
			if err == nil {
				server.Close()
			}
			continue
		}
		l.mu.Lock()
		l.open[client], l.open[server] = true, true
		l.mu.Unlock()
		doomed := make(chan struct{}, 1)
		l.work.Go(func() {
			l.carry(server, client, func(data []byte) bool { l.listen(data, doomed); return true })
		})
		l.work.Go(func() {
			l.carry(client, server, func([]byte) bool {
				l.mu.Lock()
				delay := l.delay
				l.mu.Unlock()
				time.Sleep(delay)
				select {
				case <-doomed:
					return false
				default:
					return true
				}
			})
		})
	}
}

// listen looks for the command whose answer has to get lost.
func (l *link) listen(data []byte, doomed chan<- struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose != "" && bytes.Contains(bytes.ToLower(data), []byte(l.lose)) {
		l.lose = ""
		doomed <- struct{}{}
	}
}

// carry copies until one end is closed, or until pass says no.
func (l *link) carry(to io.WriteCloser, from io.ReadCloser, pass func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		l.mu.Lock()
		stuck, healed := l.state == silent, l.healed
		l.mu.Unlock()
		if stuck {
			<-healed
		}
		if !pass(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
