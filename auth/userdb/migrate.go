package userdb

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// ErrSchema: the schema is older than this package. Call [DB.Migrate].
var ErrSchema = errors.New("userdb: schema is not up to date")

// The migrations are run by goose: it works on any *sql.DB. golang-migrate brings a driver of its own for each database, and
// more than three times as many modules.
//
//go:embed migrations
var migrations embed.FS

// versions is the table of what was applied, of our own, since the app may use goose for its tables too.
const versions = "userdb_versions"

// migrationLock is what processes that migrate one PostgreSQL wait for each other with: "userdb" in ASCII.
const migrationLock = 0x757365726462

// Migrate brings the schema up to date. Each version is applied in a transaction of its own and never again; several
// processes may call it at the same time. On SQLite it also turns WAL mode on.
func (d *DB) Migrate(ctx context.Context) error {
	err := d.migrate(ctx)
	if d.dialect == SQLite {
		// SQLite has no lock that spans transactions. Of processes that begin together one fails where the other was
		// faster, and finds everything done when it looks again.
		for range 5 {
			if err == nil {
				break
			}
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				break
			}
			err = d.migrate(ctx)
		}
	}
	return failed(ctx, "migrate", err)
}

func (d *DB) migrate(ctx context.Context) error {
	if d.dialect == SQLite {
		if _, err := d.sql.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
			return err
		}
	}
	if done, err := d.isUpToDate(ctx); err != nil || done {
		return err // almost always, and without the lock
	}
	provider, err := d.provider()
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// checkSchema reports ErrSchema when a migration is missing.
func (d *DB) checkSchema(ctx context.Context) error {
	done, err := d.isUpToDate(ctx)
	if err == nil && !done {
		return ErrSchema
	}
	return failed(ctx, "check schema", err)
}

// isUpToDate reports whether no migration is missing. It only reads.
func (d *DB) isUpToDate(ctx context.Context) (bool, error) {
	// Without this goose would make its table, which not every database user may.
	query := `SELECT to_regclass($1) IS NOT NULL`
	if d.dialect == SQLite {
		query = `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = $1)`
	}
	var begun bool
	if err := d.read(ctx).row(query, []any{versions}, &begun); err != nil || !begun {
		return false, err
	}
	provider, err := d.provider()
	if err != nil {
		return false, err
	}
	missing, err := provider.HasPending(ctx)
	return err == nil && !missing, err
}

func (d *DB) provider() (*goose.Provider, error) {
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{
		goose.WithTableName(versions),
		goose.WithDisableGlobalRegistry(true),
	}
	if d.dialect == Postgres {
		const tries, everySecond = 60, 1
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(everySecond, tries))
		if err != nil {
			return nil, err
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, "migrations/"+string(d.dialect))
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(dialect, d.sql, files, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}
