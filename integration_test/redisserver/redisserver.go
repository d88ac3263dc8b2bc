// Package redisserver starts real Redis servers for tests: on free ports of the loopback, without anything on disk, and
// stopped by process id when the test ends. It never skips a test: where redis-server is missing, the test fails and says
// what to install.
package redisserver

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is one running redis-server.
type Server struct {
	Addr string // host:port
	t    testing.TB
	dir  string // of the data; "" for none that outlive the process
	args []string
	tls  *tls.Config // of a client; nil: plain
	cmd  *exec.Cmd
}

// newServer returns a server on a free port that was not started yet and is stopped when the test ends.
func newServer(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))), t: t, args: args}
	t.Cleanup(s.Stop)
	return s
}

// Start starts a server on a free port.
func Start(t testing.TB) *Server {
	t.Helper()
	s := newServer(t)
	s.Restart()
	return s
}

// StartDurable is [Start] for a server that loses nothing it has acknowledged, also when it is killed and started again.
func StartDurable(t testing.TB) *Server {
	t.Helper()
	s := newServer(t, "--appendonly", "yes", "--appendfsync", "always")
	s.dir = t.TempDir()
	s.Restart()
	return s
}

// URL returns the address as redis://host:port/0.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Restart starts the server again on the same port, empty.
func (s *Server) Restart() {
	s.t.Helper()
	// What a server is told twice holds as it was told last.
	s.start(append([]string{"--bind", "127.0.0.1", "--port", s.port(), "--save", "", "--appendonly", "no",
		"--dir", cmp.Or(s.dir, s.t.TempDir()), "--loglevel", "warning"}, s.args...)...)
}

func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// start starts the process and waits until it answers.
func (s *Server) start(args ...string) {
	s.t.Helper()
	s.cmd = exec.Command(find(s.t, "redis-server"), args...)
	s.cmd.Stdout, s.cmd.Stderr = s.t.Output(), s.t.Output()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	rdb := s.client()
	defer rdb.Close()
	await(s.t, "redis-server answers on "+s.Addr, func() error { return rdb.Ping(s.t.Context()).Err() })
}

// client returns a client of this very server. Whoever asks closes it.
func (s *Server) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr, TLSConfig: s.tls})
}

// info returns what a server says about itself, by name.
func (s *Server) info(section string) (map[string]string, error) {
	rdb := s.client()
	defer rdb.Close()
	text, err := rdb.Info(s.t.Context(), section).Result()
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, err
}

// awaitReplicas waits until a server has so many replicas that hold all that it holds.
func (s *Server) awaitReplicas(n int) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("%s has %d replicas", s.Addr, n), func() error {
		fields, err := s.info("replication")
		for i := range n {
			if err == nil && !strings.Contains(fields[fmt.Sprint("slave", i)], "state=online") {
				err = fmt.Errorf("replication: %v", fields)
			}
		}
		return err
	})
}

// Stop kills the server and waits until it is gone. Stopping it twice does nothing.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // reports the kill
	s.cmd = nil
}

// Hang stops the server from answering while its connections stay open, until Resume.
func (s *Server) Hang() { s.signal(syscall.SIGSTOP) }

// Resume ends a Hang.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("signal redis-server: %v", err)
	}
}

// Addrs returns the addresses of servers.
func Addrs(servers []*Server) []string {
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

// find looks a program up.
func find(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not installed, and this test needs a real Redis (7.0 or later).\n"+
			"Debian, Ubuntu: apt-get install redis-server   Fedora: dnf install redis   macOS: brew install redis", program)
	}
	return path
}

// freePort returns a port on which nothing listens.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// await tries until it works, for half a minute.
func await(t testing.TB, what string, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("still not after 30 seconds: %s: %v", what, err)
}
