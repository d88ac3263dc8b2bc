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

// Live is the script of pages with live views, JavaScript in UTF-8, for both versions of htmx. It is shared: do not change
// it. A page loads it after htmx and its websocket extension.
//
//go:embed live.js
var Live []byte

// ETag and LiveETag are the strong entity tags of Script and Live, quotes included. They change exactly when the script
// does, so every process that runs the same build answers with the same ones.
var (
	ETag     = etag(Script)
	LiveETag = etag(Live)
)

func etag(script []byte) string {
	sum := sha256.Sum256(script)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
