package auth

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Paths names the routes of this package, and the pages it leads to. Each begins with a slash.
type Paths struct {
	SignIn          string // sign-in page; the plugin's Paths.SignIn. Default: /session/new
	Session         string // POST signs in. Default: /session
	SignOut         string // POST signs out; the plugin's Paths.AppSignOut. Default: /session/sign_out
	NewRegistration string // registration page. Default: /registration/new
	Registration    string // POST registers. Default: /registration
	Profile         string // profile; /password and /delete below it. Default: /profile
	Confirm         string // links in e-mails; a secret follows. Default: /confirm

	Home string // where a person goes whose account was deleted. Default: /
}

func (p *Paths) setDefaults() {
	orDefault(&p.SignIn, "/session/new")
	orDefault(&p.Session, "/session")
	orDefault(&p.SignOut, "/session/sign_out")
	orDefault(&p.NewRegistration, "/registration/new")
	orDefault(&p.Registration, "/registration")
	orDefault(&p.Profile, "/profile")
	orDefault(&p.Confirm, "/confirm")
	orDefault(&p.Home, "/")
}

func (p Paths) validate() error {
	var errs []error
	taken := map[string]bool{}
	for _, f := range []struct {
		name, path, method string
	}{
		{"SignIn", p.SignIn, "GET"}, {"Session", p.Session, "POST"}, {"SignOut", p.SignOut, "POST"},
		{"NewRegistration", p.NewRegistration, "GET"}, {"Registration", p.Registration, "POST"},
		{"Profile", p.Profile, "GET POST"}, {"Confirm", p.Confirm, ""}, {"Home", p.Home, ""},
	} {
		if !strings.HasPrefix(f.path, "/") || strings.Contains(f.path, "//") || strings.ContainsAny(f.path, ":*+?#\\ \r\n") ||
			f.path != "/" && strings.HasSuffix(f.path, "/") || f.path == "/" && f.name != "Home" {
			errs = append(errs, fmt.Errorf("field Paths.%s is %q: use a local path such as /session, without parameters",
				f.name, f.path))
		}
		for method := range strings.FieldsSeq(f.method) {
			route := method + " " + strings.ToLower(f.path)
			if taken[route] {
				errs = append(errs, fmt.Errorf("field Paths.%s is %q: give each route a path of its own", f.name, f.path))
			}
			taken[route] = true
		}
	}
	return errors.Join(errs...)
}

// checkNamed panics when the plugin leads people elsewhere than to the routes here, which a test of the app's start shows:
// nobody could sign in, or sign out while the store is down.
func (a *Auth) checkNamed() {
	named := a.cfg.Accounts.Paths()
	for _, f := range []struct{ field, theirs, here string }{
		{"SignIn", named.SignIn, a.paths.SignIn}, {"AppSignOut", named.AppSignOut, a.paths.SignOut},
	} {
		if f.theirs != f.here {
			panic(fmt.Sprintf("auth: Register: Paths.%s of the plugin is %q, and the route is at %q: give both the same",
				f.field, f.theirs, f.here))
		}
	}
}

// Register mounts the routes on an app or a group. Call it once, after app.Use with the plugin's Handler. It panics where the
// plugin's Paths.SignIn and Paths.AppSignOut are not these routes. Each path is that of Config.Paths:
//
//	GET  /session/new       the form to sign in
//	POST /session           signs in; fields email and password
//	POST /session/sign_out  signs out
//	GET  /registration/new  the form to register
//	POST /registration      registers; fields account_name or name, email, password, password_confirmation, invitation
//	GET  /profile           the profile of the current account
//	POST /profile           changes it; fields name and email
//	POST /profile/password  changes the password; fields current_password, password, password_confirmation
//	POST /profile/delete    deletes the user
//	GET  /confirm/:secret   asks whoever follows a link in an e-mail, with Config.Mail
//	POST /confirm/:secret   does what the link stands for
func (a *Auth) Register(r fiber.Router) {
	at := a.cfg.Paths
	if group, ok := r.(*fiber.Group); ok {
		if strings.ContainsAny(group.Prefix, ":*+") {
			panic(fmt.Sprintf("auth: Register on the group %q: pages need the paths, and these have parameters. "+
				"Register on the app or on a group without", group.Prefix))
		}
		prefix := strings.TrimSuffix(group.Prefix, "/")
		a.paths = Paths{
			SignIn: prefix + at.SignIn, Session: prefix + at.Session, SignOut: prefix + at.SignOut,
			NewRegistration: prefix + at.NewRegistration, Registration: prefix + at.Registration,
			Profile: prefix + at.Profile, Confirm: prefix + at.Confirm, Home: at.Home,
		}
	}
	a.checkNamed()
	sameOrigin, protect, user := a.cfg.Accounts.SameOrigin(), a.cfg.Accounts.Protect(), a.cfg.Accounts.RequireUser
	r.Get(at.SignIn, private, a.signInPage)
	r.Post(at.Session, private, sameOrigin, a.signIn)
	r.Post(at.SignOut, private, a.cfg.Accounts.SignOut) // checks the origin itself, and works while the store is down
	r.Get(at.NewRegistration, private, a.registrationPage)
	r.Post(at.Registration, private, sameOrigin, a.register)
	r.Get(at.Profile, private, user, a.profilePage)
	r.Post(at.Profile, private, protect, user, a.changeProfile)
	r.Post(at.Profile+"/password", private, protect, user, a.changePassword)
	r.Post(at.Profile+"/delete", private, protect, user, a.deleteUser)
	if a.cfg.Mail != nil {
		r.Get(at.Confirm+"/:secret", private, a.confirmPage)
		r.Post(at.Confirm+"/:secret", private, sameOrigin, a.confirm)
	}
}
