package userdb_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant/tenanttest"
)

func TestUsersKeepTheContractOfTheirSeam(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		authtest.Run(t, func(*testing.T) authtest.Fixture {
			return authtest.Fixture{Store: db.Users(), Tenants: db.Tenants()}
		})
	})
}

func TestTenantsKeepTheContractOfTheirSeam(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		tenanttest.Run(t, func(*testing.T) tenanttest.Fixture {
			return tenanttest.Fixture{
				Store: db.Tenants(),
				NewUser: func(t testing.TB, email string) string {
					user, err := db.Users().Register(t.Context(), auth.Registration{Email: email, Now: now()})
					if err != nil {
						t.Fatal(err)
					}
					return user.ID
				},
				HasUser: func(t testing.TB, id string) bool { return exists(t, db, id) },
			}
		})
	})
}

func exists(t testing.TB, db *userdb.DB, id string) bool {
	t.Helper()
	known, err := db.Users().ByIDs(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	_, ok := known[id]
	return ok
}
