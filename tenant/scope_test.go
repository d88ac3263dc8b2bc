package tenant_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/tenant"
)

func TestScopeIsTheChosenTenantElseHomeElseTheFirst(t *testing.T) {
	s := newSite(t)
	home := s.tenant("Home", "a")
	s.home(home, "a")
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "b", "a", tenant.Admin)
	v := s.signedIn("a")
	v.in(home)
	v.switchTo(globex)
	v.in(globex)
	if w, _ := v.at("/data"); w.Account != "a" || w.Role != tenant.Admin || w.Name != "Globex" || w.Stamp != v.stamp() {
		t.Errorf("got %+v", w)
	}
	suspend := func(in tenant.Tenant) {
		t.Helper()
		if err := s.tenants.Suspend(t.Context(), in.ID); err != nil {
			t.Fatal(err)
		}
	}
	suspend(globex)
	v.in(home)
	suspend(home)
	v.in(acme)
	suspend(acme)
	for who, want := range map[string][]string{"page": asPage, "htmx": asHTMX, "json": asJSON} {
		header := append([]string{"X-Account-Stamp", v.stamp()}, want...)
		a := v.do("GET", "/data", nil, header...)
		if who == "htmx" { // goes into a page of a tenant: the page first
			v.must(409, a)
			continue
		}
		if a.Status != 403 || !strings.Contains(a.Body, "suspended") {
			t.Errorf("%s: %d %s, want 403 that says why", who, a.Status, a.Body)
		}
	}
	if err := s.tenants.Activate(t.Context(), globex.ID); err != nil {
		t.Fatal(err)
	}
	v.in(globex)
}

// TN-01: whatever a request says of another tenant, it gets nothing of it.
func TestNothingInARequestLeadsIntoAnotherTenant(t *testing.T) {
	s := newSite(t)
	mine, theirs := s.tenant("Mine", "a"), s.tenant("Theirs", "b")
	s.home(mine, "a")
	s.home(theirs, "b")
	b := s.signedIn("b")
	b.must(201, b.post("/data", fields("row", "secret of b")))
	a := s.signedIn("a")

	hints := map[string]func() answer{
		"header": func() answer { return a.do("GET", "/data", nil, "X-Tenant-ID", theirs.ID, "X-Tenant", theirs.ID) },
		"query": func() answer {
			return a.do("GET", "/data?tenant="+theirs.ID+"&_tenant="+theirs.ID+"&tenant_id="+theirs.ID, nil)
		},
		"host": func() answer {
			return a.do("GET", "/data", nil, "X-Forwarded-Host", theirs.ID+".app.test", "Forwarded", "host="+theirs.ID+".app.test")
		},
		"cookie": func() answer { return a.do("GET", "/data", nil, "Cookie", "tenant="+theirs.ID) },
		"body": func() answer {
			return a.post("/data", fields("row", "of a", "tenant_id", theirs.ID, "tenant", theirs.ID, "tenant[id]", theirs.ID))
		},
	}
	for hint, ask := range hints {
		if got := ask(); strings.Contains(got.Body, "secret of b") || strings.Contains(got.Body, theirs.ID) {
			t.Errorf("%s: %d %s", hint, got.Status, got.Body)
		}
	}
	if w, _ := b.at("/data"); len(w.Rows) != 1 {
		t.Errorf("rows of b: %v", w.Rows)
	}
	for what, ask := range map[string]func(id string) answer{
		"path":            func(id string) answer { return a.do("GET", "/t/"+id+"/data", nil, asJSON...) },
		"path, changing":  func(id string) answer { return a.post("/t/"+id+"/data", fields("row", "x"), asJSON...) },
		"path, as a page": func(id string) answer { return a.do("GET", "/t/"+id+"/data", nil, asPage...) },
		"host of a tenant": func(id string) answer {
			return a.do("GET", "/sub/data", nil, "Host", id+".app.test", "Accept", "application/json")
		},
		"switch":       func(id string) answer { return a.post("/tenants/switch_to/"+id, nil, asJSON...) },
		"switch, htmx": func(id string) answer { return a.post("/tenants/switch_to/"+id, nil, asHTMX...) },
	} {
		foreign, unknown := ask(theirs.ID), ask("00000000000000000000000000")
		if foreign.Status != 404 || foreign.Body != unknown.Body || fmt.Sprint(foreign.Header) != fmt.Sprint(unknown.Header) {
			t.Errorf("%s: %d %s, unknown: %d %s; want the same 404", what, foreign.Status, foreign.Body, unknown.Status, unknown.Body)
		}
	}
	a.in(mine)
}

func TestTenantByPathAndByHost(t *testing.T) {
	s := newSite(t)
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	for _, in := range []tenant.Tenant{acme, globex} {
		for path, header := range map[string][]string{"/t/" + in.ID + "/data": nil, "/sub/data": {"Host", strings.ToUpper(in.ID) + ".App.Test:443"}} {
			if w, status := v.at(path, header...); status != 200 || w.Tenant != in.ID {
				t.Errorf("%s: %d %+v", path, status, w)
			}
		}
	}
	for what, name := range map[string]string{
		"domain itself": "app.test", "another domain": acme.ID + ".evil.test", "label before it": "x." + acme.ID + ".app.test",
		"suffix without a dot": acme.ID + "app.test", "empty label": ".app.test", "no domain": acme.ID,
	} {
		if _, status := v.at("/sub/data", "Host", name); status != 404 {
			t.Errorf("%s: %d, want 404", what, status)
		}
	}
	if _, status := v.at("/sub/data", "X-Forwarded-Host", acme.ID+".app.test"); status != 404 {
		t.Errorf("X-Forwarded-Host: %d, want 404", status)
	}
	v.in(acme) // the choice stays
	if err := s.tenants.Suspend(t.Context(), globex.ID); err != nil {
		t.Fatal(err)
	}
	if _, status := v.at("/t/" + globex.ID + "/data"); status != 404 {
		t.Errorf("suspended: %d, want 404", status)
	}
	// A form of one tenant is not taken by the address of another.
	v.must(409, v.post("/t/"+acme.ID+"/data", fields("row", "x", tenant.TenantField, globex.ID)))
	v.must(201, v.post("/t/"+acme.ID+"/data", fields("row", "x", tenant.TenantField, acme.ID)))
	if a := (&visitor{site: s}).do("GET", "/t/"+acme.ID+"/data", nil, asPage...); a.Status != 303 {
		t.Errorf("nobody: %d, want 303 to signing in", a.Status)
	}
}

// A page that was drawn in one tenant acts in no other.
func TestStalePageOfAnotherTenant(t *testing.T) {
	for what, leave := range map[string]func(s *site, v *visitor, acme, globex tenant.Tenant){
		"the person switched": func(_ *site, v *visitor, _, globex tenant.Tenant) { v.switchTo(globex) },
		"the tenant was suspended": func(s *site, _ *visitor, acme, _ tenant.Tenant) {
			_ = s.tenants.Suspend(s.t.Context(), acme.ID)
		},
		"the person was removed": func(s *site, _ *visitor, acme, _ tenant.Tenant) {
			_ = s.db.Remove(s.t.Context(), acme.ID, "a")
		},
		"the tenant was deleted": func(s *site, _ *visitor, acme, _ tenant.Tenant) {
			_ = s.tenants.Delete(s.t.Context(), acme.ID)
		},
		"the person was removed and went on": func(s *site, v *visitor, acme, _ tenant.Tenant) {
			_ = s.db.Remove(s.t.Context(), acme.ID, "a")
			v.must(200, v.do("GET", "/page", nil, asPage...))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t)
			globex := s.tenant("Globex", "b", "a", tenant.Member)
			s.home(globex, "a")
			acme := s.tenant("Acme", "b", "a", tenant.Member)
			v := s.signedIn("a")
			v.switchTo(acme)
			drawn := fields("_stamp", v.stamp(), "row", "meant for Acme")
			v.must(201, v.do("POST", "/data", drawn))
			leave(s, v, acme, globex)
			for who, header := range map[string][]string{"page": asPage, "htmx": asHTMX, "json": asJSON} {
				if a := v.do("POST", "/data", drawn, header...); a.Status != 409 {
					t.Errorf("%s: %d %s, want 409", who, a.Status, a.Body)
				}
			}
			if a := v.do("GET", "/data", nil, "HX-Request", "true", "X-Account-Stamp", drawn.Get("_stamp")); a.Status != 409 {
				t.Errorf("a fragment for the old page: %d %s, want 409", a.Status, a.Body)
			}
			w, status := v.at("/data")
			if status != 200 || w.Tenant != globex.ID || len(w.Rows) != 0 {
				t.Errorf("the next page: %d %+v, want Globex without rows", status, w)
			}
			v.must(201, v.do("POST", "/data", fields("_stamp", w.Stamp, "row", "meant for Globex"))) // drawn by that page
			v.must(201, v.post("/data", fields("row", "meant for Globex")))
			v.in(globex)
		})
	}
}

// Whoever chose nothing works at home. When another tenant becomes his home, the field says which one a form was drawn in.
func TestStalePageOfAFormerHome(t *testing.T) {
	s := newSite(t)
	first := s.tenant("First", "b", "a", tenant.Member)
	s.home(first, "a")
	second := s.tenant("Second", "b", "a", tenant.Member)
	v := s.signedIn("a")
	page := v.must(200, v.do("GET", "/page", nil, asPage...))
	if !strings.Contains(page.Body, `name="_tenant" value="`+first.ID+`"`) {
		t.Fatalf("no field with the tenant: %s", page.Body)
	}
	if err := s.db.Remove(t.Context(), first.ID, "a"); err != nil {
		t.Fatal(err)
	}
	v.in(second)
	v.must(409, v.post("/data", fields("row", "x", tenant.TenantField, first.ID)))
	v.must(409, v.do("POST", "/data", url.Values{"_stamp": {v.stamp()}, "row": {"x"}, tenant.TenantField: {second.ID, first.ID}}))
	v.must(201, v.post("/data", fields("row", "x", tenant.TenantField, second.ID)))
}

// TN-06: after every switch of the account there is nothing left of the tenant of the one before.
func TestNoResidueAfterSwitchingAccounts(t *testing.T) {
	s := newSite(t)
	tenants := map[string]tenant.Tenant{}
	for _, id := range []string{"a", "b", "c"} {
		tenants[id] = s.tenant("Tenant of "+id, id)
	}
	v := s.signedIn("a", "b", "c")
	for _, id := range []string{"c", "a", "b"} {
		if id != "c" {
			v.must(303, v.post("/link/switch_to/"+id, nil))
		}
		v.switchTo(tenants[id])
		v.must(201, v.post("/data", fields("row", "row of "+id)))
	}
	for _, id := range []string{"a", "c", "a", "b", "c", "a"} {
		v.must(303, v.post("/link/switch_to/"+id, nil))
		page := v.must(200, v.do("GET", "/page", nil, asPage...)).Body
		w, _ := v.at("/data")
		if w.Account != id || w.Tenant != tenants[id].ID || len(w.Rows) != 1 || w.Rows[0] != "row of "+id {
			t.Errorf("as %s: %+v", id, w)
		}
		for other, theirs := range tenants {
			if other != id && (strings.Contains(page, theirs.ID) || strings.Contains(page, theirs.Name)) {
				t.Errorf("the page of %s names the tenant of %s: %s", id, other, page)
			}
		}
	}
}

func TestTwoBrowsersOfOnePersonWorkInTwoTenants(t *testing.T) {
	s := newSite(t)
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "a")
	one, two := s.signedIn("a"), s.signedIn("a")
	one.switchTo(acme)
	two.switchTo(globex)
	one.in(acme)
	two.in(globex)
}

func TestRequireAsksForTheRole(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Admin, "c", tenant.Member)
	s.home(acme, "a", "b", "c")
	for id, may := range map[string]string{"a": "owner admin member", "b": "admin member", "c": "member"} {
		v := s.signedIn(id)
		for _, role := range []string{"owner", "admin", "member"} {
			want := 403
			if strings.Contains(may, role) {
				want = 204
			}
			if a := v.post("/as/"+role, nil); a.Status != want {
				t.Errorf("%s at a route for %s: %d, want %d", id, role, a.Status, want)
			}
			if a := v.do("POST", "/as/"+role, nil); a.Status != 409 {
				t.Errorf("%s without a stamp: %d, want 409", id, a.Status)
			}
			if a := v.post("/as/"+role, nil, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"); a.Status != 403 || strings.Contains(a.Body, "role") {
				t.Errorf("%s from another site: %d", id, a.Status)
			}
		}
	}
	if a := (&visitor{site: s}).do("POST", "/as/member", nil, asJSON...); a.Status != 401 {
		t.Errorf("nobody: %d, want 401", a.Status)
	}
}

func TestScopeAsksTheStoreOnce(t *testing.T) {
	s := newSite(t)
	s.tenant("Acme", "a")
	v := s.signedIn("a")
	before := s.db.calls.Load()
	v.must(200, v.do("GET", "/page", nil, asPage...))
	if n := s.db.calls.Load() - before; n != 1 {
		t.Errorf("%d calls for one page, want 1", n)
	}
}

func TestStoreThatDoesNotAnswer(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	s.db.down.Store(true)
	for _, path := range []string{"/data", "/page", "/tenants", "/tenants/members", "/t/" + acme.ID + "/data"} {
		for who, header := range map[string][]string{"page": asPage, "json": asJSON} {
			a := v.do("GET", path, nil, header...)
			if a.Status != 503 || a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "hunter2") {
				t.Errorf("%s, %s: %d %s", path, who, a.Status, a.Body)
			}
		}
	}
	s.db.down.Store(false)
	v.in(acme)
}
