package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// CS-01
func TestCrossSitePost(t *testing.T) { stage.Withstand(t, httpattacks.CrossSitePost) }

// CS-02
func TestWhereRequestsComeFrom(t *testing.T) { stage.Withstand(t, httpattacks.WhereRequestsComeFrom) }

// CS-03
func TestLoginCSRF(t *testing.T) { stage.Withstand(t, httpattacks.LoginCSRF) }

// CS-04
func TestLoginCSRFIntoTheLink(t *testing.T) { stage.Withstand(t, httpattacks.LoginCSRFIntoTheLink) }

// CS-05
func TestGetChangesNothing(t *testing.T) { stage.Withstand(t, httpattacks.GetChangesNothing) }

// Not on the list.
func TestOtherUnsafeMethods(t *testing.T) { stage.Withstand(t, httpattacks.OtherUnsafeMethods) }

// CS-07, without a browser
func TestSelfSubmittingConfirmPage(t *testing.T) {
	stage.Withstand(t, httpattacks.SelfSubmittingConfirmPage)
}

// CS-08
func TestHXRequestProvesNothing(t *testing.T) { stage.Withstand(t, httpattacks.HXRequestProvesNothing) }

// CS-11
func TestBodiesInDisguise(t *testing.T) { stage.Withstand(t, httpattacks.BodiesInDisguise) }

// Not on the list.
func TestSignOutInOtherSpellings(t *testing.T) {
	stage.Withstand(t, httpattacks.SignOutInOtherSpellings)
}

// FR-01
func TestFraming(t *testing.T) { stage.Withstand(t, httpattacks.Framing) }

// WS-01 in short: the control of the handshake's origin check needs it
func TestForeignHandshake(t *testing.T) { stage.Withstand(t, httpattacks.ForeignHandshake) }
