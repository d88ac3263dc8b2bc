package userdb_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

const purpose auth.Purpose = "test"

// put keeps a token of an hour. An empty user is nobody.
func put(t testing.TB, db *userdb.DB, userID string) auth.Token {
	t.Helper()
	w := word()
	token := auth.Token{
		ID: w, Purpose: purpose, Hash: sha256.Sum256([]byte(w)), UserID: userID, Data: "data of " + w,
		Created: now(), Expires: now().Add(time.Hour),
	}
	if err := db.Users().PutToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATokenComesBackAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		for _, userID := range []string{"", register(t, db).ID} {
			token := put(t, db, userID)
			if got, err := db.Users().Token(t.Context(), purpose, token.Hash, now()); err != nil || got != token {
				t.Errorf("got %+v %v, want %+v", got, err, token)
			}
			if got, err := db.Users().TakeToken(t.Context(), purpose, token.Hash, now()); err != nil || got != token {
				t.Errorf("taken %+v %v, want %+v", got, err, token)
			}
		}
	})
}

func TestATokenOfNobodyWhoExistsIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		for _, id := range []string{"nobody", "\x00", "\xff"} {
			is(t, db.Users().PutToken(t.Context(), auth.Token{ID: word(), Purpose: purpose, UserID: id, Expires: now()}), auth.ErrUnknown)
		}
	})
}

func TestATokenIsTakenOnceByManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		one, other := open(t, address), open(t, address)
		token := put(t, one, "")
		taken := 0
		for _, err := range atOnce(40, func(i int) error {
			db := one
			if i%2 == 0 {
				db = other
			}
			_, err := db.Users().TakeToken(t.Context(), purpose, token.Hash, now())
			return err
		}) {
			if err == nil {
				taken++
				continue
			}
			is(t, err, auth.ErrUnknown)
		}
		if taken != 1 {
			t.Errorf("taken %d times", taken)
		}
	})
}

func TestExpiredRowsAreSweptAFewAtATime(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		owner := register(t, db)
		addExpired(t, db, "tokens", 2500)
		addExpired(t, db, "invitations", 120)
		valid := put(t, db, owner.ID) // sweeps 50
		if left := rows(t, db, "tokens"); left != 2451 {
			t.Errorf("%d tokens are left after one was put, want 2451", left)
		}
		open := invite(t, db, owner.Home, word()+"@example.com", tenant.Member) // too
		if left := rows(t, db, "invitations"); left != 71 {
			t.Errorf("%d invitations are left after one was sent, want 71", left)
		}
		deleted, err := db.Sweep(t.Context(), now())
		if err != nil || deleted != 2450+70 {
			t.Errorf("swept %d %v, want 2520", deleted, err)
		}
		if _, err := db.Users().Token(t.Context(), purpose, valid.Hash, now()); err != nil {
			t.Error(err)
		}
		if _, _, err := db.Tenants().Invitation(t.Context(), open.Hash, now()); err != nil {
			t.Error(err)
		}
		if _, err := db.Sweep(ended(t), now()); err == nil {
			t.Error("a sweep goes on without its context")
		}
	})
}

// addExpired writes rows that have expired a minute ago, as nobody could through the store in a short time.
func addExpired(t testing.TB, db *userdb.DB, table string, n int) {
	t.Helper()
	owner := register(t, db)
	var at any = now().Add(-time.Minute)
	if isSQLite(db) {
		at = at.(time.Time).UnixMicro()
	}
	insert := map[string]string{
		"tokens": `INSERT INTO tokens (id, purpose, hash, user_id, data, created_at, expires_at) VALUES ($1, 'test', $2, $3, '', $4, $4)`,
		"invitations": `INSERT INTO invitations (id, tenant_id, email_key, role, hash, created_at, expires_at)
			VALUES ($1, $3, $1, 'member', $2, $4, $4)`,
	}[table]
	parent := map[string]string{"tokens": owner.ID, "invitations": owner.Home}[table]
	transaction, err := db.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		w := word()
		hash := sha256.Sum256([]byte(w))
		if _, err := transaction.ExecContext(t.Context(), insert, w, hash[:], parent, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := transaction.Commit(); err != nil {
		t.Fatal(err)
	}
}

func isSQLite(db *userdb.DB) bool {
	var version string
	return db.SQL().QueryRow("SELECT sqlite_version()").Scan(&version) == nil
}
