package tenant_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// The table of who may do what: role by route, and for each the same as somebody of another tenant.
func TestWhoMayDoWhat(t *testing.T) {
	routes := []struct {
		name, path string // OTHER stands for the member who is worked on
		fields     url.Values
		may        map[string]int // status for JSON by who asks; the others get 403
	}{
		{"invite a member", "/tenants/invitations", fields("email", "new@example.com", "role", "member"), map[string]int{"owner": 201, "admin": 201}},
		{"invite an admin", "/tenants/invitations", fields("email", "new@example.com", "role", "admin"), map[string]int{"owner": 201, "admin": 201}},
		{"invite an owner", "/tenants/invitations", fields("email", "new@example.com", "role", "owner"), map[string]int{"owner": 201, "admin": 422}},
		{"revoke", "/tenants/invitations/OPEN/revoke", nil, map[string]int{"owner": 200, "admin": 200}},
		{"make a member admin", "/tenants/members/f/role", fields("role", "admin"), map[string]int{"owner": 200, "admin": 200}},
		{"make a member owner", "/tenants/members/f/role", fields("role", "owner"), map[string]int{"owner": 200}},
		{"make an owner member", "/tenants/members/e/role", fields("role", "member"), map[string]int{"owner": 200}},
		{"remove a member", "/tenants/members/f/remove", nil, map[string]int{"owner": 200, "admin": 200}},
		{"remove an owner", "/tenants/members/e/remove", nil, map[string]int{"owner": 200}},
		{"leave", "/tenants/members/SELF/remove", nil, map[string]int{"owner": 200, "admin": 200, "member": 200}},
		{"make oneself owner", "/tenants/members/SELF/role", fields("role", "owner"), map[string]int{"owner": 200}},
		{"rename", "/tenants/rename", fields("account_name", "Globex"), map[string]int{"owner": 200}},
		{"delete", "/tenants/delete", fields("confirmation", "Acme"), map[string]int{"owner": 200}},
	}
	who := map[string]string{"owner": "a", "admin": "b", "member": "c"}
	for _, route := range routes {
		for role, id := range who {
			t.Run(route.name+" as "+role, func(t *testing.T) {
				s := newSite(t)
				acme := s.tenant("Acme", "a", "b", tenant.Admin, "c", tenant.Member, "e", tenant.Owner, "f", tenant.Member)
				other := s.tenant("Other", "d", "f", tenant.Member, "e", tenant.Admin)
				owner := s.signedIn("a")
				owner.switchTo(acme)
				owner.must(201, owner.post("/tenants/invitations", fields("email", "open@example.com", "role", "member"), asJSON...))
				path := strings.NewReplacer("OPEN", s.lastMail().to.ID, "SELF", id).Replace(route.path)
				v := s.signedIn(id)
				v.switchTo(acme)
				sent := s.sent()
				want, allowed := route.may[role]
				if !allowed {
					want = 403
				}
				before := s.look(acme, "a", "b", "c", "e", "f")
				stamp := v.stamp()
				for what, attack := range map[string]answer{
					"no stamp":     v.do("POST", path, route.fields, asJSON...),
					"another site": v.post(path, route.fields, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"),
					"GET":          v.do("GET", path+"?"+route.fields.Encode()+"&_stamp="+url.QueryEscape(stamp), nil, asJSON...),
				} {
					if attack.Status < 400 || s.look(acme, "a", "b", "c", "e", "f") != before || s.sent() != sent {
						t.Errorf("%s: %d %s", what, attack.Status, attack.Body)
					}
				}
				// The owner of another tenant does it to his own, or meets what does not exist there.
				stranger := s.signedIn("d")
				stranger.switchTo(other)
				theirs := maps.Clone(route.fields)
				if theirs.Has("account_name") {
					theirs.Set("account_name", "Initech")
				}
				foreign := stranger.post(path, theirs, asJSON...)
				if s.look(acme, "a", "b", "c", "e", "f") != before {
					t.Errorf("the owner of another tenant did it: %d %s", foreign.Status, foreign.Body)
				}
				if a := (&visitor{site: s}).do("POST", path, route.fields, asJSON...); a.Status != 401 {
					t.Errorf("nobody: %d", a.Status)
				}
				a := v.post(path, route.fields, asJSON...)
				if a.Status != want {
					t.Errorf("got %d %s, want %d", a.Status, a.Body, want)
				}
				if want >= 400 && s.look(acme, "a", "b", "c", "e", "f") != before {
					t.Error("it was refused and done")
				}
			})
		}
	}
}

// look describes a tenant: its name, roles and open invitations.
func (s *site) look(in tenant.Tenant, ids ...string) string {
	s.t.Helper()
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(id + "=" + string(s.role(in, id)) + " ")
	}
	members, err := s.db.Members(s.t.Context(), in.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(members) > 0 {
		b.WriteString(members[0].Tenant.Name)
	}
	open, err := s.db.Invitations(s.t.Context(), in.ID, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, i := range open {
		b.WriteString(" " + i.Email + string(i.Role))
	}
	return b.String()
}

func TestAnswersByWhoAsks(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Member)
	v := s.signedIn("a")
	v.switchTo(acme)
	role := fields("role", "admin")
	if a := v.post("/tenants/members/b/role", role, asPage...); a.Status != 303 || a.Header.Get("Location") != "/tenants/members" {
		t.Errorf("page: %d %s", a.Status, a.Header.Get("Location"))
	}
	if a := v.post("/tenants/members/b/role", role, asHTMX...); a.Status != 204 || a.Header.Get("HX-Redirect") != "/tenants/members" {
		t.Errorf("htmx: %d %v", a.Status, a.Header)
	}
	var changed struct{ ID, Role string }
	v.must(200, v.post("/tenants/members/b/role", role, asJSON...)).json(t, &changed)
	if changed.ID != "b" || changed.Role != "admin" {
		t.Errorf("json: %+v", changed)
	}
	// A program may send JSON.
	a := v.do("POST", "/tenants/rename", nil, "Content-Type", "application/json", "Accept", "application/json", "X-Account-Stamp", v.stamp())
	if a.Status != 422 {
		t.Errorf("JSON without a name: %d %s", a.Status, a.Body)
	}
	if got := s.took(); !slices.Contains(got, tenant.ActionRole+" by a") {
		t.Errorf("events %v", got)
	}
}

func TestCreateTenant(t *testing.T) {
	s := newSite(t, func(c *tenant.Config) { c.MaxTenants = 3 })
	s.tenant("Taken", "b")
	v := s.signedIn("a")
	if a := v.must(200, v.do("GET", "/tenants/new", nil, asPage...)); !strings.Contains(a.Body, `<label for="account-name">`) ||
		!strings.Contains(a.Body, `action="/tenants"`) {
		t.Errorf("form: %s", a.Body)
	}
	for typed, part := range map[string]string{
		"": "enter a name", "x": "at least 2", "ta\u200bken": "is taken", "ＴＡＫＥＮ": "is taken", "admin": "for the site", "аcme": "one alphabet",
		strings.Repeat("x", 65): "at most 64", "\u202etxt": "cannot be shown", "---": "one letter",
	} {
		a := v.post("/tenants", fields("account_name", typed), asPage...)
		if a.Status != 422 || !strings.Contains(a.Body, part) || !strings.Contains(a.Body, `aria-invalid="true" aria-describedby="account-name-problem"`) {
			t.Errorf("%q: %d %s", typed, a.Status, a.Body)
		}
		var wrong struct {
			Error  string
			Fields map[string]struct{ Error, Message string }
		}
		v.must(422, v.post("/tenants", fields("account_name", typed), asJSON...)).json(t, &wrong)
		if wrong.Error != "invalid" || !strings.Contains(wrong.Fields["account_name"].Message, part) || wrong.Fields["account_name"].Error == "" {
			t.Errorf("%q as JSON: %+v", typed, wrong)
		}
		if a := v.post("/tenants", fields("account_name", typed), asHTMX...); a.Status != 422 || strings.Contains(a.Body, "<html") ||
			!strings.Contains(a.Body, part) {
			t.Errorf("%q as htmx: %d %s", typed, a.Status, a.Body)
		}
	}
	if a := v.post("/tenants", fields("account_name", " My   Company "), asPage...); a.Status != 303 || a.Header.Get("Location") != "/" {
		t.Fatalf("%d %s", a.Status, a.Header.Get("Location"))
	}
	if w, _ := v.at("/data"); w.Name != "My Company" || w.Role != tenant.Owner {
		t.Errorf("works in %+v", w)
	}
	// TN-07: nothing but the name is read.
	var made struct {
		ID, Name, Status string
		Current          bool
	}
	v.must(201, v.post("/tenants", fields("account_name", "Second", "id", "chosen", "status", "suspended", "owner", "b", "role", "member"), asJSON...)).json(t, &made)
	if made.ID == "chosen" || made.Name != "Second" || made.Status != "active" || !made.Current {
		t.Errorf("made %+v", made)
	}
	if a := v.post("/tenants", fields("account_name", "Third"), asJSON...); a.Status != 422 || !strings.Contains(a.Body, "as many workspaces") {
		t.Errorf("one too many: %d %s", a.Status, a.Body)
	}
	if got := s.took(); !slices.Equal(got, []string{tenant.ActionCreated + " by a", tenant.ActionCreated + " by a"}) {
		t.Errorf("events %v", got)
	}
}

func TestPoliciesThatCreateNothing(t *testing.T) {
	for _, policy := range []tenant.Policy{tenant.ByInvitation, tenant.None} {
		s := newSite(t, func(c *tenant.Config) { c.Policy = policy })
		v := s.signedIn("a")
		for _, a := range []answer{v.do("GET", "/tenants/new", nil, asJSON...), v.post("/tenants", fields("account_name", "Acme"), asJSON...)} {
			if a.Status != 404 {
				t.Errorf("%s: %d", policy, a.Status)
			}
		}
		if a := v.must(200, v.do("GET", "/page", nil, asPage...)); strings.Contains(a.Body, "Private") || strings.Contains(a.Body, "/tenants/new") {
			t.Errorf("%s: the page shows a private space: %s", policy, a.Body)
		}
	}
}

// A private space has no members, no name and no end.
func TestPrivateSpaceCannotBeManaged(t *testing.T) {
	s := newSite(t)
	v := s.signedIn("a")
	for _, path := range []string{"/tenants/invitations", "/tenants/members/a/remove", "/tenants/members/a/role", "/tenants/rename", "/tenants/delete"} {
		if a := v.post(path, fields("role", "member", "email", "x@example.com", "account_name", "Acme", "confirmation", ""), asJSON...); a.Status != 404 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestLastOwnerStays(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Admin)
	v := s.signedIn("a")
	v.switchTo(acme)
	for path, f := range map[string]url.Values{"/tenants/members/a/role": fields("role", "member"), "/tenants/members/a/remove": nil} {
		for who, header := range map[string][]string{"page": asPage, "htmx": asHTMX, "json": asJSON} {
			if a := v.post(path, f, header...); a.Status != 409 || !strings.Contains(a.Body, "must be an owner") {
				t.Errorf("%s as %s: %d %s", path, who, a.Status, a.Body)
			}
		}
	}
	if a := v.post("/tenants/members/b/role", fields("role", "king"), asJSON...); a.Status != 422 {
		t.Errorf("a role that does not exist: %d", a.Status)
	}
	if a := v.post("/tenants/members/zz/role", fields("role", "admin"), asJSON...); a.Status != 404 {
		t.Errorf("a member who does not exist: %d", a.Status)
	}
}

func TestRename(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	s.tenant("Globex", "b")
	v := s.signedIn("a")
	v.switchTo(acme)
	for _, wrong := range []string{"GLOBEX", "", "api"} {
		if a := v.post("/tenants/rename", fields("account_name", wrong), asPage...); a.Status != 422 || !strings.Contains(a.Body, "account-name-problem") {
			t.Errorf("%q: %d %s", wrong, a.Status, a.Body)
		}
	}
	v.must(303, v.post("/tenants/rename", fields("account_name", "ACME"), asPage...))
	if w, _ := v.at("/data"); w.Name != "ACME" || w.Tenant != acme.ID {
		t.Errorf("got %+v", w)
	}
}

func TestDeleteTenant(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Member, "c", tenant.Member)
	other := s.tenant("Other", "d", "c", tenant.Member)
	s.home(acme, "a", "b", "c")
	v, b, c := s.signedIn("a"), s.signedIn("b"), s.signedIn("c", "d")
	v.switchTo(acme)
	for _, wrong := range []string{"", "acm", "Other"} {
		if a := v.post("/tenants/delete", fields("confirmation", wrong), asPage...); a.Status != 422 || !strings.Contains(a.Body, "confirmation-problem") {
			t.Errorf("%q: %d %s", wrong, a.Status, a.Body)
		}
	}
	if a := v.post("/tenants/delete", fields("confirmation", "Acme"), asPage...); a.Status != 303 || a.Header.Get("Location") != "/" {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	slices.Sort(s.gone)
	if !slices.Equal(s.gone, []string{"a", "b"}) {
		t.Errorf("deleted %v, want a and b", s.gone)
	}
	for id, who := range map[string]*visitor{"a": v, "b": b} { // their sessions have ended
		if a := who.do("GET", "/data", nil, asJSON...); a.Status != 401 {
			t.Errorf("%s: %d %s, want 401", id, a.Status, a.Body)
		}
	}
	c.must(303, c.post("/link/switch_to/c", nil))
	c.in(other)
	if _, err := s.db.Create(t.Context(), parse(t, "Acme"), "d"); err != nil {
		t.Errorf("the name is not free: %v", err)
	}
}

// An owner whose session is old, or stolen, signs in again first.
func TestDeleteTenantAsksForARecentSignIn(t *testing.T) {
	s := newSite(t, func(c *tenant.Config) { c.RecentSignIn = 1e9 })
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	var a answer
	eventually(t, "signing in is too long ago", func() bool {
		a = v.post("/tenants/delete", fields("confirmation", "not the name"), asPage...)
		return a.Status == 303
	})
	if !strings.HasPrefix(a.Header.Get("Location"), "/session/new?again=a") {
		t.Errorf("leads to %s", a.Header.Get("Location"))
	}
	if a := v.post("/tenants/delete", fields("confirmation", "Acme"), asJSON...); a.Status != 401 || s.role(acme, "a") == "" {
		t.Errorf("%d, and the tenant is there: %v", a.Status, s.role(acme, "a"))
	}
}

func TestLeaving(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Member)
	s.home(acme, "b")
	v := s.signedIn("b")
	if a := v.post("/tenants/members/b/remove", nil, asPage...); a.Status != 303 || a.Header.Get("Location") != "/" {
		t.Errorf("%d %s", a.Status, a.Header.Get("Location"))
	}
	if w, status := v.at("/data"); status != 200 || w.Name != "" || w.Role != tenant.Owner {
		t.Errorf("%d %+v, want a private space", status, w)
	}
}

func TestListOfTenants(t *testing.T) {
	s := newSite(t)
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "b", "a", tenant.Member)
	old := s.tenant("Old", "a")
	if err := s.tenants.Suspend(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	v := s.signedIn("a")
	v.switchTo(globex)
	var list struct {
		Tenants []struct {
			ID, Name, Role, Status string
			Current, Home          bool
			SwitchPath             string `json:"switch_path"`
		}
		Stamp string
	}
	v.must(200, v.do("GET", "/tenants", nil, asJSON...)).json(t, &list)
	got := map[string]string{}
	for _, e := range list.Tenants {
		got[e.Name] = strings.Join([]string{e.Role, e.Status, e.SwitchPath}, " ")
		if e.Current != (e.ID == globex.ID) || e.Home != (e.Name == "") {
			t.Errorf("%+v", e)
		}
	}
	if len(got) != 4 || got["Acme"] != "owner active /tenants/switch_to/"+acme.ID || got["Globex"] != "member active " || got["Old"] != "owner suspended " {
		t.Errorf("got %q", got)
	}
	if list.Stamp != v.stamp() {
		t.Errorf("stamp %q", list.Stamp)
	}
	fragment := v.do("GET", "/tenants", nil, append([]string{"X-Account-Stamp", v.stamp()}, asHTMX...)...)
	if fragment.Status != 200 || !strings.HasPrefix(fragment.Body, `<section id="tenant-switcher"`) {
		t.Errorf("%d %s", fragment.Status, fragment.Body)
	}
	if a := (&visitor{site: s}).do("GET", "/tenants", nil, asJSON...); a.Status != 401 {
		t.Errorf("nobody: %d", a.Status)
	}
}

// What needs no role needs the right page all the same.
func TestChangesOutsideOfATenantAreProtected(t *testing.T) {
	s := newSite(t)
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "b", "a", tenant.Member)
	home := s.tenant("Home", "c")
	path := s.invited(home, "c", "a@example.com", tenant.Member)
	v := s.signedIn("a")
	v.switchTo(acme)
	old := v.stamp()
	v.switchTo(globex)
	for target, f := range map[string]url.Values{
		"/tenants": fields("account_name", "Initech"), "/tenants/switch_to/" + acme.ID: nil, path: nil,
	} {
		stale := fields("_stamp", old)
		for name, values := range f {
			stale[name] = values
		}
		for what, tc := range map[string]struct {
			attack func() answer
			want   int
		}{
			"no stamp":                 {func() answer { return v.do("POST", target, f, asPage...) }, 409},
			"a page of another tenant": {func() answer { return v.do("POST", target, stale, asPage...) }, 409},
			"another site": {func() answer {
				return v.post(target, f, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site", "Accept", "text/html")
			}, 403},
		} {
			if a := tc.attack(); a.Status != tc.want {
				t.Errorf("%s, %s: %d %s, want %d", target, what, a.Status, a.Body, tc.want)
			}
		}
	}
	v.in(globex)
	if all, _ := s.db.MemoryStore.Memberships(t.Context(), "a"); len(all) != 3 {
		t.Errorf("belongs to %+v, want what it was", all)
	}
}

func TestAnEventSaysWhoDidWhatToWhomInWhichTenant(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Member)
	v := s.signedIn("a")
	v.switchTo(acme)
	s.took()
	v.must(303, v.post("/tenants/members/b/remove", nil, asPage...))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) != 1 {
		t.Fatalf("events %+v", s.events)
	}
	if e := s.events[0]; e.Action != tenant.ActionRemoved || e.Scope != acme.ID || e.Actor != "a" || e.By != "a" || e.Account != "b" ||
		e.Route != "/tenants/members/:user_id/remove" || e.IP == "" {
		t.Errorf("event %+v", e)
	}
}
