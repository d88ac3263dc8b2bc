//go:build linux || darwin

package filestore_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/storetest"
	"github.com/multiaccount-go/multiaccount/storetest/internal/filestore"
)

// [start suite]

func TestStore(t *testing.T) {
	storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
		dir := t.TempDir()
		return filestore.New(dir), filestore.New(dir) // like two processes
	})
}

// [end suite]
