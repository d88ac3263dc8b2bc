// Package htmx is what an app needs to use htmx with Fiber: the files of htmx 2 and htmx 4 inside of the binary, the
// elements that load them with safe settings, and helpers for handlers that answer a whole page or a part of it. The
// helpers work the same with both versions.
//
//	app.Get("/htmx/*", htmx.Handler)
//	head := htmx.Scripts(htmx.V4) // into the page's head element
//
// All functions may be called concurrently, each with its own *fiber.Ctx. Strings that they return are copies: they may be
// kept after the handler has returned.
package htmx

import "strconv"

// Version is a major version of htmx. The two differ in names of events and headers and in what they do with answers that
// are errors; markup for one of them mostly works in the other.
type Version int

// The versions that this package has.
const (
	V2 Version = 2 // htmx 2.0.11, with its websocket extension 2.0.4
	V4 Version = 4 // htmx 4.0.1, with its websocket extension
)

// String returns "2" or "4".
func (v Version) String() string { return strconv.Itoa(int(v)) }

// ParseVersion reads what [Version.String] writes. It reports false for anything else.
func ParseVersion(text string) (Version, bool) {
	switch text {
	case "2":
		return V2, true
	case "4":
		return V4, true
	}
	return 0, false
}

// Headers of requests, set by htmx.
const (
	headerRequest        = "HX-Request"
	headerRequestType    = "HX-Request-Type" // htmx 4
	headerSource         = "HX-Source"       // htmx 4
	headerBoosted        = "HX-Boosted"
	headerHistoryRestore = "HX-History-Restore-Request"
	headerTarget         = "HX-Target"
	headerTargetEncoded  = "HX-Target-URI-AutoEncoded" // htmx 2
	headerCurrentURL     = "HX-Current-URL"
)

// Headers of answers, read by htmx.
const (
	headerTrigger    = "HX-Trigger"
	headerRedirect   = "HX-Redirect"
	headerRefresh    = "HX-Refresh"
	headerPushURL    = "HX-Push-Url"
	headerReplaceURL = "HX-Replace-Url"
	headerRetarget   = "HX-Retarget"
	headerReswap     = "HX-Reswap"
	headerReselect   = "HX-Reselect"
)
