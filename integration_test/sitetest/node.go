// Package sitetest runs the example as real processes and visits it the way browsers and programs do. What it finds is
// what a person who starts the example finds.
package sitetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Node is one running process of the example.
type Node struct {
	Addr string // host:port
	URL  string // http://host:port

	t    testing.TB
	cmd  *exec.Cmd
	log  logBuffer
	done chan struct{} // closed when the process has ended
}

// Start starts a process on the Redis that redisURL names, or on the one inside the process when it is empty, and waits
// until it is ready. It ends with the test, which fails when the process logged a data race or a panic.
func Start(t testing.TB, redisURL string) *Node {
	t.Helper()
	return StartAt(t, redisURL, freeAddr(t))
}

// StartAt is [Start] at an address, such as that of a node that has ended.
func StartAt(t testing.TB, redisURL, addr string) *Node {
	t.Helper()
	return startProgram(t, binary(t), redisURL, addr)
}

// StartWith is [Start] with more in the environment of the process, such as "TRIES=5".
func StartWith(t testing.TB, redisURL string, environment ...string) *Node {
	t.Helper()
	return startProgram(t, binary(t), redisURL, freeAddr(t), environment...)
}

// StartProgram is [Start] with a program of the caller's: the example built from other sources.
func StartProgram(t testing.TB, program, redisURL string) *Node {
	t.Helper()
	return startProgram(t, program, redisURL, freeAddr(t))
}

func startProgram(t testing.TB, program, redisURL, addr string, environment ...string) *Node {
	t.Helper()
	n := &Node{Addr: addr, t: t, done: make(chan struct{})}
	n.URL = "http://" + n.Addr
	n.cmd = exec.Command(program)
	n.cmd.Env = append(os.Environ(), "ADDR="+n.Addr, "REDIS_URL="+redisURL, "DATA_DIR="+data(t), "DEMO=1", "GOTRACEBACK=all",
		"GORACE=atexit_sleep_ms=0") // else each end of a race-detecting process takes a second
	n.cmd.Env = append(n.cmd.Env, environment...)
	n.cmd.Stdout, n.cmd.Stderr = &n.log, &n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("sitetest: start the example: %v", err)
	}
	go func() {
		_ = n.cmd.Wait() // how it ended is in ProcessState
		close(n.done)
	}()
	t.Cleanup(n.end)
	Eventually(t, "the example is ready on "+n.Addr, func() bool {
		select {
		case <-n.done:
			t.Fatalf("sitetest: the example ended at once:\n%s", n.log.String())
		default:
		}
		resp, err := http.Get(n.URL + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return n
}

// Terminate asks the process to end with SIGTERM.
func (n *Node) Terminate() { n.signal(syscall.SIGTERM) }

// Kill ends the process at once, as a power cut does.
func (n *Node) Kill() {
	n.t.Helper()
	n.signal(syscall.SIGKILL)
	n.WaitEnd(20 * time.Second)
}

func (n *Node) signal(sig syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(sig); err != nil {
		n.t.Errorf("sitetest: %v: %v", sig, err)
	}
}

// WaitEnd waits until the process has ended by itself and returns its exit code. It fails the test after the timeout.
func (n *Node) WaitEnd(timeout time.Duration) int {
	n.t.Helper()
	select {
	case <-n.done:
		return n.cmd.ProcessState.ExitCode()
	case <-time.After(timeout):
		n.t.Fatalf("sitetest: the example has not ended after %v:\n%s", timeout, n.log.String())
		return 0
	}
}

// Goroutines ends the process and returns the stacks of all goroutines that it had.
func (n *Node) Goroutines() []string {
	n.t.Helper()
	n.signal(syscall.SIGQUIT)
	n.WaitEnd(20 * time.Second)
	_, stacks, _ := strings.Cut(n.log.String(), "SIGQUIT")
	return strings.Split(stacks, "\n\n")
}

// Files returns how many files and sockets the process has open. It reads /proc.
func (n *Node) Files() int {
	n.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatalf("sitetest: open files: %v", err)
	}
	return len(entries)
}

// Log returns what the process has written so far.
func (n *Node) Log() string { return n.log.String() }

func (n *Node) end() {
	select {
	case <-n.done:
	default:
		_ = n.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-n.done:
		case <-time.After(20 * time.Second):
			n.t.Error("sitetest: the example did not end after SIGTERM")
			_ = n.cmd.Process.Kill()
			<-n.done
		}
	}
	log := n.log.String()
	for _, sign := range []string{"DATA RACE", "panic:", "panicked", "fatal error:"} {
		if strings.Contains(log, sign) {
			n.t.Errorf("sitetest: the example logged %q", sign)
		}
	}
	if n.t.Failed() {
		n.t.Logf("log of the example on %s:\n%s", n.Addr, log)
	}
}

// binary builds the example, once for each test program.
func binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatalf("sitetest: build the example: %v", err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "example")
	module, err := exec.Command("go", "env", "GOMOD").Output() // tests may lie deeper than this package
	if err != nil {
		return "", err
	}
	source := filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), "../example")
	args := []string{"build", "-C", source, "-o", path}
	if raced {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

var built string // folder of the binary

// data returns the folder for the databases of all sites of a test program. Each Redis has one of its own there.
func data(t testing.TB) string {
	t.Helper()
	dir, err := dataDir()
	if err != nil {
		t.Fatalf("sitetest: folder for databases: %v", err)
	}
	return dir
}

var dataDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "example-data-")
	kept = dir
	return dir, err
})

var kept string // folder of the databases

// Main runs the tests of a package and removes what Start has built, and what was kept on disk. Call it from TestMain. Each of ends runs after the last
// test, to end what the tests share, and reports whether that was in order.
func Main(m *testing.M, ends ...func() bool) {
	code := m.Run()
	for _, end := range ends {
		if !end() {
			code = max(code, 1)
		}
	}
	for _, folder := range []string{built, kept} {
		if folder != "" {
			_ = os.RemoveAll(folder)
		}
	}
	os.Exit(code)
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("sitetest: free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// logBuffer collects what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

var _ io.Writer = (*logBuffer)(nil)

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Eventually waits until something holds, for ten seconds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not after 10 seconds: %s", what)
		}
	}
}
