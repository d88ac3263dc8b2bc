package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis of this run alone, with nothing on disk.
type redisServer struct {
	addr string
	cmd  *exec.Cmd
	dir  string
}

func startRedis(ctx context.Context) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is not installed; `make setup` installs it: %w", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	dir, err := os.MkdirTemp("", "bench-redis-")
	if err != nil {
		return nil, err
	}
	s := &redisServer{addr: net.JoinHostPort("127.0.0.1", port), dir: dir}
	s.cmd = exec.CommandContext(ctx, path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
		"--dir", dir, "--loglevel", "warning")
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	rdb := redis.NewClient(&redis.Options{Addr: s.addr})
	defer rdb.Close()
	for range 200 {
		if err = rdb.Ping(ctx).Err(); err == nil {
			return s, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("redis-server does not answer: %w", err)
}

func (s *redisServer) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // reports the kill
	os.RemoveAll(s.dir)
}

func (b *bench) redisVersion() (string, error) {
	info, err := b.rdb.Info(b.ctx, "server").Result()
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(info, "redis_version:")
	version, _, _ := strings.Cut(after, "\r\n")
	return version, nil
}

// calls returns how often each command was executed since the counters were reset, those inside of scripts too.
func (b *bench) calls() (map[string]int, error) {
	info, err := b.rdb.Info(b.ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	calls := map[string]int{}
	for line := range strings.Lines(info) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !ok {
			continue
		}
		count, _, _ := strings.Cut(rest, ",")
		if calls[name], err = strconv.Atoi(count); err != nil {
			return nil, fmt.Errorf("commandstats: %w", err)
		}
	}
	return calls, nil
}

// wire speaks to Redis without a client library: the floor of a floor.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
}

func dialRedis(addr string) (*wire, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &wire{conn, bufio.NewReader(conn)}, nil
}

// skip reads lines without looking at them.
func (w *wire) skip(lines int) error {
	for range lines {
		if _, err := w.r.ReadSlice('\n'); err != nil {
			return err
		}
	}
	return nil
}

// message reads the text of the next message of a subscription.
func (w *wire) message() (string, error) {
	if err := w.skip(linesOfMessage - 1); err != nil {
		return "", err
	}
	text, err := w.r.ReadString('\n')
	return strings.TrimSpace(text), err
}

// Lines of the answers that the null hub meets: each is an array of three, with texts of one line.
const (
	linesOfSubscribed = 6 // *3 $9 subscribe $n channel :1
	linesOfMessage    = 7 // *3 $7 message $n channel $n text
	linesOfPublished  = 1 // :1
)
