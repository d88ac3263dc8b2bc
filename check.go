package multiaccount

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
)

// Warning is something in an app that does not go together with the plugin. [Plugin.Check] finds it.
type Warning struct {
	Code string // for programs that know better, e.g. "cache"
	What string // was found
	Why  string // it breaks something
	Do   string // to mend it
}

// String returns the warning as one line.
func (w Warning) String() string { return w.What + ": " + w.Why + ". " + w.Do }

// LogValue keeps the parts apart in a structured log.
func (w Warning) LogValue() slog.Value {
	return slog.GroupValue(slog.String("code", w.Code), slog.String("what", w.What), slog.String("why", w.Why), slog.String("do", w.Do))
}

// Check looks at an app whose routes are all registered, and warns of what does not go together with the plugin. Call it
// once, before Listen, and log what it returns. It changes nothing and is no proof of anything: it recognises Fiber's own
// middleware and this package's handlers by where their code comes from, and calls none of the app's handlers but helmet and
// csrf, each with a made-up request.
//
// What it cannot see, and says nothing about: handlers that wrap others, what mounted apps hold, what Next, Skip and
// KeyGenerator of cache and idempotency leave out, stores of Fiber's session middleware and the names of their cookies,
// proxies in front of the process, and guards that an app wrote itself.
func (p *Plugin[U]) Check(app *fiber.App) []Warning {
	var found []Warning
	warn := func(code, what, why, do string) { found = append(found, Warning{code, what, why, do}) }
	p.checkSettings(app.Config(), warn)
	stack := p.readStack(app)
	p.checkOrder(stack, warn)
	p.checkMiddleware(stack, warn)
	p.checkGuards(stack, warn)
	p.checkSignIn(stack, warn)
	return found
}

type warnFunc func(code, what, why, do string)

// checkSettings looks at what the app was made with.
func (p *Plugin[U]) checkSettings(cfg fiber.Config, warn warnFunc) {
	if _, memory := p.cfg.Store.(*account.MemoryStore); memory && cfg.Prefork {
		warn("prefork_store", "Prefork with sessions in memory", "each process has sessions of its own, so people are signed out "+
			"and in by chance", "Use a store that the processes share, such as redisstore.New")
	}
	if cfg.Prefork && p.cfg.Bus == nil {
		warn("prefork_bus", "Prefork without Config.Bus", "messages between live views do not reach the other processes",
			"Set Config.Bus, to redisstore.NewBus for example")
	}
	if cfg.ProxyHeader != "" && !cfg.EnableTrustedProxyCheck {
		warn("proxy_header", "ProxyHeader "+cfg.ProxyHeader+" without EnableTrustedProxyCheck", "every client writes its own address, "+
			"into the audit trail and past every limit by address", "Set EnableTrustedProxyCheck and TrustedProxies")
	}
	if cfg.GETOnly {
		warn("get_only", "GETOnly", "nobody can sign in, switch or sign out: these are POST", "Leave it out")
	}
}

// place is one handler in the stack of a method, in the order in which requests meet them.
type place struct {
	at      int // position among all handlers
	route   int // Fiber puts handlers for the same path into one
	path    string
	use     bool // handles every path that begins with this one
	handler fiber.Handler
	code    source
}

// source says where the code of a handler comes from.
type source struct{ name, file string }

// stack is what is known of an app's handlers.
type stack struct {
	methods map[string][]place
	mounts  bool // there are apps in it whose handlers are not seen
	fold    bool // paths that differ in case only are the same
}

func (p *Plugin[U]) readStack(app *fiber.App) stack {
	s := stack{methods: map[string][]place{}, fold: !app.Config().CaseSensitive}
	for _, routes := range app.Stack() {
		for route, r := range routes {
			s.mounts = s.mounts || hidden(r, "mount")
			for _, h := range r.Handlers {
				seen := s.methods[r.Method]
				s.methods[r.Method] = append(seen, place{len(seen), route, r.Path, hidden(r, "use"), h, codeOf(h)})
			}
		}
	}
	return s
}

// hidden reads a flag of a route that Fiber keeps to itself. One that is not there any more is false: then less is seen.
func hidden(r *fiber.Route, flag string) bool {
	v := reflect.ValueOf(r).Elem().FieldByName(flag)
	return v.IsValid() && v.Kind() == reflect.Bool && v.Bool()
}

// codeOf returns the name and the source file of a handler's function. The file tells more: a function that was inlined
// bears the name of its caller.
func codeOf(h fiber.Handler) source {
	f := runtime.FuncForPC(reflect.ValueOf(h).Pointer())
	if f == nil {
		return source{}
	}
	file, _ := f.FileLine(f.Entry())
	return source{f.Name(), file}
}

var fiberMiddleware = regexp.MustCompile(`gofiber/fiber/v2(?:@[^/]*)?/middleware/([a-z]+)[/.]`)

// middleware returns the name of Fiber's middleware that a handler is, or "".
func (c source) middleware() string {
	for _, text := range []string{c.file, c.name} {
		if m := fiberMiddleware.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

// covers reports whether every request to path meets what is registered at pl. Paths with parameters are not looked into.
func (s stack) covers(pl place, path string) bool {
	own := strings.TrimSuffix(pl.path, "/")
	if s.fold {
		own, path = strings.ToLower(own), strings.ToLower(path)
	}
	if !pl.use {
		return own == strings.TrimSuffix(path, "/")
	}
	return own == "" || own == "/*" || own == "*" || strings.HasPrefix(path, own)
}

// isHandler reports whether a place is a plugin's Handler. All plugins look alike.
func (p *Plugin[U]) isHandler(pl place) bool {
	return strings.HasPrefix(pl.code.name, ownPackage+".(*Plugin[") && strings.HasSuffix(pl.code.name, ").Handler-fm")
}

var ownPackage = reflect.TypeFor[Warning]().PkgPath()

// isProtect reports whether a place keeps other sites and other accounts from acting.
func (p *Plugin[U]) isProtect(pl place) bool { return p.isGuardOf(pl, ").Protect.") }

// isSameOrigin reports whether a place keeps other sites from acting.
func (p *Plugin[U]) isSameOrigin(pl place) bool { return p.isGuardOf(pl, ").SameOrigin.") }

func (p *Plugin[U]) isGuardOf(pl place, method string) bool {
	return pl.code.file == codeOf(p.Protect()).file && strings.Contains(pl.code.name, method)
}

// routesAt returns where the plugin's routes begin in the stack of a method, or -1.
func (p *Plugin[U]) routesAt(s stack, method, path string) int {
	for _, pl := range s.methods[method] {
		if !pl.use && s.covers(pl, path) {
			return pl.at
		}
	}
	return -1
}

// checkOrder looks for the plugin's own handlers.
func (p *Plugin[U]) checkOrder(s stack, warn warnFunc) {
	if !p.registered {
		warn("not_registered", "Register was not called", "pages ask for a script and for routes that are not there",
			"Call accounts.Register(app), after app.Use(accounts.Handler)")
	}
	routes := p.routesAt(s, fiber.MethodGet, p.urls.state)
	first := -1
	for _, pl := range s.methods[fiber.MethodGet] {
		if pl.use && p.isHandler(pl) {
			first = pl.at
			break
		}
	}
	switch {
	case first < 0 && !s.mounts:
		warn("handler_not_seen", "no app.Use(accounts.Handler) was seen", "handlers find no current user in their locals, and refusals "+
			"that they return are not rendered", "Add it before the app's routes. Where another handler calls it, all is well")
	case first >= 0 && routes >= 0 && routes < first:
		warn("handler_late", "Register comes before app.Use(accounts.Handler)", "Config.Layout draws the plugin's pages without "+
			"current_user and primary_user", "Call app.Use(accounts.Handler) first")
	}
}

// checkMiddleware looks for Fiber's own middleware where people are signed in.
func (p *Plugin[U]) checkMiddleware(s stack, warn warnFunc) {
	warned := map[string]bool{}
	once := func(code, what, why, do string) {
		if !warned[code] {
			warned[code] = true
			warn(code, what, why, do)
		}
	}
	for _, method := range []string{fiber.MethodGet, fiber.MethodPost} {
		for _, pl := range s.methods[method] {
			kind := pl.code.middleware()
			if kind == "" || !p.meetsPeople(s, method, pl) {
				continue
			}
			at := fmt.Sprintf("on %q", pl.path)
			switch kind {
			case "cache":
				once("cache", "Fiber's cache middleware "+at, "it does not look at who asks nor at Cache-Control: no-store, so one person "+
					"gets the page of another, and a second websocket the answer to the first", "Move it to routes that are the same "+
					"for everybody, or leave the others out with its Next")
			case "idempotency":
				once("idempotency", "Fiber's idempotency middleware "+at, "it knows a request by a header that the client writes, so "+
					"one person gets the answer of another together with the session cookie", "Move it to routes without accounts, "+
					"or leave the others out with its Next")
			case "csrf":
				if method == fiber.MethodPost && p.inFront(s, method, pl) && p.refusesPlugin(pl.handler) {
					once("csrf", "Fiber's csrf middleware "+at, "the plugin's forms carry a stamp and no token of that middleware, so every "+
						"switch and sign-out is refused", "Leave "+p.urls.base+" out with its Next: the plugin checks origin and stamp itself")
				}
			case "helmet":
				p.checkHelmet(pl.handler, once)
			case "encryptcookie":
				if p.behindHandler(s, method, pl) {
					once("encryptcookie", "Fiber's encryptcookie middleware "+at+" comes after accounts.Handler", "it encrypts the session "+
						"cookie on its way out, and accounts.Handler reads it before it is decrypted, so nobody stays signed in",
						"Mount it before accounts.Handler")
				}
			}
		}
	}
}

// inFront reports whether the plugin's routes are behind a place.
func (p *Plugin[U]) inFront(s stack, method string, pl place) bool {
	path := map[string]string{fiber.MethodGet: p.urls.state, fiber.MethodPost: p.urls.signOut}[method]
	routes := p.routesAt(s, method, path)
	return pl.use && routes >= 0 && pl.at < routes && s.covers(pl, path)
}

// behindHandler reports whether requests meet a plugin's Handler before a place.
func (p *Plugin[U]) behindHandler(s stack, method string, pl place) bool {
	for _, h := range s.methods[method] {
		if h.use && p.isHandler(h) && h.at < pl.at && (s.covers(h, pl.path) || s.covers(pl, h.path)) {
			return !p.skips(pl.path)
		}
	}
	return false
}

// meetsPeople reports whether a place handles requests of people who may be signed in: the plugin's routes, or what is
// behind its Handler.
func (p *Plugin[U]) meetsPeople(s stack, method string, pl place) bool {
	if p.inFront(s, method, pl) || p.behindHandler(s, method, pl) {
		return true
	}
	for _, h := range s.methods[method] {
		if h.use && p.isHandler(h) && pl.use && pl.at < h.at && s.covers(pl, h.path) {
			return true
		}
	}
	return false
}

// checkHelmet asks helmet for its headers.
func (p *Plugin[U]) checkHelmet(helmet fiber.Handler, warn warnFunc) {
	_, h := probe(helmet, fiber.MethodGet, p.paths.Home)
	if h.Get(fiber.HeaderReferrerPolicy) == "no-referrer" {
		warn("helmet_referrer", "Fiber's helmet with Referrer-Policy: no-referrer, its default", "the browser hides which page a form "+
			"was on, so that people come home instead of back after a switch, and Fiber's csrf refuses every form over https",
			`Set ReferrerPolicy: "same-origin"`)
	}
	if policy := h.Get("Cross-Origin-Embedder-Policy"); policy == "require-corp" {
		warn("helmet_embedder", "Fiber's helmet with Cross-Origin-Embedder-Policy: require-corp, its default", "pictures of profiles "+
			"that come from another host are not shown, unless that host allows it",
			`Set CrossOriginEmbedderPolicy: "unsafe-none", or serve the pictures from this host`)
	}
}

// refusesPlugin reports whether a csrf middleware turns the plugin's forms away.
func (p *Plugin[U]) refusesPlugin(csrf fiber.Handler) bool {
	passed, _ := probe(csrf, fiber.MethodPost, p.urls.signOut)
	return !passed
}

// skips reports whether Config.Skip passes a path by.
func (p *Plugin[U]) skips(path string) (skips bool) {
	if p.cfg.Skip == nil {
		return false
	}
	probe(func(c *fiber.Ctx) error { skips = p.cfg.Skip(c); return nil }, fiber.MethodGet, path)
	return skips
}

// probe lets one handler answer a made-up request, in an app of its own, and reports whether it passed it on and with
// which headers. A handler that panics or takes long did not.
func probe(h fiber.Handler, method, path string) (passed bool, header http.Header) {
	app := fiber.New()
	app.Use(func(c *fiber.Ctx) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fiber.ErrInternalServerError
			}
		}()
		return c.Next()
	}, h, func(*fiber.Ctx) error { passed = true; return nil })
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "https://localhost"+path, nil)
	if err != nil {
		return false, http.Header{}
	}
	answer, err := app.Test(r, int(time.Second/time.Millisecond))
	if err != nil {
		return false, http.Header{}
	}
	_ = answer.Body.Close()
	return passed, answer.Header
}

// maxNamed is how many routes a warning names.
const maxNamed = 8

// checkGuards looks for routes that change something and that other sites can reach.
func (p *Plugin[U]) checkGuards(s stack, warn warnFunc) {
	var open []string
	for _, method := range []string{fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete} {
		places := s.methods[method]
		for i, pl := range places {
			if pl.use || i > 0 && places[i-1].route == pl.route || s.isPluginRoute(p.urls, p.paths, pl) || !p.behindHandler(s, method, pl) {
				continue
			}
			if !p.guarded(s, places, pl) {
				open = append(open, method+" "+pl.path)
			}
		}
	}
	if len(open) == 0 {
		return
	}
	more := ""
	if len(open) > maxNamed {
		more, open = fmt.Sprintf(" and %d more", len(open)-maxNamed), open[:maxNamed]
	}
	warn("unguarded", "no guard was seen before "+strings.Join(open, ", ")+more, "a page of another site, or one that was drawn for "+
		"another account, can act there as the current account", "Put accounts.Protect() before what an account does, and "+
		"accounts.SameOrigin() before sign-in and registration. Where the app checks by itself, all is well")
}

// guarded reports whether a guard, or something that has one of its own, is among the handlers that a route goes through.
func (p *Plugin[U]) guarded(s stack, places []place, route place) bool {
	for _, pl := range places {
		same := pl.route == route.route
		if onTheWay := same || p.before(s, pl, route); onTheWay && (p.isProtect(pl) || p.isSameOrigin(pl) || guardsTenant(pl) ||
			asksForKey(pl) || same && (isLive(pl) || p.isSignOut(pl))) {
			return true
		}
	}
	return false
}

// before reports whether every request to a route meets a place on its way.
func (p *Plugin[U]) before(s stack, pl, route place) bool {
	return pl.use && pl.at < route.at && s.covers(pl, route.path)
}

// isSignOut reports whether a place is a plugin's SignOut, which looks at the origin itself.
func (p *Plugin[U]) isSignOut(pl place) bool {
	return strings.HasPrefix(pl.code.name, ownPackage+".(*Plugin[") && strings.HasSuffix(pl.code.name, ").SignOut-fm")
}

// asksForKey reports whether a place is the Handler of package auth/apitoken, which asks for a key that no other site has.
func asksForKey(pl place) bool {
	return strings.HasSuffix(pl.code.name, "/auth/apitoken.(*Keys).Handler-fm")
}

// checkSignIn looks for what keeps people from signing in or out.
func (p *Plugin[U]) checkSignIn(s stack, warn warnFunc) {
	if !s.mounts && !s.answers(fiber.MethodGet, p.urls.signIn) {
		warn("no_sign_in", "no route answers GET "+p.urls.signIn, "people are sent there who have to sign in",
			"Add that page, or set Config.Paths.SignIn to the page of the app, with the prefix of its group")
	}
	var locked []string
	posts := s.methods[fiber.MethodPost]
	for _, route := range posts {
		if route.use || !p.isSameOrigin(route) {
			continue
		}
		for _, pl := range posts {
			if p.isProtect(pl) && p.before(s, pl, route) {
				locked = append(locked, "POST "+route.path)
				break
			}
		}
	}
	if len(locked) > 0 {
		warn("protected_sign_in", "accounts.Protect() stands before "+strings.Join(locked, ", "), "it turns everybody away who is not "+
			"signed in, so nobody can sign in or register there", "Register these routes first, and call app.Use(accounts.Protect()) "+
			"behind them")
	}
	for _, route := range posts {
		if p.isSignOut(route) && !s.isPluginRoute(p.urls, p.paths, route) {
			warn("app_sign_out", "POST "+route.path+" signs out and is not Config.Paths.AppSignOut", "it does not work while the store is "+
				"down", fmt.Sprintf("Set Config.Paths.AppSignOut to %q", route.path))
		}
	}
}

// answers reports whether a route answers requests to a path.
func (s stack) answers(method, path string) bool {
	for _, pl := range s.methods[method] {
		if (!pl.use || strings.HasSuffix(pl.path, "*")) && fiber.RoutePatternMatch(path, pl.path, fiber.Config{CaseSensitive: !s.fold}) {
			return true
		}
	}
	return false
}

// guardsTenant reports whether a place is a route of package tenant or its Require, which look at the page themselves.
func guardsTenant(pl place) bool {
	// Where the compiler has put the method into its caller, only the file tells the package.
	return strings.Contains(pl.code.file, "/tenant") &&
		(strings.Contains(pl.code.name, "(*Tenants).route.") || strings.Contains(pl.code.name, "(*Tenants).Require."))
}

// isLive reports whether a place is the handler of a live view.
func isLive(pl place) bool {
	return strings.Contains(pl.code.name, "multiaccount/live.") || strings.Contains(pl.code.file, "multiaccount/live/")
}

// isPluginRoute reports whether a place is one of the plugin's routes, or the app's own sign-out, which SignOut guards.
func (s stack) isPluginRoute(u urls, paths Paths, pl place) bool {
	path := pl.path
	if s.fold {
		path = strings.ToLower(path)
		u.base, paths.AppSignOut = strings.ToLower(u.base), strings.ToLower(paths.AppSignOut)
	}
	return strings.HasPrefix(path, u.base+"/") || path == paths.AppSignOut
}
