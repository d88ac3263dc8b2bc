package authtest_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/authtest"
)

func TestStoreInMemoryKeepsTheContract(t *testing.T) {
	authtest.Run(t, func(t *testing.T) authtest.Fixture {
		s := authtest.NewStore()
		return authtest.Fixture{Store: s, Tenants: s.Tenants()}
	})
}
