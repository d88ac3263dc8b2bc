package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// The migrations are run by goose, as those of the users are. It reads them from here rather than from files, since each
// namespace has tables of other names.
//
//go:embed migrations
var migrations embed.FS

// Migrate brings the schema up to date, that of [Counter] and [Bus] too. Each version is applied in a transaction of its own
// and never again; several processes may call it at the same time. In PostgreSQL it makes the schema that the namespace
// names; when that is there already, the user need not be allowed to make one. In SQLite it also turns WAL mode on.
func (s *Store) Migrate(ctx context.Context) error {
	if s.invalid != nil {
		return s.invalid
	}
	if err := s.engine.migrate(ctx); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	return nil
}

func (p *postgres) migrate(ctx context.Context) error {
	var schema, begun bool
	err := p.db.QueryRowContext(ctx, `SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL`,
		p.namespace, p.table("versions")).Scan(&schema, &begun)
	if err != nil {
		return err
	}
	if !schema {
		if err := p.createSchema(ctx); err != nil {
			return err
		}
	}
	name := fnv.New64a()
	_, _ = name.Write([]byte("sqlstore." + p.namespace)) // never fails
	const tries, everySecond = 60, 1
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(int64(name.Sum64())), lock.WithLockTimeout(everySecond, tries))
	if err != nil {
		return err
	}
	return apply(ctx, begun, goose.DialectPostgres, "postgres", p.conn, p.table(""), goose.WithSessionLocker(locker))
}

// createSchema makes the schema. Of two processes at once, one may be told that what it makes is there.
func (p *postgres) createSchema(ctx context.Context) error {
	const uniqueViolation, duplicateSchema = "23505", "42P06"
	_, err := p.db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+p.namespace)
	if state := sqlState(err); state == uniqueViolation || state == duplicateSchema {
		return nil
	}
	return err
}

func (e *sqlite) migrate(ctx context.Context) error {
	const tries, pause = 6, 100 * time.Millisecond
	for try := 1; ; try++ {
		err := e.migrateOnce(ctx)
		// SQLite has no lock that spans transactions. Of processes that begin together one fails where the other was faster,
		// and finds everything done when it looks again.
		if err == nil || try == tries {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

func (e *sqlite) migrateOnce(ctx context.Context) error {
	if _, err := e.db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	var begun bool
	err := e.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)`, e.table("versions")).Scan(&begun)
	if err != nil {
		return err
	}
	return apply(ctx, begun, goose.DialectSQLite3, "sqlite", e.conn, e.table(""))
}

// apply runs what is missing of the migrations in a folder, with names that begin with prefix.
func apply(ctx context.Context, begun bool, dialect goose.Dialect, folder string, c *conn, prefix string,
	options ...goose.ProviderOption) error {
	steps, err := readMigrations(folder, prefix)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, c.db, nil, append(options, goose.WithTableName(prefix+"versions"),
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(steps...))...)
	if err != nil {
		return err
	}
	if begun {
		if missing, err := provider.HasPending(ctx); err != nil || !missing {
			return err // almost always, and without the lock
		}
	}
	_, err = provider.Up(ctx)
	return err
}

// readMigrations reads the files of a folder, whose names begin with the version.
func readMigrations(folder, prefix string) ([]*goose.Migration, error) {
	files, err := fs.Glob(migrations, "migrations/"+folder+"/*.sql")
	if err != nil {
		return nil, err
	}
	steps := make([]*goose.Migration, len(files))
	for i, file := range files {
		number, _, _ := strings.Cut(file[strings.LastIndex(file, "/")+1:], "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %s: %w", file, err)
		}
		text, err := migrations.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		statements := strings.ReplaceAll(string(text), "{ns}", prefix)
		steps[i] = goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, statements)
			return err
		}}, nil)
	}
	return steps, nil
}
