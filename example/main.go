// Command example is a small site with tenants, users and notes, on which one browser can be signed in with several
// accounts. Read this file from top to bottom: it is all that an app writes to use multiaccount.
//
//	ADDR          where to listen. Default: 127.0.0.1:3000
//	REDIS_URL     a Redis, such as redis://127.0.0.1:6379/0, a cluster, or one behind Sentinel: see docs/redis.md.
//	              Default: one inside this process
//	DATABASE_URL  a PostgreSQL, such as postgres://app:secret@127.0.0.1/app. Default: SQLite, in a file that belongs to the Redis
//	SESSIONS      sql: sessions, live views and tries are in that PostgreSQL too. Default: in the Redis
//	DATA_DIR      folder for that file. Default: the one for temporary files
//	DEMO          1: who is signed in may make users active and inactive, and on loopback people sign in by links in e-mails,
//	              which everybody reads at /mail. Always so with the Redis inside this process
//	TRIES         wrong passwords for one account before it has to wait. Default: 5; with DEMO or on loopback 50
//	OIDC_ISSUER   a provider of OpenID Connect to sign in with, such as https://accounts.google.com. Its client has the id
//	              OIDC_CLIENT_ID, the secret OIDC_CLIENT_SECRET and the redirect URI http://ADDR/auth/sso/callback. Default: none
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/example/assets"
	"github.com/multiaccount-go/multiaccount/example/board"
	"github.com/multiaccount-go/multiaccount/example/notes"
	"github.com/multiaccount-go/multiaccount/example/users"
	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/tenant"
)

func main() {
	if err := run(); err != nil {
		slog.Error("the example stops", "err", err)
		os.Exit(1)
	}
}

func run() (err error) {
	stopped, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()

	// 1. The app's own parts: a Redis client, a database with users and tenants, and what people do here: notes, and a board.
	rdb, embedded, err := openRedis(os.Getenv("REDIS_URL"))
	if err != nil {
		return err
	}
	defer rdb.Close()
	s := &site{notes: notes.New(rdb), mail: mailbox{rdb}, demo: embedded || os.Getenv("DEMO") == "1"}
	addr := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:3000")
	place := users.Place{URL: os.Getenv("DATABASE_URL"), Dir: os.Getenv("DATA_DIR"), OwnOnly: embedded}
	if s.users, err = users.Open(stopped, rdb, place); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.users.Close()) }()
	if s.board, err = board.Open(stopped, s.users.Database().SQL()); err != nil {
		return err
	}
	go s.users.Watch(stopped)
	state, err := s.openState(stopped, rdb)
	if err != nil {
		return err
	}
	bounds, err := newLimits(state.counter, s.demo || onLoopback(addr))
	if err != nil {
		return err
	}

	// 2. The plugin. It needs a way to load users; the rest says where sessions live and how things look here.
	s.accounts, err = multiaccount.New(multiaccount.Config[auth.User]{
		Users:  s.users.ByIDs,
		Active: auth.User.IsActive,
		Profile: func(u auth.User) multiaccount.Profile {
			return multiaccount.Profile{Name: u.Name, Email: u.Email}
		},
		Store: state.store,
		Bus:   state.bus, Places: state.places,
		// This site speaks plain http on loopback. A site that people use has https and leaves this line out.
		Cookie:  multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
		Paths:   multiaccount.Paths{SignIn: "/session/new", AppSignOut: "/session/sign_out"},
		Layout:  s.layout,
		Device:  deviceName,
		OnEvent: trail,
		Skip:    func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/assets/") },
	})
	if err != nil {
		return err
	}

	// 3. Registering and signing in, by password and in other ways, and the tenants that people work in.
	base := "http://" + addr
	if s.ways, err = s.newWays(base, s.demo && onLoopback(addr), bounds); err != nil {
		return err
	}
	s.login, err = auth.New(auth.Config{
		Accounts: s.accounts, Users: s.users, Limits: bounds.Limits, Deleted: s.forgetUser, OnEvent: userEvent,
		OtherWays: s.ways.both(), SignInWays: s.ways.signIn(), ProfileParts: s.ways.profile(),
		Templates: folder("views/auth"), Layout: s.formLayout,
	})
	if err != nil {
		return err
	}
	s.tenants, err = tenant.New(tenant.Config{
		Accounts: s.accounts, Store: s.users.Tenants(), People: s.login.People, Limits: bounds.tenants,
		Invite: s.mail.invite, BaseURL: base, OnDelete: s.forgetUsers, OnEvent: tenantEvent, Layout: s.layout,
	})
	if err != nil {
		return err
	}

	// 4. The server, and the routes.
	app := fiber.New(fiber.Config{
		AppName: "multiaccount example", DisableStartupMessage: true, ErrorHandler: s.failed,
		// The cookies of everything else on this host come along, which on a developer's machine can be many.
		ReadBufferSize: 16 << 10,
		BodyLimit:      64 << 10, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	})
	s.routes(app)
	s.checkNeighbours(stopped, app, state.store, embedded)

	// 5. Serve until SIGTERM or Ctrl-C, then end in order.
	slog.Info("the example is at "+base, "sign in as", "alice@example.com", "password", users.SeedPassword)
	failed := make(chan error, 1)
	go func() { failed <- app.Listen(addr) }()
	select {
	case err := <-failed:
		return fmt.Errorf("listen on %s: %w", addr, err)
	case <-stopped.Done():
	}
	release() // a second signal ends the process at once
	return s.shutdown(app)
}

func (s *site) routes(app *fiber.App) {
	app.Use(recover.New(), securityHeaders)
	app.Get("/healthz", alive)
	app.Get("/readyz", s.ready)
	app.Get("/assets/*", assets.Serve)
	app.Get("/htmx/*", htmx.Handler)

	app.Use(s.accounts.Handler) // from here on every handler knows the current user
	s.accounts.Register(app)    // link, switch, sign-out, chooser, switcher, tab socket
	app.Use(s.tenants.Handler)  // from here on every page knows the tenant that he works in
	s.login.Register(app)       // /session, /registration, /profile
	s.ways.register(app)        // /magic_link, /auth
	s.tenants.Register(app)     // /tenants, with members and invitations

	// Pages of the current account. What changes something, or answers htmx, has to be drawn for this account.
	app.Get("/", s.showHome)
	app.Get("/private", s.accounts.RequireUser, s.showPrivate)
	app.Get("/inbox", s.accounts.RequireUser, s.showInbox)
	app.Get("/inbox/who", s.accounts.RequireUser, s.accounts.Protect(), s.showWho)
	app.Get("/notes", s.accounts.RequireUser, s.accounts.Protect(), s.showNotes)
	app.Post("/notes", s.accounts.Protect(), s.accounts.RequireUser, s.addNote)
	app.Get("/devices", s.accounts.RequireUser, s.showDevices)
	app.Post("/devices/end", s.accounts.Protect(), s.accounts.RequireRecent(recentEnough), s.endDevice)
	app.Get("/mail", s.showMail)
	live := s.liveNotes()
	app.Get("/live", live)  // the page, its websocket, and its event stream where websockets are blocked
	app.Post("/live", live) // what that page sends then

	// What the people of a tenant share. Require looks at the account, the page, and the role in the tenant.
	app.Get("/board", s.tenants.Require(tenant.Member), s.showBoard)
	app.Post("/board", s.tenants.Require(tenant.Member), s.addPost)

	if s.demo {
		app.Post("/demo/users/:id/status", s.accounts.SameOrigin(), s.accounts.RequireUser, s.setStatus)
	}
	app.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
}

// shutdown tells the open tabs to come back to another process, then lets running requests finish.
func (s *site) shutdown(app *fiber.App) error {
	slog.Info("the example ends")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(s.accounts.Close(ctx), app.ShutdownWithContext(ctx), s.ways.close(ctx))
}
