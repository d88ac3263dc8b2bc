package userdb_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/sqlite" // the driver
)

// An app keeps more about a user in a table of its own, in the same database: it is gone with him.
func ExampleDB_SQL() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "userdb")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := userdb.Open(ctx, "sqlite:"+filepath.Join(dir, "users.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	_, err = db.SQL().ExecContext(ctx, `CREATE TABLE phones (
		user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
		number  TEXT NOT NULL
	)`)
	if err != nil {
		log.Fatal(err)
	}

	// In an app this is auth.Config.Registered: keep the values of its own fields.
	registered := func(ctx context.Context, u auth.User, values map[string]string) error {
		_, err := db.SQL().ExecContext(ctx, `INSERT INTO phones (user_id, number) VALUES ($1, $2)`, u.ID, values["phone"])
		return err
	}
	alice, err := db.Users().Register(ctx, auth.Registration{Email: "alice@example.com", Name: "Alice", Now: time.Now()})
	if err == nil {
		err = registered(ctx, alice, map[string]string{"phone": "+49 1"})
	}
	if err != nil {
		log.Fatal(err)
	}
	count := func() (n int) {
		if err := db.SQL().QueryRowContext(ctx, `SELECT count(*) FROM phones`).Scan(&n); err != nil {
			log.Fatal(err)
		}
		return n
	}
	fmt.Println(count(), "number")
	if err := db.Users().Delete(ctx, alice.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(count(), "numbers without their user")
	// Output:
	// 1 number
	// 0 numbers without their user
}
