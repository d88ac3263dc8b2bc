package tenant

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/internal/given"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// Accounts is what this package needs of a [multiaccount.Plugin]. Each is one, whatever the app's type of a user.
type Accounts interface {
	CurrentID(c *fiber.Ctx) string
	Scope(c *fiber.Ctx) string
	SetScope(c *fiber.Ctx, scope, returnTo string) error
	Stamp(c *fiber.Ctx) string
	Head(c *fiber.Ctx, follow ...multiaccount.Follow) template.HTML
	CheckUser(c *fiber.Ctx) error
	CheckPage(c *fiber.Ctx) error
	CheckRecent(c *fiber.Ctx, maxAge time.Duration) error
	UserChanged(ctx context.Context, userID string) error
	AddFlash(c *fiber.Ctx, kind, text string)
	Switcher(c *fiber.Ctx) switcher.Model
}

// Person is what the pages of a tenant show of a user.
type Person struct {
	Name  string
	Email string
}

// Config says how tenants work in an app. Accounts, Store and People are required.
type Config struct {
	// Accounts is the plugin. Mount its Handler before all of this package: it renders the refusals.
	Accounts Accounts
	// Store keeps the tenants.
	Store Store
	// People returns names and addresses of users. Who is missing from the map does not exist (any more). It is called with
	// the members of one tenant, and may be called concurrently. An invitation is for whoever has its address here, so let
	// nobody have an address that nobody checked, or that the invitation's mail did not prove.
	People func(ctx context.Context, ids ...string) (map[string]Person, error)

	// Policy says what a new user belongs to. Default: PerUser.
	Policy Policy
	// Names says which names are reserved. Default: ReservedNames.
	Names NameRules
	// Paths names the routes. Default: see Paths.
	Paths Paths
	// Texts replaces what people read. Default: English.
	Texts Texts
	// Layout puts the pages into the app's design, like the layout of the plugin. Default: a plain document.
	Layout func(c *fiber.Ctx, page multiaccount.Page) error

	// Invite sends an invitation, in an e-mail say, with the link to it, and returns an error when it could not: the
	// invitation is closed again then. Only the link holds the secret. nil: nobody can be invited.
	Invite func(ctx context.Context, i Invitation, to Tenant, link string) error
	// BaseURL begins the link of an invitation, such as https://www.example.com. It is not taken from requests: whoever
	// sends one says what its Host is, and the secret would go there. Required with Invite.
	BaseURL string
	// InvitationLife is how long an invitation is open. Default: seven days.
	InvitationLife time.Duration
	// MaxInvitations is how many invitations of a tenant may be open. Default: 100.
	MaxInvitations int
	// MaxTenants is how many tenants a user may belong to before he cannot create another. Default: 20.
	MaxTenants int
	// Limits bounds how often tenants are created and invitations are sent, which are e-mails to strangers. Give one on the
	// counter that all processes share. Default: 30 an hour from one address, 1000 an hour together, in this process.
	Limits *attempts.Limiter
	// RecentSignIn is how long ago an owner may have signed in at most who deletes a tenant. Default: ten minutes.
	RecentSignIn time.Duration
	// Subdomain returns the label by which [Tenants.BySubdomain] knows a tenant. Default: its id.
	Subdomain func(Tenant) string

	// OnDelete hears of users who were deleted with their tenant, after it happened, for what the app keeps of them.
	// Default: nothing.
	OnDelete func(ctx context.Context, userIDs []string)
	// OnEvent hears of every change that came by a route of this package, after it happened, for an audit trail. It is called
	// on the request's goroutine and must not keep it waiting. Default: nothing.
	OnEvent func(ctx context.Context, e Event)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets what an operator should see. Default: slog.Default().
	Log *slog.Logger
}

// Event says what was done with a tenant. Its embedded event is the same for the sinks of package audit: its Action is one of
// the constants, Scope is TenantID, Actor is By and Account is UserID, and it says from where.
type Event struct {
	multiaccount.Event
	TenantID string
	By       string // user who did it
	UserID   string // user whom it was done to; empty: none
}

// Actions of events.
const (
	ActionCreated  = "tenant.created"
	ActionRenamed  = "tenant.renamed"
	ActionDeleted  = "tenant.deleted"
	ActionRole     = "tenant.role_changed"
	ActionRemoved  = "tenant.member_removed"
	ActionInvited  = "tenant.invited"
	ActionRevoked  = "tenant.invitation_revoked"
	ActionAccepted = "tenant.invitation_accepted"
	ActionSwitched = "tenant.switched"
)

// Paths names the routes of this package, and the pages it leads to. Each begins with a slash.
type Paths struct {
	Base       string // the tenants of a person. Default: /tenants
	Invitation string // an invitation; its secret follows. Default: /invitations

	SignIn   string // the app's sign-in page. Default: /session/new
	Register string // the app's registration page. Default: /registration/new
	Home     string // where a person goes with another tenant. Default: /
}

// Tenants works with the tenants of an app. It is safe for concurrent use. Make it with [New].
type Tenants struct {
	cfg   Config
	paths Paths // as a browser sees them
}

// New checks the configuration and reports every mistake in it at once.
func New(cfg Config) (*Tenants, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("tenant: configuration:\n%w", err)
	}
	if cfg.Limits == nil {
		limits, err := attempts.New(attempts.Config{
			Name: "tenants", PerAccount: attempts.Backoff{Tries: -1},
			PerAddress: attempts.Rate{Tries: 30, Per: time.Hour}, Global: attempts.Rate{Tries: 1000, Per: time.Hour},
		})
		if err != nil {
			return nil, fmt.Errorf("tenant: %w", err)
		}
		cfg.Limits = limits
	}
	return &Tenants{cfg: cfg, paths: cfg.Paths}, nil
}

func (cfg *Config) setDefaults() {
	orDefault(&cfg.Policy, PerUser)
	orDefault(&cfg.InvitationLife, 7*24*time.Hour)
	orDefault(&cfg.MaxInvitations, 100)
	orDefault(&cfg.MaxTenants, 20)
	orDefault(&cfg.RecentSignIn, 10*time.Minute)
	orDefault(&cfg.Paths.Base, "/tenants")
	orDefault(&cfg.Paths.Invitation, "/invitations")
	orDefault(&cfg.Paths.SignIn, "/session/new")
	orDefault(&cfg.Paths.Register, "/registration/new")
	orDefault(&cfg.Paths.Home, "/")
	if cfg.Layout == nil {
		cfg.Layout = plainLayout
	}
	if cfg.Subdomain == nil {
		cfg.Subdomain = func(t Tenant) string { return t.ID }
	}
	if cfg.OnDelete == nil {
		cfg.OnDelete = func(context.Context, []string) {}
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
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	cfg.Texts.setDefaults()
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
	if given.Nothing(cfg.Store) {
		mistake("field Store is missing: give one, such as NewMemoryStore() for a test")
	}
	if cfg.People == nil {
		mistake("field People is missing: give a function that loads names and addresses of users")
	}
	if !cfg.Policy.Valid() {
		mistake("field Policy is %q: use %q, %q, %q or %q", cfg.Policy, PerUser, Personal, ByInvitation, None)
	}
	if cfg.Invite != nil {
		u, err := url.Parse(cfg.BaseURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			mistake("field BaseURL is %q: give what links in e-mails begin with, such as https://www.example.com", cfg.BaseURL)
		}
	}
	for name, value := range map[string]int64{
		"InvitationLife": int64(cfg.InvitationLife), "MaxInvitations": int64(cfg.MaxInvitations),
		"MaxTenants": int64(cfg.MaxTenants), "RecentSignIn": int64(cfg.RecentSignIn / time.Second),
	} {
		if value < 1 {
			mistake("field %s is too small, or negative", name)
		}
	}
	for name, path := range map[string]string{
		"Base": cfg.Paths.Base, "Invitation": cfg.Paths.Invitation, "SignIn": cfg.Paths.SignIn, "Register": cfg.Paths.Register,
		"Home": cfg.Paths.Home,
	} {
		route := name == "Base" || name == "Invitation"
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.ContainsAny(path, ":*+?#\\ \r\n") ||
			path != "/" && strings.HasSuffix(path, "/") || route && path == "/" {
			mistake("field Paths.%s is %q: use a local path such as /tenants, without parameters", name, path)
		}
	}
	if strings.EqualFold(cfg.Paths.Base, cfg.Paths.Invitation) {
		mistake("fields Paths.Base and Paths.Invitation are both %q: give each a path of its own", cfg.Paths.Base)
	}
	return errors.Join(errs...)
}
