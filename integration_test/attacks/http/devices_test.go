package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// SE-18, by its attacks
func TestForeignDevice(t *testing.T) { stage.Withstand(t, httpattacks.ForeignDevice) }

// Not on the list.
func TestProofOfAnotherAccount(t *testing.T) { stage.Withstand(t, httpattacks.ProofOfAnotherAccount) }
