package users

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// SeedPassword is the password of every user that exists at the start.
const SeedPassword = "correct horse battery staple"

// seed is a user that exists at the start. The hash is of SeedPassword and was made once, so that a start takes no
// time; a process that hashes it anew gets another salt and another text.
type seed struct {
	name, email string
	status      Status
	hash        string
}

var seeds = []seed{
	{"Alice", "alice@example.com", Active,
		"$argon2id$v=19$m=19456,t=2,p=1$RzRmNILRwnw46EKK0hac3A$+4gcHey8LevD8nyYpmn7WHLOb/cTYADovoGMjxwtusk"},
	{"Bob", "bob@example.com", Active,
		"$argon2id$v=19$m=19456,t=2,p=1$H81zwZXE6YSUq/M6H2eOMg$fJwJjel0SRuM9so1znU8Oco/EqtAv7inV+N/Xwj5svc"},
	{"Carol", "carol@example.com", Active,
		"$argon2id$v=19$m=19456,t=2,p=1$DSS0SejPnbDd9TvwO6Xc9g$Tx2jES2Ysc4rcyu9RN4XI6nUW/PzufZcJNeB/Lk7CLE"},
	{"Dave", "dave@example.com", Inactive,
		"$argon2id$v=19$m=19456,t=2,p=1$LRFQcLQUhs8wvU4O2z/hxg$yJUb488CMB9xnS18vicJ5tqYdesYLBvD3wEuubXxXXw"},
}

// id is made from the e-mail address, so that every process gives a seed the same one.
func (s seed) id() string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte("mailto:"+s.email)).String() }

func (s seed) tenantID() string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("tenant:"+s.email)).String()
}

// Seed makes sure that the seeds exist. It may run on many processes at once and changes nothing that is there already.
func (s *Users) Seed(ctx context.Context) error {
	for _, seed := range seeds {
		u := User{ID: seed.id(), TenantID: seed.tenantID(), Name: seed.name, Email: seed.email, Status: seed.status}
		var taken FieldErrors
		if err := s.insert(ctx, u, canonicalName(u.Name), seed.hash); err != nil && !errors.As(err, &taken) {
			return err
		}
	}
	return nil
}

// SeedIDs returns the ids of the seeds.
func SeedIDs() []string {
	ids := make([]string, len(seeds))
	for i, seed := range seeds {
		ids[i] = seed.id()
	}
	return ids
}
