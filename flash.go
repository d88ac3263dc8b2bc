package multiaccount

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
)

// Flash is a message that the next page shows once. It waits in a cookie of its own for a minute: it costs no call of the
// store, and it is the person's own browser that would have to lie to the person.
type Flash struct {
	Kind string `json:"k"` // FlashSuccess, FlashInfo, or a word of the app
	Text string `json:"t"` // plain text: escape it, as html/template does
}

// Kinds of the plugin's own messages.
const (
	FlashSuccess = "success"
	FlashInfo    = "info"
)

const (
	flashLife    = time.Minute
	maxFlash     = 2048 // bytes of the cookie
	flashPostfix = "-flash"
)

// AddFlash leaves a message for the next page. A text that does not fit into a cookie is dropped.
func (p *Plugin[U]) AddFlash(c *fiber.Ctx, kind, text string) {
	v := p.visit(c)
	flashes := append(v.flashes, Flash{Kind: utils.CopyString(kind), Text: utils.CopyString(text)})
	data, err := json.Marshal(flashes)
	if value := base64.RawURLEncoding.EncodeToString(data); err == nil && len(value) <= maxFlash {
		v.flashes = flashes
		p.writeCookie(c, p.cfg.Cookie.Name+flashPostfix, value, flashLife)
	}
}

// Flashes returns the messages for this page, and takes them out of the browser. One that this request has added waits for
// the next page.
func (p *Plugin[U]) Flashes(c *fiber.Ctx) []Flash {
	name := p.cfg.Cookie.Name + flashPostfix
	value := c.Cookies(name)
	if value == "" || len(value) > maxFlash {
		return nil
	}
	if len(p.visit(c).flashes) == 0 {
		p.writeCookie(c, name, "", -time.Second)
	}
	var flashes []Flash
	data, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || json.Unmarshal(data, &flashes) != nil {
		return nil
	}
	return flashes
}
