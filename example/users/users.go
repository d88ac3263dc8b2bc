// Package users keeps the people and the tenants of the example: what package auth/userdb has of them, on a database that
// nobody has to set up, with a short cache in front, since every page asks for the same few people.
package users

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/tenant"
	"github.com/redis/go-redis/v9"
)

// Users is the [auth.Store] of the example. It is safe for concurrent use, and processes that share a Redis, and with it a
// database, share the users.
type Users struct {
	*userdb.Users // what is not below goes straight to the database

	db    *userdb.DB
	at    found
	rdb   redis.UniversalClient
	bus   *redisstore.Bus
	cache cache
}

var (
	_ auth.Store    = (*Users)(nil)
	_ auth.Rehasher = (*Users)(nil)
)

// Open opens the database and makes sure that the seeds are in it. Close it at the end.
func Open(ctx context.Context, rdb redis.UniversalClient, at Place) (*Users, error) {
	f, err := at.find(ctx, rdb)
	if err != nil {
		return nil, err
	}
	u := &Users{at: f, rdb: rdb, bus: redisstore.NewBus(rdb, redisstore.WithPrefix("example"))}
	if u.db, err = userdb.Open(ctx, f.address); err != nil {
		return nil, errors.Join(err, u.removeFolder())
	}
	u.Users = u.db.Users()
	if err := u.seed(ctx); err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}

// Close closes the database, and removes it when it was only for this process.
func (u *Users) Close() error { return errors.Join(u.db.Close(), u.removeFolder()) }

func (u *Users) removeFolder() error {
	if u.at.folder == "" {
		return nil
	}
	return os.RemoveAll(u.at.folder)
}

// Ready reports whether the database answers.
func (u *Users) Ready(ctx context.Context) error { return u.db.Ping(ctx) }

// Database returns the database below, for tables of the app beside those of users and tenants.
func (u *Users) Database() *userdb.DB { return u.db }

// Tenants returns the tenants.
func (u *Users) Tenants() tenant.Store { return u.db.Tenants() }

// ByIDs implements [auth.Store]: most of the time without asking the database. It is what the library loads users with.
func (u *Users) ByIDs(ctx context.Context, ids ...string) (map[string]auth.User, error) {
	found, missing, drops := u.cache.get(ids)
	if len(missing) == 0 {
		return found, nil
	}
	read, err := u.Users.ByIDs(ctx, missing...)
	if err != nil {
		return nil, err
	}
	for id, user := range read {
		found[id] = user
		u.cache.put(user, drops)
	}
	return found, nil
}

// SetEmail implements [auth.Store].
func (u *Users) SetEmail(ctx context.Context, userID, email string) error {
	defer u.Changed(ctx, userID)
	return u.Users.SetEmail(ctx, userID, email)
}

// SetName implements [auth.Store].
func (u *Users) SetName(ctx context.Context, userID, name string) error {
	defer u.Changed(ctx, userID)
	return u.Users.SetName(ctx, userID, name)
}

// SetStatus implements [auth.Store].
func (u *Users) SetStatus(ctx context.Context, userID string, to auth.Status) error {
	defer u.Changed(ctx, userID)
	return u.Users.SetStatus(ctx, userID, to)
}

// Delete implements [auth.Store].
func (u *Users) Delete(ctx context.Context, userID string) error {
	defer u.Changed(ctx, userID)
	return u.Users.Delete(ctx, userID)
}

// Changed makes every process ask the database for some users again. The methods above call it, also when they fail: whether
// something was written is not always known then.
func (u *Users) Changed(ctx context.Context, ids ...string) {
	for _, id := range ids {
		u.cache.drop(id)
		if err := u.bus.Publish(context.WithoutCancel(ctx), changes, []byte(id)); err != nil {
			slog.Warn("other processes see a change of a user late", "after", cacheTime, "err", err)
		}
	}
}

// Watch hears what other processes change, until ctx ends.
func (u *Users) Watch(ctx context.Context) {
	err := u.bus.Subscribe(ctx, func(topic string, id []byte) {
		switch topic {
		case "": // some may have been missed
			u.cache.clear()
			u.remind(ctx)
		case changes:
			u.cache.drop(string(id))
		}
	})
	if ctx.Err() == nil {
		slog.Error("changes of users are not heard any more", "err", err)
	}
}

// remind puts the name of the database back into a Redis that has come back empty, so that processes that start now join
// this one.
func (u *Users) remind(ctx context.Context) {
	if u.at.shared == "" {
		return
	}
	switch id, err := sharedID(ctx, u.rdb, u.at.shared); {
	case err != nil && ctx.Err() == nil:
		slog.Warn("processes that start now may not find the database", "err", err)
	case err == nil && id != u.at.shared:
		slog.Error("another process on this Redis has another database: start one of them again")
	}
}

// changes is the topic on which processes tell each other which user has changed.
const changes = "users"
