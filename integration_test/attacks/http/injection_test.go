package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// XS-01
func TestHostileNames(t *testing.T) { stage.Withstand(t, httpattacks.HostileNames) }

// XS-01, for tenants
func TestHostileTenants(t *testing.T) { stage.Withstand(t, httpattacks.HostileTenants) }

// XS-01, for what people write
func TestHostileText(t *testing.T) { stage.Withstand(t, httpattacks.HostileText) }

// Not on the list.
func TestHostileFlash(t *testing.T) { stage.Withstand(t, httpattacks.HostileFlash) }

// XS-03, without a browser
func TestHardening(t *testing.T) { stage.Withstand(t, httpattacks.Hardening) }

// XS-04
func TestErrorsTalk(t *testing.T) { stage.Withstand(t, httpattacks.ErrorsTalk) }

// Not on the list.
func TestSmuggling(t *testing.T) { stage.Withstand(t, httpattacks.Smuggling) }

// Not on the list.
func TestSkippedPaths(t *testing.T) { stage.Withstand(t, httpattacks.SkippedPaths) }
