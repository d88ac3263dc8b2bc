// Package users is the example's own user table: tenants, users and passwords, in Redis. The library never sees it; it
// is handed ids and asks [Users.ByIDs] for the rest.
package users

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/redis/go-redis/v9"
)

// Status says whether a user may act.
type Status string

// What a user can be.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
)

// User is a person as pages show them. The password hash is kept elsewhere, so no page can leak it.
type User struct {
	ID       string `json:"id"`
	TenantID string `json:"tenant_id"`
	Name     string `json:"name"` // the account name chosen at registration
	Email    string `json:"email"`
	Status   Status `json:"status"`
}

// IsActive reports whether the user may act.
func (u User) IsActive() bool { return u.Status == Active }

// ErrUnknown says that there is no user with that id.
var ErrUnknown = errors.New("users: no such user")

// The keys share one hash tag, so that the scripts run on a Redis cluster too.
const (
	keyUsers     = "example:{users}:users"     // user id -> User as JSON
	keyPasswords = "example:{users}:passwords" // user id -> password hash
	keyEmails    = "example:{users}:emails"    // e-mail in canonical form -> user id
	keyTenants   = "example:{users}:tenants"   // tenant id -> name as typed
	keyNames     = "example:{users}:names"     // tenant name in canonical form -> tenant id
)

// Users reads and writes users. It is safe for concurrent use, and processes that share a Redis share the users.
type Users struct {
	rdb   redis.UniversalClient
	bus   *redisstore.Bus
	cache cache
}

// New returns the users in rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient) *Users {
	return &Users{rdb: rdb, bus: redisstore.NewBus(rdb, redisstore.WithPrefix("example"))}
}

// ByIDs returns the users that exist among ids, in one round trip or, most of the time, none. It is what the library loads
// users with.
func (s *Users) ByIDs(ctx context.Context, ids ...string) (map[string]User, error) {
	found, missing, drops := s.cache.get(ids)
	if len(missing) == 0 {
		return found, nil
	}
	rows, err := s.rdb.HMGet(ctx, keyUsers, missing...).Result()
	if err != nil {
		return nil, fmt.Errorf("users: by ids: %w", err)
	}
	for i, row := range rows {
		text, ok := row.(string)
		if !ok {
			continue // nil: no such user
		}
		var u User
		if err := json.Unmarshal([]byte(text), &u); err != nil {
			return nil, fmt.Errorf("users: by ids: %q: %w", missing[i], err)
		}
		found[u.ID] = u
		s.cache.put(u, drops)
	}
	return found, nil
}

//go:embed scripts/set_status.lua
var setStatusSource string

var setStatus = redis.NewScript(setStatusSource)

// SetStatus makes a user active or inactive. It returns ErrUnknown when there is none with that id.
func (s *Users) SetStatus(ctx context.Context, id string, to Status) error {
	changed, err := setStatus.Run(ctx, s.rdb, []string{keyUsers}, id, string(to)).Int()
	if err != nil {
		return fmt.Errorf("users: set status: %w", err)
	}
	if changed == 0 {
		return ErrUnknown
	}
	s.changed(ctx, id)
	return nil
}
