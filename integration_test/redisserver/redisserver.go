// Package redisserver starts real Redis servers for tests: on free ports of the loopback, without anything on disk, and
// stopped by process id when the test ends. It never skips a test: where redis-server is missing, the test fails and says
// what to install.
package redisserver

import (
	"cmp"
	"context"
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
	cmd  *exec.Cmd
}

// Start starts a server on a free port.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))), t: t}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// StartDurable is [Start] for a server that loses nothing it has acknowledged, also when it is killed and started again.
func StartDurable(t testing.TB) *Server {
	t.Helper()
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))), t: t, dir: t.TempDir(),
		args: []string{"--appendonly", "yes", "--appendfsync", "always"}}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// URL returns the address as redis://host:port/0.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Restart starts the server again on the same port, empty.
func (s *Server) Restart() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	args := append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
		"--dir", cmp.Or(s.dir, s.t.TempDir()), "--loglevel", "warning"}, s.args...)
	s.cmd = exec.Command(find(s.t, "redis-server"), args...)
	s.cmd.Stdout, s.cmd.Stderr = s.t.Output(), s.t.Output()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer rdb.Close()
	await(s.t, "redis-server answers on "+s.Addr, func() error { return rdb.Ping(s.t.Context()).Err() })
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

// StartCluster starts a cluster of three masters and returns its servers.
func StartCluster(t testing.TB) []*Server {
	t.Helper()
	var servers []*Server
	create := []string{"--cluster", "create"}
	for range 3 {
		s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))), t: t}
		bus := strconv.Itoa(freePort(t))
		s.args = []string{"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000"}
		s.Restart()
		t.Cleanup(s.Stop)
		servers = append(servers, s)
		create = append(create, s.Addr)
	}
	create = append(create, "--cluster-replicas", "0", "--cluster-yes")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, find(t, "redis-cli"), create...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(create, " "), err, out)
	}
	for _, s := range servers {
		rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
		defer rdb.Close()
		await(t, "the cluster is ready", func() error {
			info, err := rdb.ClusterInfo(t.Context()).Result()
			ready := strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
			if err == nil && !ready {
				err = fmt.Errorf("cluster info: %s", info)
			}
			return err
		})
	}
	return servers
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

// await tries until it works, for ten seconds.
func await(t testing.TB, what string, try func() error) {
	t.Helper()
	var err error
	for range 500 {
		if err = try(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("still not after 10 seconds: %s: %v", what, err)
}
