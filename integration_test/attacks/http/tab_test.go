package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// CT-01
func TestFormOfAnotherAccount(t *testing.T) { stage.Withstand(t, httpattacks.FormOfAnotherAccount) }

// CT-04, without a browser
func TestHTMXOfAnotherAccount(t *testing.T) { stage.Withstand(t, httpattacks.HTMXOfAnotherAccount) }

// Not on the list.
func TestHistoryRestoreLaundersAFragment(t *testing.T) {
	stage.Withstand(t, httpattacks.HistoryRestoreLaundersAFragment)
}

// CT-08
func TestNothingIsExempt(t *testing.T) { stage.Withstand(t, httpattacks.NothingIsExempt) }

// CS-09, and stamps of former members, which are not on the list
func TestForgedStamps(t *testing.T) { stage.Withstand(t, httpattacks.ForgedStamps) }

// Not on the list.
func TestNoteRacesSwitch(t *testing.T) { stage.Withstand(t, httpattacks.NoteRacesSwitch) }

// Not on the list.
func TestRefusalNamesSomebodyElse(t *testing.T) {
	stage.Withstand(t, httpattacks.RefusalNamesSomebodyElse)
}
