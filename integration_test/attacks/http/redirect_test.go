package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// RD-01
func TestOpenRedirect(t *testing.T) { stage.Withstand(t, httpattacks.OpenRedirect) }

// RD-02, without a browser
func TestOpenRedirectByHTMX(t *testing.T) { stage.Withstand(t, httpattacks.OpenRedirectByHTMX) }

// RD-05
func TestReturnToARouteThatActs(t *testing.T) { stage.Withstand(t, httpattacks.ReturnToARouteThatActs) }

// RD-06
func TestForeignHost(t *testing.T) { stage.Withstand(t, httpattacks.ForeignHost) }

// HI-01
func TestHeaderInjection(t *testing.T) { stage.Withstand(t, httpattacks.HeaderInjection) }
