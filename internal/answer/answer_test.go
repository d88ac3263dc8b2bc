package answer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/answer"
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

func TestPosted(t *testing.T) {
	const form, object = "application/x-www-form-urlencoded", "application/json"
	multipart := "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nmulti\r\n--b--\r\n"
	tests := map[string]struct{ method, path, kind, body, want string }{
		"a form":                     {"POST", "/", form, "x=1%202", "1 2"},
		"a form with parts":          {"POST", "/", "multipart/form-data; boundary=b", multipart, "multi"},
		"JSON":                       {"POST", "/", object, `{"x":"text"}`, "text"},
		"JSON with a number":         {"POST", "/", object, `{"x":30}`, "30"},
		"JSON with a list":           {"POST", "/", object, `{"x":["a"]}`, ""},
		"JSON with null":             {"POST", "/", object, `{"x":null}`, ""},
		"JSON that is none":          {"POST", "/", object, `{"x":`, ""},
		"twice":                      {"POST", "/", form, "x=1&x=2", ""},
		"in the query":               {"POST", "/?x=1", form, "y=2", ""},
		"a GET":                      {"GET", "/?x=1", "", "", ""},
		"a form that claims nothing": {"POST", "/", "text/plain", "x=1", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			_, got := send(t, r, func(c *fiber.Ctx) error { return c.SendString(answer.Posted(c, "x")) })
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLeadAnswersByWhoAsks(t *testing.T) {
	tests := map[string]struct {
		header, value string
		status        int
		want          string
	}{
		"a page":    {"Accept", "text/html", http.StatusSeeOther, "Location"},
		"htmx":      {"HX-Request", "true", http.StatusNoContent, "HX-Redirect"},
		"a program": {"Accept", "application/json", http.StatusCreated, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set(test.header, test.value)
			got, body := send(t, r, func(c *fiber.Ctx) error {
				_ = c.SendString("an answer that this one replaces")
				return answer.Lead(c, "/there", http.StatusCreated, fiber.Map{"made": 1})
			})
			if got.StatusCode != test.status || test.want != "" && got.Header.Get(test.want) != "/there" ||
				test.want == "" && body != `{"made":1}` || test.want != "" && body != "" {
				t.Errorf("got status %d, %v, %s", got.StatusCode, got.Header, body)
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Error("the answer may be cached")
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	whole := answer.Problem{Code: "invalid", Text: "Look again."}
	for want, fields := range map[string]map[string]answer.Problem{
		`{"error":"invalid","message":"Look again.","fields":{"email":{"error":"taken","message":"Taken."}}}`: {
			"email": {Code: "taken", Text: "Taken."}},
		`{"error":"invalid","message":"Look again."}`: nil,
	} {
		got, body := send(t, httptest.NewRequest("POST", "/", nil), func(c *fiber.Ctx) error {
			return answer.Mistakes(c, http.StatusConflict, whole, fields)
		})
		if got.StatusCode != http.StatusConflict || body != want || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("got %d %s with %v, want %s", got.StatusCode, body, got.Header, want)
		}
	}
}

func TestHTMXStaysWhereItIs(t *testing.T) {
	for here, want := range map[string]string{
		"https://app.test/there": "HX-Refresh", "https://app.test/elsewhere": "HX-Redirect", "/there": "HX-Redirect", "": "HX-Redirect",
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("HX-Request", "true")
		r.Header.Set("HX-Current-URL", here)
		got, body := send(t, r, func(c *fiber.Ctx) error {
			c.Set("HX-Redirect", "/link/choose") // an answer that this one replaces
			_ = c.SendString("former")
			return answer.Lead(c, "/there", http.StatusOK, nil)
		})
		other := map[string]string{"HX-Refresh": "HX-Redirect", "HX-Redirect": "HX-Refresh"}[want]
		if got.StatusCode != http.StatusNoContent || got.Header.Get(want) == "" || got.Header.Get(want) == "/link/choose" ||
			got.Header.Get(other) != "" || body != "" {
			t.Errorf("from %q: got %d, %v, %q", here, got.StatusCode, got.Header, body)
		}
	}
}
