package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// Not on the list: the invariants of section 7.5 on two real nodes.
func TestRandomActs(t *testing.T) { stage.Withstand(t, httpattacks.RandomActs) }
