package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// SW-01, and the uniform answers of EN-01 for whoever tries ids
func TestSwitchToSomebodyElse(t *testing.T) { stage.Withstand(t, httpattacks.SwitchToSomebodyElse) }

// SW-03
func TestSwitchToTheDeactivated(t *testing.T) { stage.Withstand(t, httpattacks.SwitchToTheDeactivated) }

// SW-05
func TestSwitchRacesSignOut(t *testing.T) { stage.Withstand(t, httpattacks.SwitchRacesSignOut) }

// SW-05, the other pairs
func TestSwitchRacesSignOutOfItsTarget(t *testing.T) {
	stage.Withstand(t, httpattacks.SwitchRacesSignOutOfItsTarget)
}

// SW-07
func TestRotatedAwayCookieLogsNobodyOut(t *testing.T) {
	stage.Withstand(t, httpattacks.RotatedAwayCookieLogsNobodyOut)
}

// Not on the list.
func TestOldSecretOfTwoSwitchesAgo(t *testing.T) {
	stage.Withstand(t, httpattacks.OldSecretOfTwoSwitchesAgo)
}

// Not on the list.
func TestOrderOfRefusals(t *testing.T) { stage.Withstand(t, httpattacks.OrderOfRefusals) }

// Not on the list.
func TestChooserActsAsNobody(t *testing.T) { stage.Withstand(t, httpattacks.ChooserActsAsNobody) }

// Not on the list.
func TestWhatAnOldCookieSees(t *testing.T) { stage.Withstand(t, httpattacks.WhatAnOldCookieSees) }
