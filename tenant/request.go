package tenant

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/live"
)

// drawsPage reports whether the answer is a whole page or a document, in whose place nothing of another tenant stays: not a
// piece that goes into a page, not a socket that belongs to one.
func drawsPage(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodGet || live.IsConnect(c) || strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket") {
		return false
	}
	return answer.Of(c) != answer.HTMX || c.Get("HX-History-Restore-Request") == "true"
}

// with appends an id to a path.
func with(path, id string) string {
	return path + "/" + strings.ReplaceAll(url.PathEscape(id), "+", "%2B")
}
