package way

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// Cookie is a cookie that no other host of the site can set, read or send.
type Cookie struct {
	name     string
	insecure bool
	life     time.Duration
}

// NewCookie returns a cookie called __Host- and a name, or the name and -insecure where it has to travel over plain http.
func NewCookie(name string, insecure bool, life time.Duration) Cookie {
	if insecure {
		return Cookie{name + "-insecure", true, life}
	}
	return Cookie{"__Host-" + name, false, life}
}

// Set gives the browser the cookie. It comes back with links from other sites, such as from an e-mail or from a provider,
// but not with their forms.
func (k Cookie) Set(c *fiber.Ctx, value string) { k.write(c, value, k.life) }

// Clear takes the cookie away.
func (k Cookie) Clear(c *fiber.Ctx) { k.write(c, "", -time.Second) }

func (k Cookie) write(c *fiber.Ctx, value string, life time.Duration) {
	c.Cookie(&fiber.Cookie{
		Name: k.name, Value: value, Path: "/", MaxAge: int(life / time.Second), // a negative one ends it
		Secure: !k.insecure, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
	})
}

// Value returns a copy of what the browser sent. Two cookies of one name are none: somebody tossed one in.
func (k Cookie) Value(c *fiber.Ctx) string {
	value, count := "", 0
	for name, sent := range c.Context().Request.Header.Cookies() {
		if string(name) == k.name {
			value, count = string(sent), count+1
		}
	}
	if count != 1 {
		return ""
	}
	return value
}
