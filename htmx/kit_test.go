package htmx_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// answer is what a browser gets.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// ask sends one request to a handler at /page. The headers are name, value, name, value.
func ask(t *testing.T, handler fiber.Handler, headers ...string) answer {
	t.Helper()
	app := fiber.New()
	app.All("/page", handler)
	return send(t, app, http.MethodGet, "/page", headers...)
}

func send(t *testing.T, app *fiber.App, method, path string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Host = "app.test"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// want compares headers of an answer. The empty text says that a header is not there.
func (a answer) want(t *testing.T, status int, headers map[string]string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d", a.Status, status)
	}
	for name, value := range headers {
		if got := a.Header.Get(name); got != value {
			t.Errorf("header %s is %q, want %q", name, got, value)
		}
	}
}

// Requests as the versions of htmx make them.
var (
	fromV2 = []string{"HX-Request", "true", "HX-Target", "list"}
	fromV4 = []string{"HX-Request", "true", "HX-Source", "button#go", "HX-Target", "div#list", "HX-Request-Type", "partial"}
)
