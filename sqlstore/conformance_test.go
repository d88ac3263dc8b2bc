package sqlstore_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/storetest"
)

func TestConformance(t *testing.T) {
	for _, e := range []engine{onPostgres, onSQLite} {
		t.Run(e.name, func(t *testing.T) {
			address := e.migrated(t)
			t.Run("one store", func(t *testing.T) {
				store := e.store(t, address)
				storetest.Run(t, func(*testing.T) account.Store { return store })
			})
			t.Run("two with a pool each, like two processes", func(t *testing.T) {
				storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
					return e.store(t, address), e.store(t, address)
				})
			})
		})
	}
}
