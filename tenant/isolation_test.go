package tenant_test

import (
	"context"
	"html/template"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/livetest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// wall is a live view that shows the rows of the tenant that it works in, and hears when there is another one.
type wall struct {
	rows  *wallRows
	scope tenant.Scope
}

type wallRows struct {
	mu sync.Mutex
	of map[string][]string // by id of the tenant
}

func (r *wallRows) add(tenantID, row string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[tenantID] = append(r.of[tenantID], row)
}

func wallTopic(tenantID string) string { return "wall:" + tenantID }

func (w *wall) Mount(_ context.Context, s *live.Socket) error {
	w.scope, _ = tenant.Of(s)
	s.Subscribe(wallTopic(w.scope.Tenant.ID))
	return nil
}

func (w *wall) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	w.rows.add(w.scope.Tenant.ID, e.Get("row"))
	return s.Hub().Publish(ctx, wallTopic(w.scope.Tenant.ID), nil)
}

func (w *wall) Info(_ context.Context, s *live.Socket, _ live.Message) error {
	s.Redraw()
	return nil
}

func (w *wall) Render(_ context.Context, s *live.Socket, to io.Writer) error {
	w.rows.mu.Lock()
	defer w.rows.mu.Unlock()
	return wallDrawn.Execute(to, map[string]any{"Tenant": w.scope.Tenant, "Rows": w.rows.of[w.scope.Tenant.ID],
		"Send": live.Send, "Stamp": hooks.Stamp(s)})
}

var wallDrawn = template.Must(template.New("").Parse(`<div data-account-stamp="{{.Stamp}}"><p id="where">in {{.Tenant.Name}} {{.Tenant.ID}}</p>` +
	`<p id="rows">{{range .Rows}}{{.}}; {{end}}</p><form id="add" {{.Send}}><input type="hidden" name="_stamp" value="{{.Stamp}}"><input name="row"><input name="_tenant"><input name="tenant_id"></form></div>`))

// walls is a site with such a view.
type walls struct {
	*site
	rows *wallRows
}

func newWalls(t *testing.T) *walls {
	t.Helper()
	w := &walls{newSite(t), &wallRows{of: map[string][]string{}}}
	w.app.Get("/wall", w.tenants.Handler, live.New(func() live.View { return &wall{rows: w.rows} }, live.Config{
		Hub:       w.accounts.Hub(),
		OnConnect: []live.Hook{hooks.LoadAccounts(w.accounts), w.tenants.Hook()},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html", "utf-8").SendString("<!DOCTYPE html><head>" + string(w.accounts.Head(c)) + "</head>" + string(body))
		},
	}))
	return w
}

// write adds a row to a tenant, as somebody else does, and tells whoever looks at it.
func (w *walls) write(in tenant.Tenant, row string) {
	w.t.Helper()
	w.rows.add(in.ID, row)
	if err := w.accounts.Hub().Publish(w.t.Context(), wallTopic(in.ID), nil); err != nil {
		w.t.Fatal(err)
	}
}

// shows waits until a page works in a tenant, and has its rows.
func shows(page *livetest.Page, in tenant.Tenant, rows string) {
	page.WaitText("where", strings.TrimSpace(in.Name+" "+in.ID))
	page.WaitText("rows", rows)
}

// clean fails the test when what came over the sockets of a page from the frame with a number on, or what it shows now, says
// anything of a tenant.
func (w *walls) clean(what string, page *livetest.Page, from int, of tenant.Tenant) {
	w.t.Helper()
	texts := []string{page.HTML("where") + page.HTML("rows") + page.HTML("add")} // the address of the view has the query
	for _, f := range page.Frames()[from:] {
		texts = append(texts, f.Data)
	}
	for _, text := range texts {
		if strings.Contains(text, of.ID) || strings.Contains(text, of.Name) {
			w.t.Errorf("%s: %s is told of in %s", what, of.Name, text)
		}
	}
}

// TN-01, TN-02: whatever the role, and whatever a page or a message claims, no frame has a row of another tenant.
func TestNoFrameHasARowOfAnotherTenant(t *testing.T) {
	for name, role := range map[string]tenant.Role{
		"owner": tenant.Owner, "admin": tenant.Admin, "member": tenant.Member, "nobody in a tenant": "",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWalls(t)
			mine, theirs := w.tenant("Acme", "a"), w.tenant("Globex", "b")
			w.write(theirs, "one of Globex")
			browser := livetest.New(t, w.app).Patience(30 * time.Second)
			person := "a"
			if role != tenant.Owner {
				person = "c"
			}
			signIn(browser, person)
			if role == tenant.Admin || role == tenant.Member {
				w.join(mine, person, role)
			}
			if role != "" {
				first := browser.Open("/wall")
				first.Post("/tenants/switch_to/"+mine.ID, url.Values{})
				first.Close()
			}
			page := browser.Open("/wall?tenant=" + theirs.ID + "&_tenant=" + theirs.ID + "&tenant_id=" + theirs.ID)
			page.Submit("add", livetest.Fields{"row": "my first", "_tenant": theirs.ID, "tenant_id": theirs.ID})
			page.WaitText("rows", "my first")
			w.write(theirs, "two of Globex")
			page.Submit("add", livetest.Fields{"row": "my second"}) // comes after whatever the row before has sent
			page.WaitText("rows", "my second")
			if role != "" {
				page.WaitText("where", mine.ID)
			}
			w.clean("the view", page, 0, theirs)
			if got := len(w.rows.of[theirs.ID]); got != 2 {
				t.Errorf("Globex has %d rows, want its own two: %v", got, w.rows.of)
			}
		})
	}
}

// TN-06: after a switch of the tenant, and of the account, nothing of the tenant of before comes to the tab or stays in it.
func TestNoResidueOfATenantInALiveView(t *testing.T) {
	for what, begin := range map[string]func(w *walls, browser *livetest.Browser, acme, globex tenant.Tenant) (there, back string){
		"switch of the tenant": func(w *walls, browser *livetest.Browser, acme, globex tenant.Tenant) (string, string) {
			w.join(globex, "a", tenant.Member)
			act(browser, "/tenants/switch_to/"+acme.ID)
			return "/tenants/switch_to/" + globex.ID, "/tenants/switch_to/" + acme.ID
		},
		"switch of the account": func(_ *walls, browser *livetest.Browser, acme, globex tenant.Tenant) (string, string) {
			act(browser, "/tenants/switch_to/"+acme.ID)
			act(browser, "/link/p/a")
			signIn(browser, "b")
			act(browser, "/tenants/switch_to/"+globex.ID)
			act(browser, "/link/switch_to/a")
			return "/link/switch_to/b", "/link/switch_to/a"
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWalls(t)
			acme, globex := w.tenant("Acme", "a"), w.tenant("Globex", "b")
			w.write(acme, "one of Acme")
			w.write(globex, "one of Globex")
			browser := livetest.New(t, w.app).Patience(30 * time.Second)
			signIn(browser, "a")
			there, back := begin(w, browser, acme, globex)
			page := browser.Open("/wall") // nobody touches it
			shows(page, acme, "one of Acme")
			for _, step := range []struct {
				path     string
				in, left tenant.Tenant
			}{{there, globex, acme}, {back, acme, globex}, {there, globex, acme}} {
				act(browser, step.path)
				shows(page, step.in, "one of "+step.in.Name)
				from := len(page.Frames())
				w.write(step.left, "later of "+step.left.Name)
				page.Submit("add", livetest.Fields{"row": "after " + step.path})
				page.WaitText("rows", "after "+step.path)
				w.clean(what, page, from, step.left)
			}
		})
	}
}

// act makes a change from another tab of the browser.
func act(browser *livetest.Browser, path string) {
	page := browser.Open("/wall")
	page.Post(path, url.Values{})
	page.Close()
}
