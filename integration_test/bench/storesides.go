package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

func (b *bench) memorySide() (*storeSide, error) {
	return &storeSide{
		name:  "memory",
		store: account.NewMemoryStore(),
		close: func() {},
		used: func() (int64, error) {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc), nil
		},
	}, nil
}

func (b *bench) redisSide() (*storeSide, error) {
	opt, err := redisstore.Options("redis://" + b.redis.addr)
	if err != nil {
		return nil, err
	}
	var trips tripCounter
	opt.Dialer = trips.dial
	ours, alone := redis.NewClient(opt), redis.NewClient(opt)
	recorder := &redisTape{to: alone}
	ours.AddHook(recorder)
	return &storeSide{
		name:  "Redis",
		store: redisstore.New(ours, redisstore.WithPrefix("stores")),
		trips: trips.n.Load,
		tape:  &recorder.tape,
		busy:  func() (time.Duration, error) { return cpuOf(b.redis.cmd.Process.Pid) },
		close: func() { ours.Close(); alone.Close() },
		used: func() (int64, error) {
			info, err := b.rdb.Info(b.ctx, "memory").Result()
			if err != nil {
				return 0, err
			}
			_, after, _ := strings.Cut(info, "used_memory_dataset:")
			n, _, _ := strings.Cut(after, "\r\n")
			return strconv.ParseInt(n, 10, 64)
		},
	}, nil
}

// redisTape is a hook of a client that remembers its commands.
type redisTape struct {
	tape
	to *redis.Client // that repeats them
}

func (t *redisTape) DialHook(next redis.DialHook) redis.DialHook { return next }

func (t *redisTape) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		args := cmd.Args()
		t.add(func(ctx context.Context) error { return t.to.Do(ctx, args...).Err() })
		return next(ctx, cmd)
	}
}

func (t *redisTape) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// tripCounter counts the round trips over all connections that it makes.
type tripCounter struct{ n atomic.Int64 }

func (t *tripCounter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: conn, trips: &t.n}, nil
}

// countedConn counts how often its owner writes after it has read.
type countedConn struct {
	net.Conn
	trips   *atomic.Int64
	writing atomic.Bool
}

func (c *countedConn) Write(p []byte) (int, error) {
	if !c.writing.Swap(true) {
		c.trips.Add(1)
	}
	return c.Conn.Write(p)
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.writing.Store(false)
	}
	return n, err
}

// tick is the unit in which Linux counts CPU time for /proc.
const tick = 10 * time.Millisecond

// cpuOf returns the CPU time of a process and of the children that it has waited for.
func cpuOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // behind the name, which may hold spaces
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
