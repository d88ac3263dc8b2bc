package users

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/postgres" // driver
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/sqlite"   // driver
	"github.com/redis/go-redis/v9"
)

// Place says where the database is.
type Place struct {
	URL     string // such as postgres://app:secret@127.0.0.1/app; empty: a file of SQLite
	Dir     string // folder for that file; empty: the one for temporary files
	OwnOnly bool   // the Redis is inside this process, so the file is for this process only, and goes at its end
}

// FileKey is the key in Redis that names the file of all processes on it. Processes with one Redis so have one database, and
// one that begins with an empty Redis begins with an empty database.
const FileKey = "example:database"

// File returns where the file is, below a folder, that a value of FileKey names.
func File(dir, id string) string {
	return filepath.Join(cmp.Or(dir, os.TempDir()), "multiaccount-example-"+id, "users.db")
}

// found is where the database is, after the Redis has been asked.
type found struct {
	address string // what userdb opens
	folder  string // goes with the process; empty: none does
	shared  string // value of FileKey; empty: it does not matter
}

func (p Place) find(ctx context.Context, rdb redis.UniversalClient) (f found, err error) {
	if p.URL != "" {
		return found{address: p.URL}, nil
	}
	id := uuid.NewString()
	if !p.OwnOnly {
		if id, err = sharedID(ctx, rdb, id); err != nil {
			return found{}, fmt.Errorf("users: which database: %w", err)
		}
		f.shared = id
	}
	file := File(p.Dir, id)
	if p.OwnOnly {
		f.folder = filepath.Dir(file)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return found{}, fmt.Errorf("users: folder of the database: %w", err)
	}
	f.address = "sqlite:" + strings.ReplaceAll(file, "%", "%25")
	return f, nil
}

// sharedID returns the id that is in Redis, and puts one there when there is none.
func sharedID(ctx context.Context, rdb redis.UniversalClient, mine string) (string, error) {
	if err := rdb.SetNX(ctx, FileKey, mine, 0).Err(); err != nil {
		return "", err
	}
	id, err := rdb.Get(ctx, FileKey).Result()
	if err != nil {
		return "", err
	}
	if err := uuid.Validate(id); err != nil { // it becomes part of a path
		return "", fmt.Errorf("key %s holds no id: %w", FileKey, err)
	}
	return id, nil
}

func dialectOf(address string) userdb.Dialect {
	if strings.HasPrefix(address, "sqlite:") {
		return userdb.SQLite
	}
	return userdb.Postgres
}
