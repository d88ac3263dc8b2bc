package sitetest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/sqlite" // driver
)

// databaseKey is where the processes on one Redis find out which database is theirs.
const databaseKey = "example:database"

// Database opens the users and tenants of a site on a Redis, past the site. It is closed with the test.
func Database(t testing.TB, rdb *redis.Client) *userdb.DB {
	t.Helper()
	ctx := context.Background()
	id, err := rdb.Get(ctx, databaseKey).Result()
	if err != nil {
		t.Fatalf("sitetest: which database: %v", err)
	}
	db, err := userdb.Open(ctx, "sqlite:"+DatabaseFile(t, id))
	if err != nil {
		t.Fatalf("sitetest: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// DatabaseFile returns where the database with an id is.
func DatabaseFile(t testing.TB, id string) string {
	t.Helper()
	return filepath.Join(data(t), "multiaccount-example-"+id, "users.db")
}
