package liveload_test

import (
	"context"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// kept is a real Redis that keeps what it has when it is restarted, as the one of a site that people use.
type kept struct {
	t    testing.TB
	addr string
	dir  string
	cmd  *exec.Cmd
}

// startRedis starts one on a free port. It ends with the test.
func startRedis(t testing.TB) *kept {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	k := &kept{t: t, addr: l.Addr().String(), dir: t.TempDir()}
	k.start()
	t.Cleanup(k.stop)
	return k
}

func (k *kept) url() string { return "redis://" + k.addr + "/0" }

func (k *kept) client() *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: k.addr})
	k.t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func (k *kept) start() {
	k.t.Helper()
	_, port, _ := net.SplitHostPort(k.addr)
	k.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", k.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning")
	k.cmd.Stdout, k.cmd.Stderr = k.t.Output(), k.t.Output()
	if err := k.cmd.Start(); err != nil {
		k.t.Fatalf("this test needs a real Redis: %v", err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: k.addr})
	defer rdb.Close()
	sitetest.Eventually(k.t, "redis-server answers", func() bool { return rdb.Ping(context.Background()).Err() == nil })
}

// stop ends the server with SIGTERM. Stopping it twice does nothing.
func (k *kept) stop() {
	if k.cmd == nil {
		return
	}
	k.signal(syscall.SIGCONT)
	k.signal(syscall.SIGTERM)
	cut := time.AfterFunc(10*time.Second, func() { _ = k.cmd.Process.Kill() })
	_ = k.cmd.Wait() // reports the signal
	cut.Stop()
	k.cmd = nil
}

// signal is SIGSTOP for a server that hangs, and SIGCONT for its end.
func (k *kept) signal(s syscall.Signal) { _ = k.cmd.Process.Signal(s) }
