package way

import (
	"fmt"
	"net/url"
	"strings"
)

// CheckBaseURL returns what is wrong with what the links to an app begin with. Plain http is for development.
func CheckBaseURL(base string, insecure bool) error {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(base, "/"):
		return fmt.Errorf("field BaseURL is %q: give what links to the app begin with, such as https://www.example.com", base)
	case u.Scheme != "https" && !(insecure && u.Scheme == "http"):
		return fmt.Errorf("field BaseURL is %q: use https; for development set InsecurePlainHTTPForDevelopment", base)
	}
	return nil
}

// CheckPath returns what is wrong with a path of Config.Paths.
func CheckPath(field, path string) error {
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || path != "/" && strings.HasSuffix(path, "/") ||
		strings.ContainsAny(path, ":*+?#\\ \t\r\n") {
		return fmt.Errorf("field Paths.%s is %q: use a local path such as /auth, without parameters", field, path)
	}
	return nil
}
