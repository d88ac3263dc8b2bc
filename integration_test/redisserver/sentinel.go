package redisserver

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Sentinel is a primary with two replicas, and three sentinels that watch over them.
type Sentinel struct {
	Servers   []*Server // the first one is the primary at the start
	Sentinels []*Server

	t testing.TB
}

// sentinelName is what the sentinels call the primary.
const sentinelName = "main"

// StartSentinel starts them. A primary that is gone is replaced after one to three seconds.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{t: t}
	primary := newServer(t, "--repl-diskless-sync-delay", "0")
	_, port, _ := net.SplitHostPort(primary.Addr)
	primary.Restart()
	s.Servers = append(s.Servers, primary)
	for range 2 {
		replica := newServer(t, "--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", port)
		replica.Restart()
		s.Servers = append(s.Servers, replica)
	}
	primary.awaitReplicas(2)
	for range 3 {
		sentinel := newServer(t)
		sentinel.startSentinel(port)
		s.Sentinels = append(s.Sentinels, sentinel)
	}
	for _, sentinel := range s.Sentinels {
		await(t, "the sentinels know each other and both replicas", func() error {
			state, err := sentinel.watched()
			if err == nil && (state["num-other-sentinels"] != "2" || state["num-slaves"] != "2") {
				err = fmt.Errorf("the sentinel at %s knows %v", sentinel.Addr, state)
			}
			return err
		})
	}
	return s
}

// startSentinel starts the server as a sentinel. It writes down in its file what it learns.
func (s *Server) startSentinel(primaryPort string) {
	s.t.Helper()
	dir := s.t.TempDir()
	config := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nloglevel warning\nsentinel monitor %s 127.0.0.1 %s 2\n"+
		"sentinel down-after-milliseconds %[3]s 800\nsentinel failover-timeout %[3]s 3000\n", s.port(), dir, sentinelName, primaryPort)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.start(config, "--sentinel")
}

// watched returns what a sentinel knows about the primary.
func (s *Server) watched() (map[string]string, error) {
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: s.Addr})
	defer sentinel.Close()
	return sentinel.Master(s.t.Context(), sentinelName).Result()
}

// URL returns the addresses of the sentinels as redisstore.FailoverOptions reads them.
func (s *Sentinel) URL() string {
	return "redis://" + s.Sentinels[0].Addr + "/0?" +
		url.Values{"master_name": {sentinelName}, "addr": Addrs(s.Sentinels[1:])}.Encode()
}

// Primary returns the server that most sentinels take for the primary, and that says so itself.
func (s *Sentinel) Primary() (primary *Server) {
	s.t.Helper()
	await(s.t, "there is a primary", func() error {
		votes := map[string]int{}
		for _, sentinel := range s.Sentinels {
			if state, err := sentinel.watched(); err == nil {
				votes[net.JoinHostPort(state["ip"], state["port"])]++
			}
		}
		for _, server := range s.Servers {
			if server.cmd == nil || votes[server.Addr] < 2 {
				continue
			}
			if fields, err := server.info("replication"); err == nil && fields["role"] == "master" {
				primary = server
				return nil
			}
		}
		return errors.New("none that two sentinels agree on")
	})
	return primary
}
