package multiaccount

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Paths names the plugin's routes, relative to the router that [Plugin.Register] gets, and the pages of the app that the
// plugin leads to. Each begins with a slash.
type Paths struct {
	Base     string // before all of the plugin's routes. Default: /link
	Link     string // add an account; the primary's id follows. Default: /p
	Cancel   string // drop the open request to add one. Default: /cancel
	Switch   string // switch; the account's id follows. Default: /switch_to
	SignOut  string // sign out of everything, or of the account whose id follows. Default: /sign_out
	Choose   string // choose who to go on as. Default: /choose
	Accounts string // the switcher, as HTML fragment or JSON. Default: /accounts
	State    string // is a page still right? Default: /state
	Live     string // the tab socket. Default: /live
	Script   string // the browser script. Default: /multiaccount.js

	SignIn     string // the app's sign-in page. Default: /session/new
	Home       string // where a person goes when nothing else is known. Default: /
	SignedOut  string // where a person goes after signing out of everything. Default: /
	AppSignOut string // the app's own sign-out route, if it calls SignOut: it must work while the store is down. Default: none
}

// Paths returns Config.Paths with its defaults, for packages whose routes have to be the ones that it names.
func (p *Plugin[U]) Paths() Paths { return p.paths }

func (p *Paths) setDefaults() {
	for field, path := range map[*string]string{
		&p.Base: "/link", &p.Link: "/p", &p.Cancel: "/cancel", &p.Switch: "/switch_to", &p.SignOut: "/sign_out",
		&p.Choose: "/choose", &p.Accounts: "/accounts", &p.State: "/state", &p.Live: "/live", &p.Script: "/multiaccount.js",
		&p.SignIn: "/session/new", &p.Home: "/", &p.SignedOut: "/",
	} {
		if *field == "" {
			*field = path
		}
	}
}

func (p Paths) validate() error {
	var errs []error
	below := map[string]string{}
	for _, f := range []struct {
		name, path string
		route      bool // one of the plugin's routes: more than a slash, and only once
	}{
		{"Base", p.Base, false}, {"Link", p.Link, true}, {"Cancel", p.Cancel, true}, {"Switch", p.Switch, true},
		{"SignOut", p.SignOut, true}, {"Choose", p.Choose, true}, {"Accounts", p.Accounts, true}, {"State", p.State, true},
		{"Live", p.Live, true}, {"Script", p.Script, true}, {"SignIn", p.SignIn, false}, {"Home", p.Home, false},
		{"SignedOut", p.SignedOut, false}, {"AppSignOut", p.AppSignOut, false},
	} {
		if f.path == "" {
			continue
		}
		_, local := localPath(f.path)
		trailing := f.name != "Home" && f.path != "/" && strings.HasSuffix(f.path, "/")
		if !local || trailing || strings.ContainsAny(f.path, ":*+?") {
			errs = append(errs, fmt.Errorf("field Paths.%s is %q: use a local path such as /link, without parameters", f.name, f.path))
		}
		if f.route {
			if other := below[strings.ToLower(f.path)]; other != "" || f.path == "/" {
				errs = append(errs, fmt.Errorf("field Paths.%s is %q: give each route a path of its own", f.name, f.path))
			}
			below[strings.ToLower(f.path)] = f.name
		}
	}
	if p.Base == "/" {
		errs = append(errs, errors.New(`field Paths.Base is "/": the routes need a place of their own, such as /link`))
	}
	return errors.Join(errs...)
}

// CookieConfig names the session cookie. HttpOnly, SameSite=Lax and Path=/ are fixed.
type CookieConfig struct {
	// Name of the cookie. Over https it must begin with __Host-, which lets no other host of the site set it.
	// Default: __Host-accounts, or accounts-insecure with the switch below.
	Name string
	// InsecurePlainHTTPForDevelopment drops Secure and __Host- so that the cookie travels over plain http, and lets
	// http origins in. Never set it where people are.
	InsecurePlainHTTPForDevelopment bool
}

const hostPrefix = "__Host-"

func (c *CookieConfig) setDefaults() {
	if c.Name == "" {
		c.Name = hostPrefix + "accounts"
		if c.InsecurePlainHTTPForDevelopment {
			c.Name = "accounts-insecure"
		}
	}
}

var cookieName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c CookieConfig) validate() error {
	switch {
	case !cookieName.MatchString(c.Name):
		return fmt.Errorf("field Cookie.Name is %q: use up to 64 letters, digits, - and _", c.Name)
	case !c.InsecurePlainHTTPForDevelopment && !strings.HasPrefix(c.Name, hostPrefix):
		return fmt.Errorf("field Cookie.Name is %q: over https it must begin with %s", c.Name, hostPrefix)
	case c.InsecurePlainHTTPForDevelopment && strings.HasPrefix(c.Name, "__"):
		return fmt.Errorf("field Cookie.Name is %q: browsers refuse this prefix over plain http", c.Name)
	}
	return nil
}

// Follow says what a tab does when the account changes in another one.
type Follow string

// The policies of a page, set for all by Config.Follow and for one by [Plugin.Head].
const (
	FollowReload    Follow = "reload"    // reload, or show a notice when the person has typed something
	FollowFragments Follow = "fragments" // let the page's own hx-trigger="session-changed from:body" fetch what changed
	FollowNotify    Follow = "notify"    // only tell the page's scripts
)

func (f Follow) valid() bool { return f == FollowReload || f == FollowFragments || f == FollowNotify }
