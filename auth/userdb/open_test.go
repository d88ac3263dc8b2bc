package userdb_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/userdb"
)

func TestAnAddressThatCannotBeOpenedIsToldAsWhatItIs(t *testing.T) {
	for address, want := range map[string]string{
		"":                             "begins with none",
		"mysql://root@127.0.0.1/users": "begins with none",
		"users.db":                     "begins with none",
		"sqlite:":                      "names no file",
		"sqlite:///no/such/folder/db":  "no such file",
		"sqlite:%zz":                   "path",
		"sqlite:" + t.TempDir():        "is a directory",
	} {
		db, err := userdb.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v %v, want %q", address, db, err, want)
		}
	}
}

func TestPathsOfFilesAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"plain.db", "with space.db", "a?b#c.db", "100%.db", "ü.db"} {
		path := filepath.Join(dir, name)
		for _, address := range []string{"sqlite:" + strings.ReplaceAll(path, "%", "%25"), "sqlite://" + strings.ReplaceAll(path, "%", "%25")} {
			db, err := userdb.Open(t.Context(), address)
			if err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want a file that only its owner reads", name, info, err)
		}
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) != 5 {
		t.Errorf("files %v %v", files, err)
	}
}

func TestADatabaseInMemoryIsOfItsDBAlone(t *testing.T) {
	one, other := open(t, "sqlite::memory:"), open(t, "sqlite::memory:")
	for range 20 {
		register(t, one)
	}
	for _, err := range atOnce(40, func(i int) error {
		if i%2 == 0 {
			return second(one.Users().ByIDs(t.Context(), "nobody"))
		}
		return second(one.Users().Register(t.Context(), registration(t)))
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if rows(t, one, "users") != 40 || rows(t, other, "users") != 0 {
		t.Errorf("%d and %d users", rows(t, one, "users"), rows(t, other, "users"))
	}
	if _, err := os.Stat(":memory:"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestManyWhoOpenAnEmptyDatabaseAtOnceFindItUpToDate(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		for _, err := range atOnce(8, func(int) error {
			db, err := userdb.Open(t.Context(), address)
			if err != nil {
				return err
			}
			defer db.Close()
			return second(db.Users().Register(t.Context(), registration(t)))
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := rows(t, open(t, address), "users"); n != 8 {
			t.Errorf("%d users, want 8", n)
		}
	})
}

// One that is about to apply a version finds that another has just done so.
func TestWhoMigratesWhenAnotherWasFasterFindsEverythingDone(t *testing.T) {
	address := engines["SQLite"](t)
	path, _ := cutScheme(address)
	db, spy := watch(t, userdb.SQLite, dsnConnector{path, plainly(t, address).Driver()})
	faster := 0
	spy.before = func(query string, _ []any) error {
		if faster > 0 || !strings.Contains(query, "CREATE TABLE tenants") {
			return nil
		}
		faster++
		return userdb.New(plainly(t, address), userdb.SQLite).Migrate(t.Context())
	}
	if err := db.Migrate(t.Context()); err != nil || faster != 1 {
		t.Fatalf("%v; another was faster %d times", err, faster)
	}
	spy.before = nil
	register(t, db)
}

func TestWithoutMigrationAnOldSchemaIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		_, err := userdb.Open(t.Context(), address, userdb.WithoutMigration())
		is(t, err, userdb.ErrSchema)
		var made int // nothing is: who only works here may not be allowed to
		plain := plainly(t, address)
		query := "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
		if strings.HasPrefix(address, "sqlite:") {
			query = "SELECT count(*) FROM sqlite_schema"
		}
		if err := plain.QueryRowContext(t.Context(), query).Scan(&made); err != nil || made != 0 {
			t.Errorf("%d tables were made: %v", made, err)
		}
		open(t, address)
		open(t, address, userdb.WithoutMigration())
	})
}

// New works on a *sql.DB of the app, whatever that does with foreign keys.
func TestADatabaseOfTheApp(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		dialect := userdb.Postgres
		if _, ok := cutScheme(address); ok {
			dialect = userdb.SQLite
		}
		db := userdb.New(plainly(t, address), dialect)
		if err := errors.Join(db.Migrate(t.Context()), db.Migrate(t.Context()), db.Ping(t.Context())); err != nil {
			t.Fatal(err)
		}
		user := register(t, db)
		put(t, db, user.ID)
		if err := db.Users().Delete(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
		if got := census(t, db); got != "tenants 0, users 0, memberships 0, invitations 0, identities 0, tokens 0" {
			t.Errorf("left %s", got)
		}
	})
}

// plainly opens a database as an app does that knows nothing of this package.
func plainly(t *testing.T, address string) *sql.DB {
	driver, source := "pgx", address
	if path, ok := cutScheme(address); ok {
		driver, source = "sqlite", path
	}
	pool, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Who uses one database does not get the driver of the other.
func TestNoDriverComesUnasked(t *testing.T) {
	const module = "github.com/multiaccount-go/multiaccount/auth/userdb"
	for pkg, drivers := range map[string]struct{ pgx, sqlite bool }{
		module: {}, module + "/postgres": {pgx: true}, module + "/sqlite": {sqlite: true},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), "jackc/pgx"); got != drivers.pgx {
			t.Errorf("%s imports pgx: %v", pkg, got)
		}
		if got := strings.Contains(string(out), "modernc.org/sqlite"); got != drivers.sqlite {
			t.Errorf("%s imports SQLite: %v", pkg, got)
		}
	}
}
