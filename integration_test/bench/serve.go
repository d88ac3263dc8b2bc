package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/redisstore"
)

// roles are the servers that take part. Each adds its routes to an app.
var roles = map[string]func(app *fiber.App, rdb *redis.Client) error{
	"site":      site,         // ours
	"views":     views,        // ours, with a live view in each tab
	"bare":      bare,         // floor of a request
	"decode":    decoding,     // the same, and the record is decoded
	"null":      nullHub,      // floor of a switch
	"echo":      echoTabs,     // floor of an idle tab
	"boards":    boards,       // ours, three live views
	"busboards": busBoards,    // the same, one of several nodes
	"loop":      boardLoop,    // floor of the boards
	"busloop":   busBoardLoop, // the same, one of several nodes
}

// serve is the life of a server: it prints its address and ends with its stdin.
func serve(role, redisAddr, profile string) error {
	routes, ok := roles[role]
	if !ok {
		return fmt.Errorf("unknown server")
	}
	if profile != "" {
		file, err := os.Create(filepath.Join(profile, fmt.Sprintf("%s-%d.pprof", role, os.Getpid())))
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	opt, err := redisstore.Options("redis://" + redisAddr)
	if err != nil {
		return err
	}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/usage", answerUsage)
	if err := routes(app, rdb); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	failed := make(chan error, 1)
	go func() { failed <- app.Listener(listener) }()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		failed <- nil
	}()
	return errors.Join(<-failed, app.ShutdownWithTimeout(time.Second))
}

// usage is what a server has used so far.
type usage struct {
	CPU        time.Duration // of all its threads, in user and in kernel mode
	Mallocs    uint64
	RSS        int64 // bytes; 0 where there is no /proc
	Heap       int64 // bytes of live objects
	Stack      int64 // bytes of goroutine stacks
	Goroutines int
}

func answerUsage(c *fiber.Ctx) error {
	if c.Query("collect") != "" {
		for range 5 { // a stack shrinks by half with each collection, and pools are emptied by two
			runtime.GC()
		}
		debug.FreeOSMemory()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return err
	}
	return c.JSON(usage{
		CPU:     time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		Mallocs: memory.Mallocs, RSS: residentBytes(), Heap: int64(memory.HeapAlloc), Stack: int64(memory.StackInuse),
		Goroutines: runtime.NumGoroutine(),
	})
}

func residentBytes() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
