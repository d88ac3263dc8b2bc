package multiaccount

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// ClearSiteData is what a browser is told to forget when the person has signed out of everything: the value of the header
// Clear-Site-Data, such as `"cache"`.
type ClearSiteData string

const (
	// ClearCacheAndStorage makes the browser forget pages of this origin, also those for the back button, and what its scripts
	// have stored: localStorage, sessionStorage, IndexedDB, service workers, of the whole origin.
	ClearCacheAndStorage ClearSiteData = `"cache", "storage"`
	// ClearNothing sends no header.
	ClearNothing ClearSiteData = "nothing"
)

const headerClearSiteData = "Clear-Site-Data"

var clearSiteData = regexp.MustCompile(`^"[A-Za-z]+"(, ?"[A-Za-z]+")*$`)

func (d ClearSiteData) validate() error {
	switch {
	case d == ClearNothing:
		return nil
	case !clearSiteData.MatchString(string(d)):
		return fmt.Errorf(`field ClearSiteData is %q: use ClearNothing or names in quotes, such as "cache", "storage"`, d)
	case strings.Contains(strings.ToLower(string(d)), `"cookies"`):
		return fmt.Errorf(`field ClearSiteData is %q: "cookies" takes the cookies of every other app of the domain along`, d)
	}
	return nil
}

// forget tells the browser to forget what it has kept of the pages of a session that has ended. Over plain http browsers
// ignore it, and complain, except on a developer's machine.
func (p *Plugin[U]) forget(c *fiber.Ctx) {
	if p.cfg.ClearSiteData == ClearNothing || p.cfg.Cookie.InsecurePlainHTTPForDevelopment && !isLoopback(string(c.Context().Host())) {
		return
	}
	c.Set(headerClearSiteData, string(p.cfg.ClearSiteData))
}

// isLoopback reports whether a Host is one that browsers trust without https.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
