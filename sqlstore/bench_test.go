package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// What NOTIFY costs: transactions that tell something commit one after the other. On a server that waits for its disk, as
// one for people does, sixteen writers save sessions of their own, and write the same rows without telling anybody.
func BenchmarkSixteenWriters(b *testing.B) {
	server, err := postgres.Start()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	db := onPostgres.open(b, server.NewDatabase(b))
	db.SetMaxIdleConns(32)
	store := sqlstore.PostgreSQL(db, quiet)
	if err := store.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{"ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"} {
		run(b, db, statement)
	}
	watch(b, store)
	const writers = 16
	update := func(s *account.Session) error {
		_, err := db.ExecContext(b.Context(), `UPDATE multiaccount.sessions SET version = version + 1, data = data,
			expires_at = now() + interval '1 hour' WHERE id = $1 AND revision > 0`, s.ID[:])
		return err
	}
	for name, write := range map[string]func(s *account.Session) error{
		"save": func(s *account.Session) error { return store.Save(b.Context(), s, time.Hour) }, "update without telling": update,
	} {
		b.Run(name, func(b *testing.B) {
			failed := make(chan error, writers)
			share := b.N/writers + 1
			sessions := make([]*account.Session, writers)
			for i := range sessions {
				sessions[i] = linked(b, store, fmt.Sprint("alice", i), "bob", "carol")
			}
			b.ResetTimer()
			for _, s := range sessions {
				go func() {
					var err error
					for i := 0; i < share && err == nil; i++ {
						err = write(s)
					}
					failed <- err
				}()
			}
			for range writers {
				if err := <-failed; err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(float64(share*writers)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}
