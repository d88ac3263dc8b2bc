package way_test

import (
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth/internal/way"
)

// send runs one handler for one request.
func send(t *testing.T, r *http.Request, handle fiber.Handler) (*http.Response, string) {
	t.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.All("/*", handle)
	got, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(body)
}

func TestCookies(t *testing.T) {
	secure, insecure := way.NewCookie("x", false, time.Minute), way.NewCookie("x", true, time.Minute)
	got, _ := send(t, httptest.NewRequest("GET", "/", nil), func(c *fiber.Ctx) error {
		secure.Set(c, "1")
		insecure.Clear(c)
		return nil
	})
	for _, want := range []string{
		"__Host-x=1; max-age=60; path=/; HttpOnly; secure; SameSite=Lax",
		"x-insecure=; max-age=0; path=/; HttpOnly; SameSite=Lax",
	} {
		found := false
		for _, cookie := range got.Header["Set-Cookie"] {
			found = found || cookie == want
		}
		if !found {
			t.Errorf("got %q, want %q among them", got.Header["Set-Cookie"], want)
		}
	}
	for sent, want := range map[string]string{
		"__Host-x=1": "1", "__Host-x=1; __Host-x=2": "", "__Host-x=1; __Host-x=1": "", "y=1": "", "__host-x=1": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", sent)
		if _, got := send(t, r, func(c *fiber.Ctx) error { return c.SendString(secure.Value(c)) }); got != want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestPagesAreReplacedOneByOne(t *testing.T) {
	defaults := fstest.MapFS{"a.html": {Data: []byte("<p>default a {{.}}</p>")}, "b.html": {Data: []byte("<p>default b {{.}}</p>")}}
	head := func(*fiber.Ctx) template.HTML { return "<!-- head -->" }
	pages, err := way.NewPages(defaults, fstest.MapFS{"a.html": {Data: []byte("<p>own a {{.}}</p>")}}, "de", nil, head)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.html": "<p>own a &lt;x&gt;</p>", "b.html": "<p>default b &lt;x&gt;</p>"} {
		got, body := send(t, httptest.NewRequest("GET", "/", nil), func(c *fiber.Ctx) error {
			return pages.Draw(c, 418, name, "A <title>", "<x>")
		})
		for _, part := range []string{want, `lang="de"`, "<title>A &lt;title&gt;</title>", "<!-- head -->"} {
			if got.StatusCode != 418 || !strings.Contains(body, part) {
				t.Errorf("got status %d and %s, want %s in it", got.StatusCode, body, part)
			}
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("HX-Request", "true")
		if _, body := send(t, r, func(c *fiber.Ctx) error { return pages.Draw(c, 200, name, "", "<x>") }); body != want {
			t.Errorf("htmx got %s, want the body alone", body)
		}
	}
	if _, err := way.NewPages(defaults, broken{}, "", nil, head); err == nil {
		t.Error("got no error of templates that cannot be read")
	}
}

// broken is a folder that cannot be read.
type broken struct{}

func (broken) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func TestCheckBaseURL(t *testing.T) {
	for base, wantOK := range map[string]bool{
		"https://www.example.com": true, "https://www.example.com:8443/app": true, "http://www.example.com": false, "": false,
		"https://": false, "https://a.test/": false, "https://a.test?x": false, "https://a.test#x": false, "https://u@a.test": false,
		"//a.test": false, "javascript:alert(1)": false,
	} {
		if err := way.CheckBaseURL(base, false); (err == nil) != wantOK {
			t.Errorf("%q: got %v", base, err)
		}
	}
	if err := way.CheckBaseURL("http://localhost:3000", true); err != nil {
		t.Errorf("got %v for development", err)
	}
}

func TestCheckPath(t *testing.T) {
	for path, wantOK := range map[string]bool{
		"/": true, "/auth": true, "/a/b": true,
		"": false, "auth": false, "//a": false, "/a/": false, "/:a": false, "/a*": false, `/\a`: false,
		"/a?b": false, "/a b": false,
	} {
		if err := way.CheckPath("Base", path); (err == nil) != wantOK {
			t.Errorf("%q: got %v", path, err)
		}
	}
}
