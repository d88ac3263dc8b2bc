package tenant_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/tenant"
	"github.com/multiaccount-go/multiaccount/tenant/tenanttest"
)

func TestMemoryStore(t *testing.T) {
	tenanttest.Run(t, func(*testing.T) tenanttest.Fixture {
		s := tenant.NewMemoryStore()
		return tenanttest.Fixture{
			Store:   s,
			NewUser: func(_ testing.TB, email string) string { s.AddUser(email); return email },
			HasUser: func(_ testing.TB, id string) bool { return s.HasUser(id) },
		}
	})
}
