package tenant

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// EmailKey returns the form in which e-mail addresses are compared, everywhere: at registration, at sign-in, in invitations
// and in what counts attempts. Two addresses with one key are one.
func EmailKey(typed string) string { return strings.ToLower(norm.NFC.String(strings.TrimSpace(typed))) }
