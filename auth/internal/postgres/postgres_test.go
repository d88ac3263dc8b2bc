package postgres_test

import (
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/internal/postgres"
)

// TestAServerLeavesNothingBehind starts one, uses it, and looks for what is left.
func TestAServerLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", openFolder(t))
	s, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	db, err := sql.Open("pgx", s.NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (n int)"); err != nil {
		t.Fatal(err)
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
