package stores_test

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.StopShared()
	os.Exit(code)
}

var _ live.Bus = (*sqlstore.Bus)(nil)

func openSQL(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Who finds a session in the audit trail finds it in the view of linked accounts under the same name.
func TestTheViewNamesSessionsAsTheAuditTrailDoes(t *testing.T) {
	db := openSQL(t, postgres.Shared(t).NewDatabase(t))
	store := sqlstore.PostgreSQL(db)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, _ := signedIn(t, store, "alice")
	bob := s.Accounts[0]
	bob.Membership, bob.Account = "bob's", "bob"
	s.Accounts = append(s.Accounts, bob)
	bump(t, store, s)
	var name string
	err := db.QueryRowContext(t.Context(), `SELECT session FROM multiaccount.linked_accounts
		WHERE primary_account = 'alice' AND linked_account = 'bob'`).Scan(&name)
	if want := multiaccount.Pseudonym(string(s.ID[:])); err != nil || name != want {
		t.Errorf("got %q, %v, want %q", name, err, want)
	}
}

// Two nodes that share nothing but a PostgreSQL: what changes on one reaches the tab that is open on the other.
func TestATabFollowsOverPostgreSQLAlone(t *testing.T) {
	address := postgres.Shared(t).NewDatabase(t)
	here := sqlstore.PostgreSQL(openSQL(t, address))
	if err := here.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, cookie := signedIn(t, here, "alice")
	there := sqlNode(t, openSQL(t, address))
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+there+"/link/live?v=0", http.Header{
		"Cookie": {"accounts-insecure=" + cookie.Value()}, "Origin": {"http://" + there},
	})
	if err != nil {
		t.Fatalf("open a tab: %v %v", err, resp)
	}
	defer conn.Close()
	type message struct {
		Type string `json:"type"`
		V    int64  `json:"v"`
	}
	next := func(kind string, version int64) {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		for {
			var m message
			if err := conn.ReadJSON(&m); err != nil {
				t.Fatalf("no %s of version %d: %v", kind, version, err)
			}
			if m.Type == kind && m.V == version {
				return
			}
		}
	}
	next("hello", s.Version)
	bump(t, here, s)
	next("session-changed", s.Version)
	if err := here.Delete(t.Context(), s.ID, account.ReasonSignedOut); err != nil {
		t.Fatal(err)
	}
	next("session-ended", s.Version+1)
}

// sqlNode serves a site on a database and returns its address.
func sqlNode(t *testing.T, db *sql.DB) string {
	t.Helper()
	accounts, err := multiaccount.New(multiaccount.Config[string]{
		Users: func(_ context.Context, ids ...string) (map[string]string, error) {
			found := map[string]string{}
			for _, id := range ids {
				found[id] = id
			}
			return found, nil
		},
		Store: sqlstore.PostgreSQL(db), Bus: sqlstore.NewBus(db),
		Cookie: multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(accounts.Handler)
	accounts.Register(app)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Listener(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = accounts.Close(ctx)
		_ = app.ShutdownWithContext(ctx)
	})
	return l.Addr().String()
}
