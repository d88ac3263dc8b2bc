package htmx

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ErrNotLocal is the error for a URL that is not a path of this site, where one has to be: it names a host or a scheme, it
// could be read as doing so, or it does not begin with a slash. When the URL came from a person, lead to a page of your own.
var ErrNotLocal = errors.New("not a path of this site")

// ErrNotWeb is the error for a URL of another site that is not an absolute http or https URL.
var ErrNotWeb = errors.New("not an absolute http or https URL")

// local returns a path with its query and fragment so that it fits into a header. It refuses what some browser or proxy
// could read as another site: two slashes in front, backslashes, control characters, dot segments.
func local(raw string) (string, error) {
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || !isClean(raw) {
		return "", ErrNotLocal
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return "", ErrNotLocal
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "", ErrNotLocal
		}
	}
	return escape(raw), nil
}

// remote returns a URL of any site so that it fits into a header.
func remote(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || !isClean(raw) {
		return "", ErrNotWeb
	}
	return escape(raw), nil
}

// isClean reports whether browsers read a URL as it is written: they drop tabs and line breaks, and take a backslash for a
// slash.
func isClean(raw string) bool {
	return utf8.ValidString(raw) && !strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f })
}

// escape writes a URL in ASCII. What is encoded already stays as it is.
func escape(raw string) string {
	var b strings.Builder
	for _, octet := range []byte(raw) {
		if octet < utf8.RuneSelf {
			b.WriteByte(octet)
		} else {
			fmt.Fprintf(&b, "%%%02X", octet)
		}
	}
	return b.String()
}
