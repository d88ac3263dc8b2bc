package given_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/internal/given"
)

func TestNothingIsGiven(t *testing.T) {
	var pointer *int
	for sentence, c := range map[string]struct {
		given   any
		nothing bool
	}{
		"nil": {nil, true}, "a pointer to nothing": {pointer, true}, "a pointer": {new(int), false}, "a value": {0, false},
		"an empty value": {struct{}{}, false},
	} {
		if got := given.Nothing(c.given); got != c.nothing {
			t.Errorf("%s: got %v", sentence, got)
		}
	}
}
