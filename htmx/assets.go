package htmx

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/browser"
)

//go:embed vendor/*.js
var files embed.FS

// asset is a script and what names its content.
type asset struct {
	data []byte
	etag string // a strong one, quotes included
}

// version is the part of the address that changes with the content.
func (a asset) version() string { return strings.Trim(a.etag, `"`) }

// The scripts of each version, in the order in which a page has to load them: an extension after htmx, and what works with
// both after both.
const liveScript = "live.js"

var scripts = map[Version][]string{
	V2: {"htmx-2.0.11.min.js", "htmx-ext-ws-2.0.4.min.js", liveScript},
	V4: {"htmx-4.0.1.min.js", "hx-ws-4.0.1.min.js", liveScript},
}

var assets = loadAssets()

func loadAssets() map[string]asset {
	loaded := map[string]asset{liveScript: {data: browser.Live, etag: browser.LiveETag}}
	for _, names := range scripts {
		for _, name := range names {
			if name == liveScript {
				continue
			}
			data, err := files.ReadFile("vendor/" + name)
			if err != nil {
				panic(fmt.Errorf("htmx: embedded file: %w", err))
			}
			sum := sha256.Sum256(data)
			loaded[name] = asset{data: data, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
		}
	}
	return loaded
}

// Handler answers GET and HEAD for the scripts. Mount it with a wildcard, such as app.Get("/htmx/*", htmx.Handler), before
// anything that asks who is signed in; mounted elsewhere than at /htmx, say so in [Config.Prefix]. Browsers keep a script for
// ever when its address names the content, as the addresses of [Scripts] do. An unknown name is a [fiber.ErrNotFound].
func Handler(c *fiber.Ctx) error {
	a, ok := assets[c.Params("*")]
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderETag, a.etag)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "public, no-cache")
	if c.Query("v") == a.version() {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	if hasTag(c.Get(fiber.HeaderIfNoneMatch), a.etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, "text/javascript; charset=utf-8")
	return c.Send(a.data)
}

// hasTag reports whether an If-None-Match header names a tag. A proxy that compresses makes strong tags weak ones.
func hasTag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
