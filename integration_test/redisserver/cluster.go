package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// StartCluster starts a cluster of three masters and returns its servers.
func StartCluster(t testing.TB) []*Server { return startCluster(t, 3, 0) }

// StartReplicatedCluster starts a cluster of three masters with a replica each, and returns its servers. A master that is
// gone is replaced after two to four seconds.
func StartReplicatedCluster(t testing.TB) []*Server { return startCluster(t, 6, 1) }

func startCluster(t testing.TB, nodes, replicas int) []*Server {
	t.Helper()
	var servers []*Server
	for range nodes {
		s := newServer(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)),
			"--cluster-node-timeout", "2000", "--enable-debug-command", "local", "--repl-diskless-sync-delay", "0")
		s.Restart()
		servers = append(servers, s)
	}
	create := append([]string{"--cluster", "create"}, Addrs(servers)...)
	cli(t, append(create, "--cluster-replicas", strconv.Itoa(replicas), "--cluster-yes")...)
	for _, s := range servers {
		await(t, "the cluster is ready", func() error { return s.inCluster(nodes) })
	}
	if replicas > 0 {
		for _, s := range masters(t, servers) {
			s.awaitReplicas(replicas)
		}
	}
	return servers
}

// inCluster returns nil when a server knows the whole cluster.
func (s *Server) inCluster(nodes int) error {
	rdb := s.client()
	defer rdb.Close()
	info, err := rdb.ClusterInfo(s.t.Context()).Result()
	if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprint("cluster_known_nodes:", nodes))) {
		err = fmt.Errorf("cluster info: %s", info)
	}
	return err
}

// ClusterURL returns the addresses of a cluster as redisstore.ClusterOptions reads them.
func ClusterURL(servers []*Server) string {
	return "redis://" + servers[0].Addr + "?" + url.Values{"addr": Addrs(servers[1:])}.Encode()
}

// MasterOf returns the server of a cluster that has the slot of a key, as the cluster sees it now.
func MasterOf(t testing.TB, servers []*Server, key string) (master *Server) {
	t.Helper()
	await(t, "the cluster has a master for "+key, func() error {
		for _, s := range servers {
			if s.cmd != nil && s.hasSlotOf(key) {
				master = s
				return nil
			}
		}
		return errors.New("none says so")
	})
	return master
}

// hasSlotOf reports whether a server serves a key by itself.
func (s *Server) hasSlotOf(key string) bool {
	rdb := s.client()
	defer rdb.Close()
	fields, err := s.info("replication")
	return err == nil && fields["role"] == "master" && rdb.Exists(s.t.Context(), key).Err() == nil
}

// masters returns the servers of a cluster that are masters.
func masters(t testing.TB, servers []*Server) (all []*Server) {
	t.Helper()
	for _, s := range servers {
		fields, err := s.info("replication")
		if err != nil {
			t.Fatal(err)
		}
		if fields["role"] == "master" {
			all = append(all, s)
		}
	}
	return all
}

// MoveSlot moves the slot of a key, with the keys in it, to another master of the cluster while everything runs, as
// operators do to spread the load anew. meanwhile is called when the keys have moved and the slot has not.
func MoveSlot(t testing.TB, servers []*Server, key string, to *Server, meanwhile func()) {
	t.Helper()
	from := MasterOf(t, servers, key)
	source, target := from.client(), to.client()
	defer source.Close()
	defer target.Close()
	ctx := t.Context()
	slot, err := source.ClusterKeySlot(ctx, key).Result()
	must(t, err)
	id := func(rdb *redis.Client) string {
		id, err := rdb.Do(ctx, "CLUSTER", "MYID").Text()
		must(t, err)
		return id
	}
	sourceID, targetID := id(source), id(target)
	must(t, target.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", sourceID).Err())
	must(t, source.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", targetID).Err())
	keys, err := source.ClusterGetKeysInSlot(ctx, int(slot), 10_000).Result()
	must(t, err)
	for _, key := range keys {
		must(t, source.Migrate(ctx, "127.0.0.1", to.port(), key, 0, 5*time.Second).Err())
	}
	meanwhile()
	must(t, target.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", targetID).Err())
	for _, s := range servers {
		if s != to && s.cmd != nil {
			rdb := s.client()
			err := rdb.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", targetID).Err()
			_ = rdb.Close()
			if err != nil && !strings.Contains(err.Error(), "only with masters") { // a replica hears of it from its master
				t.Fatal(err)
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cli runs redis-cli.
func cli(t testing.TB, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, find(t, "redis-cli"), args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
