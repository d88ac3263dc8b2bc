package tenant_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/livetest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// board is a live view of the rows of a tenant.
type board struct {
	rows  *rows
	scope tenant.Scope
}

type rows struct {
	mu   sync.Mutex
	done []string
}

func (r *rows) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.done)
}

func (b *board) Mount(_ context.Context, s *live.Socket) error {
	var ok bool
	if b.scope, ok = tenant.Of(s); !ok {
		return fmt.Errorf("no scope")
	}
	return nil
}

func (b *board) Event(_ context.Context, s *live.Socket, e live.Event) error {
	b.rows.mu.Lock()
	defer b.rows.mu.Unlock()
	b.rows.done = append(b.rows.done, b.scope.AccountID+" in "+b.scope.Tenant.Name+": "+e.Get("row"))
	s.Redraw()
	return nil
}

func (b *board) Info(context.Context, *live.Socket, live.Message) error { return nil }

func (b *board) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	b.rows.mu.Lock()
	defer b.rows.mu.Unlock()
	return drawn.Execute(w, map[string]any{"Scope": b.scope, "Send": live.Send, "Rows": len(b.rows.done), "Stamp": hooks.Stamp(s)})
}

var drawn = template.Must(template.New("").Parse(`<div data-account-stamp="{{.Stamp}}"><p id="where">{{.Scope.Tenant.Name}} as {{.Scope.Role}}</p>` +
	`<p id="rows">{{.Rows}} rows</p><form id="add" {{.Send}}><input type="hidden" name="_stamp" value="{{.Stamp}}"><input name="row"></form></div>`))

// withBoard is a site with a live view.
func withBoard(t *testing.T) (*site, *rows, *livetest.Browser) {
	t.Helper()
	s, r := newSite(t), &rows{}
	s.app.Get("/board", s.tenants.Handler, live.New(func() live.View { return &board{rows: r} }, live.Config{
		Hub:       s.accounts.Hub(),
		OnConnect: []live.Hook{hooks.LoadAccounts(s.accounts), s.tenants.Hook()},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html", "utf-8").SendString("<!DOCTYPE html><head>" + string(s.accounts.Head(c)) + "</head>" + string(body))
		},
	}))
	return s, r, livetest.New(t, s.app).Patience(30 * time.Second)
}

func signIn(b *livetest.Browser, id string) { b.Post("/sign-in", url.Values{"id": {id}}) }

func choose(b *livetest.Browser, in tenant.Tenant) {
	page := b.Open("/board")
	page.Post("/tenants/switch_to/"+in.ID, url.Values{})
	page.Close()
}

// ends waits until the socket of a page was closed, be it that another one is open by then or was refused.
func ends(page *livetest.Page) {
	page.Wait(func() bool { code, _ := page.Closed(); return code != 0 })
}

func TestLiveViewWorksInTheTenant(t *testing.T) {
	s, r, b := withBoard(t)
	acme := s.tenant("Acme", "a")
	if a := b.Get("/board"); strings.Contains(a.Body, "where") {
		t.Errorf("nobody sees the view: %d %s", a.Status, a.Body)
	}
	signIn(b, "a")
	choose(b, acme)
	page := b.Open("/board")
	if got := page.Text("where"); got != "Acme as owner" {
		t.Errorf("the page works in %q", got)
	}
	page.Submit("add", livetest.Fields{"row": "one"})
	page.WaitText("rows", "1 rows")
	if got := r.all(); !slices.Equal(got, []string{"a in Acme: one"}) {
		t.Errorf("rows %v", got)
	}
}

// TN-08, WS-03: sockets of members end at once with the tenant, and with their membership.
func TestSocketsEndWithTheTenant(t *testing.T) {
	for what, end := range map[string]func(s *site, acme tenant.Tenant, owner *livetest.Page) error{
		"suspended": func(s *site, acme tenant.Tenant, _ *livetest.Page) error {
			return s.tenants.Suspend(s.t.Context(), acme.ID)
		},
		"deleted": func(s *site, acme tenant.Tenant, _ *livetest.Page) error {
			return s.tenants.Delete(s.t.Context(), acme.ID)
		},
		"removed by the owner": func(_ *site, _ tenant.Tenant, owner *livetest.Page) error {
			owner.Post("/tenants/members/b/remove", url.Values{})
			return nil
		},
		"role changed by the owner": func(_ *site, _ tenant.Tenant, owner *livetest.Page) error {
			owner.Post("/tenants/members/b/role", url.Values{"role": {"admin"}})
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, r, b := withBoard(t)
			acme := s.tenant("Acme", "a", "b", tenant.Member)
			o := b.Another()
			signIn(o, "a")
			choose(o, acme)
			owner := o.Open("/board")
			signIn(b, "b")
			choose(b, acme)
			page := b.Open("/board")
			if got := page.Text("where"); got != "Acme as member" {
				t.Fatalf("works in %q", got)
			}
			if err := end(s, acme, owner); err != nil {
				t.Fatal(err)
			}
			page.WaitMessage("session-changed")
			ends(page)
			if what == "role changed by the owner" {
				page.WaitText("where", "Acme as admin")
				return
			}
			page.Reload()
			if got := page.Text("where"); got != "as owner" {
				t.Errorf("then works in %q, want the private space", got)
			}
			page.Submit("add", livetest.Fields{"row": "mine"})
			page.WaitText("rows", "1 rows")
			if got := r.all(); !slices.Equal(got, []string{"b in : mine"}) {
				t.Errorf("rows %q", got)
			}
		})
	}
}

// What nobody has told the socket yet is true already.
func TestEventIsNotExecutedAfterTheMembership(t *testing.T) {
	for what, change := range map[string]func(s *site, acme tenant.Tenant) error{
		"removed": func(s *site, acme tenant.Tenant) error { return s.db.Remove(s.t.Context(), acme.ID, "b") },
		"suspended": func(s *site, acme tenant.Tenant) error {
			return s.db.SetStatus(s.t.Context(), acme.ID, tenant.Suspended)
		},
		"role": func(s *site, acme tenant.Tenant) error {
			return s.db.SetRole(s.t.Context(), acme.ID, "b", tenant.Member)
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, r, b := withBoard(t)
			acme := s.tenant("Acme", "a", "b", tenant.Admin)
			signIn(b, "b")
			choose(b, acme)
			page := b.Open("/board")
			if err := change(s, acme); err != nil {
				t.Fatal(err)
			}
			page.Submit("add", livetest.Fields{"row": "never"})
			if m := page.WaitMessage("refused"); m.Code != multiaccount.CodeStalePage || m.Message == "" {
				t.Errorf("told %+v", m)
			}
			ends(page)
			if got := r.all(); len(got) != 0 {
				t.Errorf("rows %v", got)
			}
		})
	}
}

func TestEventIsNotExecutedWithoutTheStore(t *testing.T) {
	s, r, b := withBoard(t)
	acme := s.tenant("Acme", "a")
	signIn(b, "a")
	choose(b, acme)
	page := b.Open("/board")
	s.db.down.Store(true)
	page.Submit("add", livetest.Fields{"row": "never"})
	if m := page.WaitMessage("refused"); m.Code != multiaccount.CodeStoreUnavailable || strings.Contains(m.JSON, "hunter2") {
		t.Errorf("told %+v", m)
	}
	s.db.down.Store(false)
	page.Submit("add", livetest.Fields{"row": "now"})
	page.WaitText("rows", "1 rows")
	if got := r.all(); !slices.Equal(got, []string{"a in Acme: now"}) {
		t.Errorf("rows %v", got)
	}
}

// A page of Acme does nothing in Globex, also not over its socket.
func TestSocketDoesNotActInTheTenantThatIsChosenElsewhere(t *testing.T) {
	s, r, b := withBoard(t)
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "a")
	signIn(b, "a")
	choose(b, acme)
	page := b.Open("/board")
	stamp, _ := page.Attr("live", "data-account-stamp")
	for _, part := range strings.Split(page.HTML("add"), `"`) {
		if strings.HasPrefix(part, "v1.") {
			stamp = part
		}
	}
	choose(b, globex)
	page.WaitText("where", "Globex") // the view came back
	page.Send("live", livetest.Fields{"row": "never", "_stamp": stamp})
	if m := page.WaitMessage("session-changed"); m.Type == "" {
		t.Error("nobody was told")
	}
	page.Submit("add", livetest.Fields{"row": "one"})
	page.WaitText("rows", "1 rows")
	if got := r.all(); !slices.Equal(got, []string{"a in Globex: one"}) {
		t.Errorf("rows %v", got)
	}
}
