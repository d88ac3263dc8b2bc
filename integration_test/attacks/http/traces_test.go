package httpattacks_test

import (
	"testing"

	httpattacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
)

// DO-06
func TestAnonymousFlood(t *testing.T) { stage.Withstand(t, httpattacks.AnonymousFlood) }

// KY-01
func TestCookieNamesAKey(t *testing.T) { stage.Withstand(t, httpattacks.CookieNamesAKey) }

// KY-02, without sockets
func TestPatternsAndTags(t *testing.T) { stage.Withstand(t, httpattacks.PatternsAndTags) }

// EN-01
func TestSignInTells(t *testing.T) { stage.Withstand(t, httpattacks.SignInTells) }

// EN-03, reported
func TestSignInTakes(t *testing.T) { stage.Withstand(t, httpattacks.SignInTakes) }

// ST-01
func TestSecretsAtRest(t *testing.T) { stage.Withstand(t, httpattacks.SecretsAtRest) }

// CA-01
func TestStoredAnswers(t *testing.T) { stage.Withstand(t, httpattacks.StoredAnswers) }

// CA-02
func TestSharedCacheInFront(t *testing.T) { stage.Withstand(t, httpattacks.SharedCacheInFront) }

// CA-03
func TestVariants(t *testing.T) { stage.Withstand(t, httpattacks.Variants) }
