package main

import (
	"fmt"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// busy is what the driver of SQLite says while another process writes.
type busy struct{ code int }

func (b busy) Error() string { return "database is locked" }
func (b busy) Code() int     { return b.code }

// What passes is told as such, so that programs and people come again.
func TestErrorsThatPass(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"another process writes":         {fmt.Errorf("board: add: %w", busy{5}), fiber.StatusServiceUnavailable},
		"another one recovers the file":  {busy{5 | 1<<8}, fiber.StatusServiceUnavailable},
		"the database refuses something": {busy{19}, fiber.StatusInternalServerError},
		"Redis is gone":                  {io.EOF, fiber.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			app := fiber.New(fiber.Config{ErrorHandler: (&site{}).failed})
			app.Get("/", func(*fiber.Ctx) error { return test.err })
			got, err := app.Test(httptest.NewRequest("GET", "/", nil), -1)
			if err != nil {
				t.Fatal(err)
			}
			if got.StatusCode != test.want || (got.Header.Get("Retry-After") != "") != (test.want == fiber.StatusServiceUnavailable) {
				t.Errorf("got %d with %v, want %d", got.StatusCode, got.Header, test.want)
			}
		})
	}
}
