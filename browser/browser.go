// Package browser holds the script that keeps an open tab in step with its browser session: it follows a switch that
// another tab made and stamps what the page sends. The plugin serves it; the comments of multiaccount.js say how a page
// configures it.
package browser

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

// Script is the browser script, JavaScript in UTF-8. It is shared: do not change it.
//
//go:embed multiaccount.js
var Script []byte

// ETag is the strong entity tag of Script, quotes included. It changes exactly when the script does, so every process
// that runs the same build answers with the same one.
var ETag = func() string {
	sum := sha256.Sum256(Script)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}()
