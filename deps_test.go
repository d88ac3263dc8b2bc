package multiaccount_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/multiaccount-go/multiaccount"

// mayImport is the house: which room may import which. Nothing of it reaches back up.
var mayImport = map[string][]string{
	".":                 {"account", "attempts", "browser", "internal/origin", "internal/pages", "live", "switcher"},
	"account":           {},
	"account/moving":    {"account"},
	"audit":             {".", "account"},
	"attempts":          {"internal/network"},
	"browser":           {},
	"hooks":             {".", "live"},
	"htmx":              {"browser"},
	"internal/answer":   {},
	"internal/given":    {},
	"internal/htmltest": {},
	"internal/network":  {},
	"internal/oidctest": {},
	"internal/origin":   {},
	"internal/pages":    {"switcher"},
	"live":              {"internal/network", "internal/origin"},
	"livetest":          {},
	"redisstore":        {"account", "attempts"},
	"storetest":         {"account"},

	"storetest/internal/filestore": {"account"},

	"switcher": {"account"},
}

// outside lists the modules that a room may use. A room that is missing may use the standard library only.
var outside = map[string][]string{
	".":               {"github.com/gofiber/fiber/v2", "github.com/google/uuid"},
	"audit":           {"github.com/google/uuid"},
	"hooks":           {"github.com/gofiber/fiber/v2"},
	"htmx":            {"github.com/gofiber/fiber/v2"},
	"internal/answer": {"github.com/gofiber/fiber/v2"},
	"internal/origin": {"github.com/gofiber/fiber/v2"},
	"live": {"github.com/gofiber/fiber/v2", "github.com/gofiber/contrib/websocket", "github.com/fasthttp/websocket",
		"github.com/google/uuid", "github.com/valyala/fasthttp"},
	"livetest":   {"github.com/gofiber/fiber/v2", "github.com/fasthttp/websocket", "golang.org/x/net"},
	"redisstore": {"github.com/gofiber/fiber/v2", "github.com/gofiber/storage/redis/v3", "github.com/redis/go-redis/v9"},
}

func TestImportsFollowTheHouse(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); path == ".git" || path != "." && err == nil {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		room := filepath.ToSlash(filepath.Dir(path))
		seen[room] = true
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s is a room that this test does not know: say in mayImport what it may import", room)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			switch inside, ours := strings.CutPrefix(name, module); {
			case ours:
				if to := strings.TrimPrefix(inside, "/"); !slices.Contains(allowed, orRoot(to)) {
					t.Errorf("%s imports %s: the arrow runs the wrong way", path, orRoot(to))
				}
			case strings.Contains(strings.Split(name, "/")[0], "."):
				if !slices.ContainsFunc(outside[room], func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") }) {
					t.Errorf("%s imports %s: %s may not use that module", path, name, room)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range mayImport {
		if !seen[room] {
			t.Errorf("%s is in mayImport but not in the tree", room)
		}
	}
}

func orRoot(room string) string {
	if room == "" {
		return "."
	}
	return room
}
