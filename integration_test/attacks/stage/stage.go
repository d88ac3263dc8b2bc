// Package stage is where the attack suite plays: two processes of the example on one real Redis, the browsers of those who
// visit them, and the means of an attacker that no browser has. It adds to package sitetest what only attacks need.
//
// An attack is a function of a [Stage]. It says by [Stage.Breach] that it came through, and by the methods of testing.TB
// that it could not be tried. So a test demands that there is no breach, and a negative control that there is one.
package stage

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// The people of the example. Dave is inactive.
const (
	Alice = "alice@example.com"
	Bob   = "bob@example.com"
	Carol = "carol@example.com"
	Dave  = "dave@example.com"
)

// UnknownID has the form of an account's id and is nobody's.
const UnknownID = "00000000-0000-4000-8000-000000000000"

// Site is two processes of the example on one Redis: they act as one.
type Site struct {
	Redis    *redis.Client
	Database *userdb.DB // users and tenants
	One, Two *sitetest.Node
}

// Start starts a site that ends with t. program is the binary that both processes run; empty: the example as it is.
func Start(t testing.TB, program string) *Site {
	t.Helper()
	server := redisserver.Start(t)
	start := func() *sitetest.Node {
		if program == "" {
			return sitetest.Start(t, server.URL())
		}
		return sitetest.StartProgram(t, program, server.URL())
	}
	site := &Site{Redis: redis.NewClient(&redis.Options{Addr: server.Addr}), One: start(), Two: start()}
	t.Cleanup(func() { site.Redis.Close() })
	site.Database = sitetest.Database(t, site.Redis)
	return site
}

// Nodes returns both processes.
func (s *Site) Nodes() []*sitetest.Node { return []*sitetest.Node{s.One, s.Two} }

// Stage is a site while one attack plays. Its methods may be called concurrently.
type Stage struct {
	testing.TB
	*Site

	mu       sync.Mutex
	breaches []string
}

// Attack tries one thing that must not work.
type Attack func(s *Stage)

// Breach says that the attack came through, and how.
func (s *Stage) Breach(format string, args ...any) {
	_, file, line, _ := runtime.Caller(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%s:%d: ", filepath.Base(file), line) + fmt.Sprintf(format, args...)
	if len(text) > maxBreach {
		text = text[:maxBreach] + "…"
	}
	s.breaches = append(s.breaches, text)
}

// maxBreach bounds what one breach says: whole pages are in it.
const maxBreach = 1500

// Breached reports whether the attack came through already, so that a race need not be repeated.
func (s *Stage) Breached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.breaches) > 0
}

// Breaches plays an attack on a site and returns how it came through. t fails only when it could not be played.
func (s *Site) Breaches(t testing.TB, attack Attack) []string {
	t.Helper()
	played := &Stage{TB: t, Site: s}
	attack(played)
	played.mu.Lock()
	defer played.mu.Unlock()
	return slices.Clone(played.breaches)
}

// Withstand plays an attack on the site that the package's tests share. Each way through fails the test.
func Withstand(t *testing.T, attack Attack) {
	t.Helper()
	for _, how := range shared().Breaches(t, attack) {
		t.Error(how)
	}
}
