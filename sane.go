package multiaccount

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// sane refuses what no browser sends, before anything is looked up.
func (p *Plugin[U]) sane(c *fiber.Ctx) error {
	switch {
	case twoLengths(c):
		c.Context().SetConnectionClose() // what follows on it may be the rest of this request, or another one's
		return fiber.NewError(fiber.StatusBadRequest, "The request says in two ways where it ends. Send it again with a length or with chunks.")
	case !p.serves(string(c.Context().Host())):
		return fiber.NewError(fiber.StatusMisdirectedRequest, "This site has another address. Open it by that one.")
	}
	return nil
}

// twoLengths reports whether a request says twice where it ends, by chunks and by a length. A proxy that believes the other
// one takes a part of its body for the next request. fasthttp has read the chunks and forgotten both headers by now, so this
// looks at the bytes that came.
func twoLengths(c *fiber.Ctx) bool {
	var length, chunks bool
	for line := range bytes.Lines(c.Request().Header.RawHeaders()) {
		if first := line[0] | 0x20; first != 'c' && first != 't' {
			continue
		}
		name, _, _ := bytes.Cut(line, []byte{':'})
		name = bytes.TrimSpace(name)
		length = length || bytes.EqualFold(name, contentLength)
		chunks = chunks || bytes.EqualFold(name, transferEncoding)
	}
	return length && chunks
}

var (
	contentLength    = []byte(fiber.HeaderContentLength)
	transferEncoding = []byte(fiber.HeaderTransferEncoding)
)

// serves reports whether a request names a host of this site.
func (p *Plugin[U]) serves(host string) bool {
	return len(p.cfg.Hosts) == 0 || slices.ContainsFunc(p.cfg.Hosts, func(own string) bool {
		return strings.EqualFold(own, host) || strings.EqualFold(own+":443", host)
	})
}

func validateHosts(hosts []string) error {
	var errs []error
	for _, host := range hosts {
		if host == "" || strings.ContainsAny(host, "/@*? #\\,") {
			errs = append(errs, fmt.Errorf("field Hosts: %q: write a host as browsers name it, like www.example.com or localhost:3000", host))
		}
	}
	return errors.Join(errs...)
}
