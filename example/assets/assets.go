// Package assets holds the style sheet and the icon that the pages load, from this binary.
package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"

	"github.com/gofiber/fiber/v2"
)

//go:embed *.css *.svg
var files embed.FS

// prefix is where Serve is mounted.
const prefix = "/assets/"

// asset is a file and the hash of what is in it.
type asset struct {
	kind, version string
	data          []byte
}

var all = load()

func load() map[string]asset {
	loaded := map[string]asset{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(name)
		sum := sha256.Sum256(data)
		loaded[name] = asset{kind: kindOf(name), version: hex.EncodeToString(sum[:8]), data: data}
		return err
	})
	if err != nil {
		panic(fmt.Errorf("assets: embedded files cannot be read: %w", err))
	}
	return loaded
}

// kindOf does not ask the machine for the kinds that matter: what it knows differs.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

// URL returns where a browser finds a file. It names the content's version, so the browser may keep it for ever.
func URL(name string) (string, error) {
	a, ok := all[name]
	if !ok {
		return "", fmt.Errorf("assets: there is no file %q", name)
	}
	return prefix + name + "?v=" + a.version, nil
}

// Serve answers GET /assets/*.
func Serve(c *fiber.Ctx) error {
	a, ok := all[c.Params("*")]
	if !ok {
		return fiber.ErrNotFound
	}
	etag := `"` + a.version + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "public, no-cache")
	if c.Query("v") == a.version {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	if c.Get(fiber.HeaderIfNoneMatch) == etag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, a.kind)
	return c.Send(a.data)
}
