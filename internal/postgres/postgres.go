// Package postgres starts a real PostgreSQL for tests: a cluster of its own in a temporary folder, on a free port of the
// loopback, with a password, without a socket in the file system, and gone with the tests. It never skips a test: where
// PostgreSQL is missing, the test fails and says what to install.
package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Server is a running PostgreSQL.
type Server struct {
	Addr string // host:port

	password string
	dir      string
	as       *syscall.Credential // the user that it runs as; nil: ours
	run      *exec.Cmd
	ended    chan struct{} // closed when the server is gone
	log      bytes.Buffer  // complete when ended is closed
}

// Shared returns the server that all tests of a binary share. TestMain ends it with [StopShared].
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = Start() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// StopShared ends the server of [Shared], if there is one.
func StopShared() {
	if shared.server != nil {
		shared.server.Stop()
	}
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Start starts a server. The caller stops it.
func Start() (*Server, error) {
	s := &Server{password: rand.Text()}
	if err := s.start(); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func (s *Server) start() (err error) {
	// Not testing.TB.TempDir: that lies in a folder of the user who tests, where the server's user may not go.
	if s.dir, err = os.MkdirTemp("", "postgres-"); err != nil {
		return err
	}
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.as, err = handOver(s.dir, secret); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	initdb, err := s.command("initdb", "--pgdata", data, "--username", "test", "--auth", "scram-sha-256",
		"--pwfile", secret, "--encoding", "UTF8", "--no-locale", "--no-sync")
	if err != nil {
		return err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return s.launch()
}

// launch runs the server on what initdb has made.
func (s *Server) launch() (err error) {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	s.run, err = s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-p", port, "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=300", "-c", "deadlock_timeout=200ms")
	if err != nil {
		return err
	}
	s.log.Reset()
	s.run.Stdout, s.run.Stderr = &s.log, &s.log
	dieWithUs(s.run.SysProcAttr)
	if err := s.run.Start(); err != nil {
		return err
	}
	run, ended := s.run, make(chan struct{})
	s.ended = ended
	go func() {
		_ = run.Wait() // how it ended is in the log
		close(ended)
	}()
	return s.await()
}

// handOver gives files to the user that the server runs as. PostgreSQL does not run as root.
func handOver(files ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		who, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(who.Uid)
		gid, gidErr := strconv.Atoi(who.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := os.Chown(file, uid, gid); err != nil {
				return nil, err
			}
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("it does not run as root, and there is no user postgres or nobody")
}

func (s *Server) command(program string, args ...string) (*exec.Cmd, error) {
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir // the folder of the tests may be closed to the server's user
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return cmd, nil
}

// find looks a program of the server up: Debian keeps them out of the PATH, one folder for each version.
func find(program string) (string, error) {
	newest, path := 0, ""
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	if err != nil {
		return "", err
	}
	for _, candidate := range installed {
		version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(candidate))))
		if version > newest {
			newest, path = version, candidate
		}
	}
	if path != "" {
		return path, nil
	}
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s is not installed, and this test needs a real PostgreSQL (13 or later).\n"+
		"Debian, Ubuntu: apt-get install postgresql   Fedora: dnf install postgresql-server   macOS: brew install postgresql", program)
}

// await waits until the server answers, for thirty seconds.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it has ended:\n%s", s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Crash ends the server at once, as a power cut does, and keeps what it has written.
func (s *Server) Crash() {
	if s.run != nil && s.run.Process != nil {
		_ = s.run.Process.Signal(syscall.SIGQUIT)
		<-s.ended
	}
}

// Restart starts a server again that has crashed, on the same port and with what was committed.
func (s *Server) Restart() error {
	if err := s.launch(); err != nil {
		return fmt.Errorf("start PostgreSQL again: %w", err)
	}
	return nil
}

// Stop ends the server at once and removes what it has written.
func (s *Server) Stop() {
	s.Crash()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Password returns the password of the server's only user, so that a test can look for it where it must not be.
func (s *Server) Password() string { return s.password }

// URL returns the address of the database that every server begins with.
func (s *Server) URL() string { return s.url("postgres") }

// NewDatabase makes an empty database and returns its address. It goes with the server.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	return s.url(name)
}

func (s *Server) url(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword("test", s.password), Host: s.Addr, Path: database}).String()
}

// freePort returns a port on which nothing listens.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
