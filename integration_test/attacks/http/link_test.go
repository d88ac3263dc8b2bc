package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

func TestMain(m *testing.M) { stage.Main(m) }

// LK-01
func TestForeignPrimaryInThePath(t *testing.T) {
	stage.Withstand(t, httpattacks.ForeignPrimaryInThePath)
}

// LK-02
func TestForeignPrimaryThroughOtherDoors(t *testing.T) {
	stage.Withstand(t, httpattacks.ForeignPrimaryThroughOtherDoors)
}

// LK-04, without sockets
func TestVictimSignsInInsideTheThiefsSession(t *testing.T) {
	stage.Withstand(t, httpattacks.VictimSignsInInsideTheThiefsSession)
}

// LK-06
func TestAbandonedLink(t *testing.T) { stage.Withstand(t, httpattacks.AbandonedLink) }

// Not on the list.
func TestSignInWithoutAnIntent(t *testing.T) { stage.Withstand(t, httpattacks.SignInWithoutAnIntent) }

// Not on the list.
func TestForeignOrUsedIntent(t *testing.T) { stage.Withstand(t, httpattacks.ForeignOrUsedIntent) }

// LK-08
func TestRaceForTheLastPlace(t *testing.T) { stage.Withstand(t, httpattacks.RaceForTheLastPlace) }

// LK-08, one after the other
func TestOneTooMany(t *testing.T) { stage.Withstand(t, httpattacks.OneTooMany) }

// LK-09
func TestDriveByLink(t *testing.T) { stage.Withstand(t, httpattacks.DriveByLink) }

// LK-12
func TestDegenerateLinks(t *testing.T) { stage.Withstand(t, httpattacks.DegenerateLinks) }
