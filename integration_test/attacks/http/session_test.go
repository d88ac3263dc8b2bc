package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// SE-01
func TestResurrection(t *testing.T) { stage.Withstand(t, httpattacks.Resurrection) }

// SE-02
func TestOldSecretComesBack(t *testing.T) { stage.Withstand(t, httpattacks.OldSecretComesBack) }

// SE-03
func TestFixation(t *testing.T) { stage.Withstand(t, httpattacks.Fixation) }

// SE-04
func TestReplayOfOldCookies(t *testing.T) { stage.Withstand(t, httpattacks.ReplayOfOldCookies) }

// Not on the list.
func TestHalfACookie(t *testing.T) { stage.Withstand(t, httpattacks.HalfACookie) }

// SE-06
func TestRotation(t *testing.T) { stage.Withstand(t, httpattacks.Rotation) }

// SE-10
func TestCookieAttributes(t *testing.T) { stage.Withstand(t, httpattacks.CookieAttributes) }

// SE-11
func TestCookieTossing(t *testing.T) { stage.Withstand(t, httpattacks.CookieTossing) }

// SE-15
func TestDeactivatedActs(t *testing.T) { stage.Withstand(t, httpattacks.DeactivatedActs) }

// SE-17
func TestSignOutOfOne(t *testing.T) { stage.Withstand(t, httpattacks.SignOutOfOne) }

// Not on the list.
func TestTwoAccountsSignEachOtherOut(t *testing.T) {
	stage.Withstand(t, httpattacks.TwoAccountsSignEachOtherOut)
}
