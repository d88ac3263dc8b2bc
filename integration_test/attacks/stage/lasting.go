package stage

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// program owns what lives as long as the test program.
var program = &lasting{}

// shared is the site of a package's tests. It starts with the first one that plays.
var shared = sync.OnceValue(func() *Site { return Start(program, "") })

// Main runs the tests of a package and ends the site that they shared. Call it from TestMain.
func Main(m *testing.M) { sitetest.Main(m, program.end) }

// lasting is a testing.TB that outlives every test. It has the methods that packages sitetest and redisserver call; the
// others are those of the nil interface inside, and panic.
type lasting struct {
	testing.TB

	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

func (l *lasting) Helper() {}

func (l *lasting) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (l *lasting) Error(args ...any) { l.Errorf("%s", fmt.Sprint(args...)) }

func (l *lasting) Errorf(format string, args ...any) {
	l.mu.Lock()
	l.failed = true
	l.mu.Unlock()
	l.Logf(format, args...)
}

// Fatalf panics: without a site no test can run.
func (l *lasting) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (l *lasting) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (l *lasting) Failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

func (l *lasting) Cleanup(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cleanups = append(l.cleanups, f)
}

func (l *lasting) Context() context.Context { return context.Background() }

func (l *lasting) Output() io.Writer { return os.Stderr }

func (l *lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "attacks-")
	if err != nil {
		l.Fatalf("stage: %v", err)
	}
	l.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// end ends what was started, the newest first, and reports whether all was well.
func (l *lasting) end() bool {
	for {
		l.mu.Lock()
		n := len(l.cleanups)
		if n == 0 {
			l.mu.Unlock()
			return !l.Failed()
		}
		last := l.cleanups[n-1]
		l.cleanups = l.cleanups[:n-1]
		l.mu.Unlock()
		last()
	}
}
