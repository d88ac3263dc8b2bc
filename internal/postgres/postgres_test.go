package postgres_test

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/multiaccount-go/multiaccount/internal/postgres"
)

// TestAServerLeavesNothingBehind starts one, uses it, lets it crash, and looks for what is left.
func TestAServerLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", openFolder(t))
	s, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	address := s.NewDatabase(t)
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (n int)"); err != nil {
		t.Fatal(err)
	}
	s.Crash()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	again, err := sql.Open("pgx", address) // no connection of the first one is alive
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	s.Stop()
	if conn, err := net.Dial("tcp", s.Addr); err == nil {
		conn.Close()
		t.Error("something still listens on the server's port")
	}
	if left, err := filepath.Glob(os.TempDir() + "/*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// openFolder is a temporary folder into which every user may go.
func openFolder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "postgres-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
