package users

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// SeedPassword is the password of every user that exists at the start.
const SeedPassword = "correct horse battery staple"

// seed is a user that exists at the start. The hash is of SeedPassword and was made once, so that a start takes no
// time; a process that hashes it anew gets another salt and another text.
type seed struct {
	name, email string
	status      auth.Status
	hash        string
}

var seeds = []seed{
	{"Alice", "alice@example.com", auth.Active,
		"$argon2id$v=19$m=19456,t=2,p=1$RzRmNILRwnw46EKK0hac3A$+4gcHey8LevD8nyYpmn7WHLOb/cTYADovoGMjxwtusk"},
	{"Bob", "bob@example.com", auth.Active,
		"$argon2id$v=19$m=19456,t=2,p=1$H81zwZXE6YSUq/M6H2eOMg$fJwJjel0SRuM9so1znU8Oco/EqtAv7inV+N/Xwj5svc"},
	{"Carol", "carol@example.com", auth.Active,
		"$argon2id$v=19$m=19456,t=2,p=1$DSS0SejPnbDd9TvwO6Xc9g$Tx2jES2Ysc4rcyu9RN4XI6nUW/PzufZcJNeB/Lk7CLE"},
	{"Dave", "dave@example.com", auth.Inactive,
		"$argon2id$v=19$m=19456,t=2,p=1$LRFQcLQUhs8wvU4O2z/hxg$yJUb488CMB9xnS18vicJ5tqYdesYLBvD3wEuubXxXXw"},
}

// id is made from the e-mail address, so that every process, with any database, gives a seed the same one.
func (s seed) id() string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte("mailto:"+s.email)).String() }

func (s seed) tenantID() string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("tenant:"+s.email)).String()
}

// SeedIDs returns the ids of the seeds.
func SeedIDs() []string {
	ids := make([]string, len(seeds))
	for i, seed := range seeds {
		ids[i] = seed.id()
	}
	return ids
}

// seed makes sure that the seeds exist. It may run in many processes at once and changes nothing that is there already.
func (u *Users) seed(ctx context.Context) error {
	const tries = 50 // with the 100 ms for which SQLite waits itself
	for _, s := range seeds {
		err := u.insert(ctx, s)
		for try := 1; IsBusy(err) && try < tries && ctx.Err() == nil; try++ {
			err = u.insert(ctx, s)
		}
		if err != nil {
			return fmt.Errorf("users: seed %s: %w", s.email, err)
		}
	}
	return nil
}

// insert writes what a registration would write, but for the ids: those of a registration are random. It writes nothing when
// the seed is there, or somebody else with his address or name.
func (u *Users) insert(ctx context.Context, s seed) error {
	name, err := tenant.ParseName(s.name)
	if err != nil {
		return err
	}
	tx, err := u.db.SQL().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	now := any(time.Now())
	if dialectOf(u.at.address) == userdb.SQLite {
		now = time.Now().UnixMicro()
	}
	for _, row := range []struct {
		query  string
		values []any
	}{
		{`INSERT INTO tenants (id, name, name_key, private, status, created_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT DO NOTHING`, []any{s.tenantID(), name.String(), name.Key(), false, string(tenant.Active), now}},
		{`INSERT INTO users (id, email, email_key, name, password_hash, status, home_tenant_id, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			[]any{s.id(), s.email, tenant.EmailKey(s.email), s.name, s.hash, string(s.status), s.tenantID(), now}},
		{`INSERT INTO memberships (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)`,
			[]any{s.tenantID(), s.id(), string(tenant.Owner), now}},
	} {
		result, err := tx.ExecContext(ctx, row.query, row.values...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
	return tx.Commit()
}

// IsBusy reports whether another process writes to the file of SQLite for longer than a moment. It passes.
func IsBusy(err error) bool {
	var coded interface{ Code() int }
	const busy = 5
	return errors.As(err, &coded) && coded.Code()&0xff == busy
}
