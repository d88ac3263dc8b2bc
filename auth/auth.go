package auth

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth/password"
	"github.com/multiaccount-go/multiaccount/internal/given"
	"github.com/multiaccount-go/multiaccount/switcher"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Accounts is what this package needs of a [multiaccount.Plugin]. Each is one, whatever the app's type of a user.
type Accounts interface {
	Paths() multiaccount.Paths
	Available(c *fiber.Ctx) error
	SignIn(c *fiber.Ctx, userID, method string) error
	CanSignIn(c *fiber.Ctx) error
	SignOut(c *fiber.Ctx) error
	SignOutEverywhere(ctx context.Context, userID string) error
	UserChanged(ctx context.Context, userID string) error

	CurrentID(c *fiber.Ctx) string
	RequireUser(c *fiber.Ctx) error
	SameOrigin() fiber.Handler
	Protect() fiber.Handler
	Recent(c *fiber.Ctx, maxAge time.Duration) bool
	CheckRecent(c *fiber.Ctx, maxAge time.Duration) error

	Head(c *fiber.Ctx, follow ...multiaccount.Follow) template.HTML
	StampField(c *fiber.Ctx) template.HTML
	IntentField(c *fiber.Ctx) template.HTML
	ReturnField(c *fiber.Ctx) template.HTML
	Adding(c *fiber.Ctx) (multiaccount.Adding, bool)
	Again(c *fiber.Ctx) (multiaccount.Again, bool)
	Switcher(c *fiber.Ctx) switcher.Model
	AddFlash(c *fiber.Ctx, kind, text string)
	Flashes(c *fiber.Ctx) []multiaccount.Flash
}

// Config says how people register and sign in. Accounts and Users are required.
type Config struct {
	// Accounts is the plugin. Mount its Handler before all of this package: it renders the refusals. Its Config.Users is
	// the ByIDs of Users, its Config.Active is User.IsActive, and its Paths.SignIn and Paths.AppSignOut name the routes here.
	Accounts Accounts
	// Users keeps the users.
	Users Store

	// Policy says what a new user belongs to. Default: tenant.PerUser.
	Policy tenant.Policy
	// Names says which names of tenants are reserved. Default: tenant.ReservedNames.
	Names tenant.NameRules
	// Hasher hashes passwords. Default: password.NewArgon2id with what OWASP recommends.
	Hasher password.Hasher
	// Passwords says which new passwords are good enough. Default: see password.Policy.
	Passwords password.Policy
	// Limits bounds tries. Default: NewLimits(nil), for one process.
	Limits Limits
	// RecentSignIn is how long ago a person may have signed in at most who deletes his account, or changes his address or
	// his password without the old one. Default: ten minutes.
	RecentSignIn time.Duration
	// Mail sends e-mails. With it nobody is registered, and no address changed, before a link in an e-mail was followed, and
	// no answer tells whether an address is registered: the e-mail does. Without it the form says that an address is taken;
	// Limits bounds how often anybody can ask. Default: none.
	Mail *Mail

	// Fields are further fields of the registration form. Default: none.
	Fields []Field
	// Registered hears of a new user, with the values of Fields, before he is signed in: for what the app keeps of him. It
	// runs after the transaction that made him. When it returns an error the user is deleted again, with his tenant, and
	// the person may try again (an invitation stays used): [Problems] are shown beside their fields, a
	// [multiaccount.Refusal] is the answer, any other error and a panic are logged and answered with 503. Default: nothing.
	Registered func(ctx context.Context, u User, values map[string]string) error
	// Deleted hears of a user who was deleted, after it happened; also of one whom Registered had accepted and who could not
	// be signed in then. Default: nothing.
	Deleted func(ctx context.Context, u User)
	// OnEvent hears of every change that came by a route of this package, and of refused passwords, for an audit trail. It is
	// called on the request's goroutine and must not keep it waiting. The plugin's own OnEvent tells of sign-ins.
	// Default: nothing.
	OnEvent func(ctx context.Context, e Event)

	// OtherWays are drawn below the forms to sign in and to register: the other ways in that are open to new people too, such
	// as SignInHTML of package oidc. Default: none.
	OtherWays []func(c *fiber.Ctx) (template.HTML, error)
	// SignInWays are drawn below the form to sign in alone, after OtherWays: for who has an account already, such as FormHTML
	// of package magiclink, from which somebody new would wait for an e-mail in vain. Default: none.
	SignInWays []func(c *fiber.Ctx) (template.HTML, error)
	// ProfileParts are drawn at the end of the profile, such as ConnectHTML of package oidc. Default: none.
	ProfileParts []func(c *fiber.Ctx) (template.HTML, error)
	// Templates replaces pages: a file with the name of one of the defaults takes its place. `go run
	// github.com/multiaccount-go/multiaccount/auth/cmd/eject -o views/auth` writes them all. Each gets a [View]. Parts of the
	// app's own go into parts.html.
	// Default: unstyled pages.
	Templates fs.FS
	// Layout puts the pages into the app's design, like the layout of the plugin. Default: the template document.html.
	Layout func(c *fiber.Ctx, page multiaccount.Page) error
	// Texts replaces what people read. Default: English.
	Texts Texts
	// Paths names the routes. Default: see Paths.
	Paths Paths

	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets what an operator should see. Default: slog.Default().
	Log *slog.Logger
}

// Event says what was done, by whom and from where. Its embedded event is the same for the sinks of package audit, so that all
// stand in one trail:
//
//	OnEvent: func(ctx context.Context, e auth.Event) { trail.OnEvent(ctx, e.Event) },
//
// Its Action is one of the constants, Actor is who was signed in, and Account is UserID. Of a refused password Code is
// [CodeWrongCredentials], and Named is the [multiaccount.Pseudonym] of what tenant.EmailKey makes of the address that was
// typed: guesses at one address can be counted, and found by whoever knows it.
type Event struct {
	multiaccount.Event
	UserID string // empty: nobody who is known
}

// Actions of events.
const (
	ActionRegistered      = "user.registered"
	ActionProfileChanged  = "user.profile_changed"
	ActionEmailChanged    = "user.email_changed"
	ActionPasswordChanged = "user.password_changed"
	ActionDeleted         = "user.deleted"
	ActionRefused         = "password.refused" // wrong, or of a user who must not act
)

// Auth registers people and signs them in. It is safe for concurrent use. Make it with [New].
type Auth struct {
	cfg       Config
	paths     Paths // as a browser sees them
	templates *template.Template
}

// New checks the configuration and reports every mistake in it at once.
func New(cfg Config) (*Auth, error) {
	errs := cfg.setDefaults()
	templates, err := parseTemplates(cfg.Templates)
	if err = errors.Join(errs, cfg.validate(), err); err != nil {
		return nil, fmt.Errorf("auth: configuration:\n%w", err)
	}
	a := &Auth{cfg: cfg, paths: cfg.Paths, templates: templates}
	if err := a.tryTemplates(); err != nil {
		return nil, fmt.Errorf("auth: configuration:\n%w", err)
	}
	return a, nil
}

func (cfg *Config) setDefaults() error {
	var errs []error
	orDefault(&cfg.Policy, tenant.PerUser)
	orDefault(&cfg.RecentSignIn, 10*time.Minute)
	if cfg.Hasher == nil {
		h, err := password.NewArgon2id(password.Argon2idConfig{})
		cfg.Hasher, errs = h, append(errs, err)
	}
	if cfg.Limits.SignIn == nil || cfg.Limits.Registration == nil {
		defaults, err := NewLimits(nil)
		errs = append(errs, err)
		orDefault(&cfg.Limits.SignIn, defaults.SignIn)
		orDefault(&cfg.Limits.Registration, defaults.Registration)
	}
	if cfg.Registered == nil {
		cfg.Registered = func(context.Context, User, map[string]string) error { return nil }
	}
	if cfg.Deleted == nil {
		cfg.Deleted = func(context.Context, User) {}
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(context.Context, Event) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Fields = slices.Clone(cfg.Fields) // what the app does to its own later changes nothing
	cfg.Paths.setDefaults()
	cfg.Texts.setDefaults()
	return errors.Join(errs...)
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (cfg *Config) validate() error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if given.Nothing(cfg.Accounts) {
		mistake("field Accounts is missing: give the plugin")
	}
	if given.Nothing(cfg.Users) {
		mistake("field Users is missing: give a store, such as that of package auth/userdb")
	}
	if !cfg.Policy.Valid() {
		mistake("field Policy is %q: use one of the policies of package tenant", cfg.Policy)
	}
	if cfg.RecentSignIn < time.Second {
		mistake("field RecentSignIn is %v: use a second or more", cfg.RecentSignIn)
	}
	if cfg.Passwords.Min != 0 && (cfg.Passwords.Min < password.DefaultMin || cfg.Passwords.Min > 128) {
		mistake("field Passwords.Min is %d: use %d to 128", cfg.Passwords.Min, password.DefaultMin)
	}
	errs = append(errs, cfg.Paths.validate(), validateFields(cfg.Fields), cfg.Mail.validate())
	return errors.Join(errs...)
}

// ByIDs returns the users that exist among ids. The plugin, which is made first, gets the store's own for its Config.Users.
func (a *Auth) ByIDs(ctx context.Context, ids ...string) (map[string]User, error) {
	return a.cfg.Users.ByIDs(ctx, ids...)
}

// People returns names and addresses of the users that exist among ids, for the Config.People of package tenant. Set Mail
// where an invitation has to be for whoever owns the address.
func (a *Auth) People(ctx context.Context, ids ...string) (map[string]tenant.Person, error) {
	users, err := a.cfg.Users.ByIDs(ctx, ids...)
	if err != nil {
		return nil, err
	}
	people := make(map[string]tenant.Person, len(users))
	for id, u := range users {
		people[id] = tenant.Person{Name: u.Name, Email: u.Email}
	}
	return people, nil
}

// RequireAuthenticated is itself a handler: it lets nobody through who is not signed in, and leads back after signing in.
// It is the plugin's RequireUser.
func (a *Auth) RequireAuthenticated(c *fiber.Ctx) error { return a.cfg.Accounts.RequireUser(c) }

// happened tells the audit trail.
func (a *Auth) happened(c *fiber.Ctx, action, userID string) {
	a.tell(c, multiaccount.EventOf(c, action), userID)
}

// refused tells it of a password that was refused for an address.
func (a *Auth) refused(c *fiber.Ctx, userID, email string) {
	e := multiaccount.EventOf(c, ActionRefused)
	e.Code, e.Named = CodeWrongCredentials, multiaccount.Pseudonym(tenant.EmailKey(email))
	a.tell(c, e, userID)
}

func (a *Auth) tell(c *fiber.Ctx, e multiaccount.Event, userID string) {
	e.Time, e.Actor, e.Account = a.cfg.Now().UTC(), strings.Clone(a.cfg.Accounts.CurrentID(c)), userID
	a.cfg.OnEvent(c.UserContext(), Event{e, userID})
}

// errWrong is the one answer to an unknown address, a wrong password, none, and a user who must not act.
var errWrong = errors.New("auth: wrong e-mail or password")

// isRefused reports whether somebody cannot be signed in for a reason that nobody is told.
func isRefused(err error) bool {
	return errors.Is(err, errWrong) || errors.Is(err, account.ErrInactive)
}
