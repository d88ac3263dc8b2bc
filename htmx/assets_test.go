package htmx_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/browser"
	"github.com/multiaccount-go/multiaccount/htmx"
)

var source = regexp.MustCompile(`src="([^"]+)"`)

// sources returns the addresses of the scripts that a page loads.
func sources(html string) []string {
	var all []string
	for _, match := range source.FindAllStringSubmatch(html, -1) {
		all = append(all, match[1])
	}
	return all
}

func TestAPageFindsItsScriptsWhereverTheyAreMounted(t *testing.T) {
	for mounted, prefix := range map[string]string{"/htmx": "", "/static/js": "/static/js", "/slash": "/slash/", "/v1/é": "/v1/%C3%A9"} {
		app := fiber.New(fiber.Config{UnescapePath: true})
		app.Get(mounted+"/*", htmx.Handler)
		for _, version := range []htmx.Version{htmx.V2, htmx.V4} {
			found := sources(string(htmx.Scripts(version, htmx.Config{Prefix: prefix})))
			if len(found) != 3 {
				t.Fatalf("%d scripts, want 3: %v", len(found), found)
			}
			for _, address := range found {
				a := send(t, app, http.MethodGet, address)
				a.want(t, 200, map[string]string{
					"Content-Type": "text/javascript; charset=utf-8", "X-Content-Type-Options": "nosniff",
					"Cache-Control": "public, max-age=31536000, immutable",
				})
				if len(a.Body) == 0 {
					t.Errorf("%s is empty", address)
				}
			}
		}
	}
}

func TestTheLiveScriptIsThatOfPackageBrowser(t *testing.T) {
	app := fiber.New()
	app.Get("/htmx/*", htmx.Handler)
	a := send(t, app, http.MethodGet, "/htmx/live.js")
	a.want(t, 200, map[string]string{"Etag": browser.LiveETag})
	if a.Body != string(browser.Live) {
		t.Error("another script is served")
	}
}

func TestAssetsAndCaches(t *testing.T) {
	app := fiber.New()
	app.Get("/htmx/*", htmx.Handler)
	const address = "/htmx/htmx-4.0.1.min.js"
	fresh := send(t, app, http.MethodGet, address)
	tag := fresh.Header.Get("Etag")
	if !regexp.MustCompile(`^"[A-Za-z0-9_-]{22}"$`).MatchString(tag) {
		t.Fatalf("ETag %s, want a quoted strong tag", tag)
	}
	version := strings.Trim(tag, `"`)
	const forEver, ask = "public, max-age=31536000, immutable", "public, no-cache"

	for name, test := range map[string]struct {
		query, ifNoneMatch, cache string
		status                    int
	}{
		"the address names the content":                 {"?v=" + version, "", forEver, 200},
		"the address names nothing":                     {"", "", ask, 200},
		"the address names what was there before":       {"?v=" + strings.Repeat("A", 22), "", ask, 200},
		"the address names no version":                  {"?v=", "", ask, 200},
		"the browser has it":                            {"?v=" + version, tag, forEver, 304},
		"the browser has it, an old page asks":          {"?v=old", tag, ask, 304},
		"a proxy that compresses has made the tag weak": {"", "W/" + tag, ask, 304},
		"the browser has this one and others":           {"", `"a", W/"b" , ` + tag, ask, 304},
		"the browser has any":                           {"", "*", ask, 304},
		"the browser has another one":                   {"", `"a"`, ask, 200},
		"the browser sends the tag without quotes":      {"", version, ask, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if test.ifNoneMatch != "" {
				headers = []string{"If-None-Match", test.ifNoneMatch}
			}
			a := send(t, app, http.MethodGet, address+test.query, headers...)
			a.want(t, test.status, map[string]string{"Cache-Control": test.cache, "Etag": tag})
			if (a.Body == "") != (test.status == 304) {
				t.Errorf("body of %d bytes", len(a.Body))
			}
		})
	}

	t.Run("HEAD says the same without a body", func(t *testing.T) {
		a := send(t, app, http.MethodHead, address+"?v="+version)
		a.want(t, 200, map[string]string{
			"Etag": tag, "Cache-Control": forEver, "Content-Type": "text/javascript; charset=utf-8",
			"Content-Length": fresh.Header.Get("Content-Length"),
		})
		if a.Body != "" {
			t.Errorf("body of %d bytes", len(a.Body))
		}
	})
}

func TestNothingElseIsServed(t *testing.T) {
	app := fiber.New()
	app.Get("/htmx/*", htmx.Handler)
	for _, name := range []string{"", "VENDOR.md", "vendor/htmx-4.0.1.min.js", "../htmx.go", "..%2fhtmx.go", "HTMX-4.0.1.MIN.JS"} {
		if a := send(t, app, http.MethodGet, "/htmx/"+name); a.Status != 404 {
			t.Errorf("%q: status %d, want 404", name, a.Status)
		}
	}
	if a := send(t, app, http.MethodPost, "/htmx/live.js"); a.Status != 405 {
		t.Errorf("POST: status %d, want 405", a.Status)
	}
}

func TestVendoredFilesAreThoseOfTheTable(t *testing.T) {
	table, err := os.ReadFile("vendor/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` .*`(LICENSE[^`]+)`.*`([0-9a-f]{64})` \\|$").FindAllStringSubmatch(string(table), -1)
	listed := map[string]bool{}
	for _, row := range rows {
		name, licence, sum := row[1], row[2], row[3]
		listed[name] = true
		data, err := os.ReadFile(filepath.Join("vendor", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s has the checksum %x, the table says %s", name, got, sum)
		}
		if _, err := os.Stat(filepath.Join("vendor", licence)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	there, err := filepath.Glob("vendor/*.js")
	if err != nil || len(there) != len(listed) {
		t.Errorf("%d scripts, %d in the table (%v)", len(there), len(listed), err)
	}
}
