package tenant_test

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// hostile are names that people could give themselves, each in the hope that a page takes a part of it for markup.
var hostile = []string{
	`<script>alert(1)</script>`, `"><svg/onload=alert(1)>`, `' onmouseover='alert(1)`, `</title><script>alert(1)</script>`, `<!-- x`,
	`{{7*7}} x`, `" hx-get="/link/sign_out" hx-trigger="load`, `</form><form action="x">`, `%s%d`, `</select><script>alert(1)</script>`,
}

func TestHostileNamesStayText(t *testing.T) {
	for _, name := range hostile {
		s := newSite(t, func(c *tenant.Config) {
			c.People = func(_ context.Context, ids ...string) (map[string]tenant.Person, error) {
				found := map[string]tenant.Person{}
				for _, id := range ids {
					found[id] = tenant.Person{Name: name, Email: id + "@example.com"}
				}
				return found, nil
			}
		})
		made, err := s.db.Create(t.Context(), parse(t, name), "a")
		if err != nil {
			t.Fatal(err)
		}
		s.tenant("Other", "a")
		s.join(made, "b", tenant.Member)
		v := s.signedIn("a")
		path := s.invited(made, "a", "c@example.com", tenant.Member)
		v.switchTo(made)
		c := s.signedIn("c")
		for what, a := range map[string]answer{
			"page with the switcher": v.do("GET", "/page", nil, asPage...), "members": v.do("GET", "/tenants/members", nil, asPage...),
			"switcher": v.do("GET", "/tenants", nil, asPage...), "invitation": c.do("GET", path, nil, asPage...),
			"form again": v.post("/tenants", fields("account_name", name+strings.Repeat("x", 65)), asPage...),
		} {
			if a.Status != 200 && a.Status != 422 {
				t.Fatalf("%s: %d %s", what, a.Status, a.Body)
			}
			text, bad := look(t, a.Body)
			if bad != "" {
				t.Errorf("%s with the name %q has %s: %s", what, name, bad, a.Body)
			}
			if !strings.Contains(text, name) {
				t.Errorf("%s does not show the name %q", what, name)
			}
		}
	}
}

// look returns the text and the values of a page, and what in it no template of ours has.
func look(t *testing.T, page string) (text, bad string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		switch n.Type {
		case html.TextNode:
			b.WriteString(n.Data)
		case html.CommentNode:
			bad = "a comment"
		case html.ElementNode:
			for _, a := range n.Attr {
				switch {
				case a.Key == "value":
					b.WriteString(a.Val + "\n")
				case strings.HasPrefix(a.Key, "on"), a.Key == "hx-trigger" && a.Val != "session-changed from:body",
					a.Key == "action" && !strings.HasPrefix(a.Val, "/"):
					bad = a.Key
				}
			}
			if n.Data == "svg" || n.Data == "script" && !strings.HasPrefix(attr(n, "src"), "/link/") {
				bad = n.Data
			}
		}
	}
	return b.String(), bad
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Every input has a label, every id is there once, and what describes a field exists.
func TestPagesAreAccessible(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Admin, "c", tenant.Member)
	v := s.signedIn("a")
	path := s.invited(acme, "a", "d@example.com", tenant.Member)
	v.switchTo(acme)
	for what, a := range map[string]answer{
		"members": v.do("GET", "/tenants/members", nil, asPage...), "new": v.do("GET", "/tenants/new", nil, asPage...),
		"new, wrong":    v.post("/tenants", fields("account_name", ""), asPage...),
		"invite, wrong": v.post("/tenants/invitations", fields("email", "", "role", ""), asPage...),
		"delete, wrong": v.post("/tenants/delete", fields("confirmation", ""), asPage...),
		"rename, wrong": v.post("/tenants/rename", fields("account_name", ""), asPage...),
		"invitation":    v.do("GET", path, nil, asPage...), "switcher": v.do("GET", "/page", nil, asPage...),
	} {
		doc, err := html.Parse(strings.NewReader(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		ids, labels, headings := map[string]int{}, map[string]bool{}, 0
		for n := range doc.Descendants() {
			if id := attr(n, "id"); id != "" {
				ids[id]++
			}
			if n.Data == "label" {
				labels[attr(n, "for")] = true
			}
			if n.Data == "h1" {
				headings++
			}
		}
		for id, n := range ids {
			if n != 1 {
				t.Errorf("%s: id %q %d times", what, id, n)
			}
		}
		for n := range doc.Descendants() {
			field := n.Type == html.ElementNode && (n.Data == "input" && attr(n, "type") != "hidden" || n.Data == "select")
			if field && !labels[attr(n, "id")] {
				t.Errorf("%s: %s %q has no label", what, n.Data, attr(n, "name"))
			}
			if by := attr(n, "aria-describedby"); by != "" && ids[by] != 1 {
				t.Errorf("%s: nothing has the id %q", what, by)
			}
			if n.Data == "form" && n.Type == html.ElementNode && attr(n, "method") == "post" && !strings.Contains(render(t, n), `name="_stamp"`) {
				t.Errorf("%s: a form without a stamp", what)
			}
		}
		if headings != 1 && what != "switcher" {
			t.Errorf("%s: %d h1", what, headings)
		}
		if a.Header.Get("X-Frame-Options") != "DENY" && what != "switcher" {
			t.Errorf("%s can be framed", what)
		}
	}
}

func render(t *testing.T, n *html.Node) string {
	t.Helper()
	var b strings.Builder
	if err := html.Render(&b, n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMembersPageShowsWhatTheRoleMayDo(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a", "b", tenant.Admin, "c", tenant.Member)
	path := s.invited(acme, "a", "d@example.com", tenant.Member)
	secret := strings.TrimPrefix(path, "/invitations/")
	for id, want := range map[string]string{
		"a": "/tenants/members/a/role /tenants/members/b/role /tenants/members/c/role /tenants/members/a/remove /tenants/members/b/remove " +
			"/tenants/members/c/remove /tenants/invitations /tenants/rename /tenants/delete d@example.com",
		"b": "/tenants/members/b/role /tenants/members/c/role /tenants/members/b/remove /tenants/members/c/remove /tenants/invitations d@example.com",
		"c": "/tenants/members/c/remove",
	} {
		v := s.signedIn(id)
		v.switchTo(acme)
		page := v.must(200, v.do("GET", "/tenants/members", nil, asPage...)).Body
		for _, part := range strings.Fields("/tenants/members/a/role /tenants/members/b/role /tenants/members/c/role /tenants/members/a/remove " +
			"/tenants/members/b/remove /tenants/members/c/remove /tenants/invitations /tenants/rename /tenants/delete d@example.com") {
			shown := strings.Contains(page, `"`+part+`"`) || strings.Contains(page, ">"+part+"<")
			if wanted := strings.Contains(" "+want+" ", " "+part+" "); shown != wanted {
				t.Errorf("%s sees %s: %v, want %v", id, part, shown, wanted)
			}
		}
		var document struct {
			Members []struct {
				ID, Name, Email, Role string
				You                   bool
			}
			Invitations []struct{ ID, Email string }
		}
		a := v.must(200, v.do("GET", "/tenants/members", nil, asJSON...))
		a.json(t, &document)
		if len(document.Members) != 3 || document.Members[0].ID != "a" || document.Members[0].Name != "Name-A" {
			t.Errorf("%s: %+v", id, document)
		}
		if (len(document.Invitations) == 1) != (id != "c") {
			t.Errorf("%s sees invitations %+v", id, document.Invitations)
		}
		if strings.Contains(a.Body, secret) || strings.Contains(page, secret) {
			t.Error("a page tells the secret of an invitation")
		}
	}
}

func TestTextsAreReplaceable(t *testing.T) {
	s := newSite(t, func(c *tenant.Config) {
		c.Texts = tenant.Texts{
			Lang: "de", SwitchTo: "Zu %s wechseln", MembersOf: "Wer zu %s gehört", LastOwner: "Jemand muss bleiben.",
			RolesOf: map[tenant.Role]string{tenant.Owner: "Eigentümer"}, Name: map[string]string{tenant.NameBlank: "Bitte ein Name."},
		}
	})
	acme := s.tenant("Acme", "a")
	s.tenant("Globex", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	page := v.do("GET", "/page", nil, asPage...).Body + v.do("GET", "/tenants/members", nil, asPage...).Body +
		v.post("/tenants/members/a/remove", nil, asPage...).Body + v.post("/tenants", fields("account_name", " "), asPage...).Body
	for _, part := range []string{`lang="de"`, "Zu <bdi>Globex</bdi> wechseln", "Wer zu <bdi>Acme</bdi> gehört", "Jemand muss bleiben.", "Eigentümer", "Bitte ein Name.", "You work in"} {
		if !strings.Contains(page, part) {
			t.Errorf("no %q", part)
		}
	}
}

func TestSwitcherOfTenants(t *testing.T) {
	s := newSite(t)
	acme, globex, old := s.tenant("Acme", "a"), s.tenant("Globex", "a"), s.tenant("Old", "a")
	if err := s.tenants.Suspend(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	v := s.signedIn("a")
	v.switchTo(acme)
	page := v.must(200, v.do("GET", "/page?x=1", nil, asPage...)).Body
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	items := map[string]string{}
	for n := range doc.Descendants() {
		if attr(n, "data-tenants-part") == "tenant" {
			text, _ := look(t, render(t, n))
			items[strings.Join(strings.Fields(text), " ")] = render(t, n)
		}
	}
	field := func(name, value string) string { return `name="` + name + `" value="` + value + `"` }
	for text, parts := range map[string][]string{
		"Acme current":  {`aria-current="true"`, `data-state="active"`},
		"Old suspended": {`data-state="suspended"`},
	} {
		for _, part := range parts {
			if html, ok := items[text]; !ok || !strings.Contains(html, part) || strings.Contains(html, "<form") {
				t.Errorf("%q without form and with %s: %q", text, part, items)
			}
		}
	}
	found := false
	for _, item := range items {
		if !strings.Contains(item, "Work in <bdi>Globex</bdi>") {
			continue
		}
		found = true
		for _, part := range []string{`action="/tenants/switch_to/` + globex.ID + `"`, `hx-post="/tenants/switch_to/` + globex.ID + `"`,
			field("_stamp", v.stamp()), field("return_to", "/page?x=1")} {
			if !strings.Contains(item, part) {
				t.Errorf("the form lacks %s: %s", part, item)
			}
		}
	}
	if !found || len(items) != 4 {
		t.Errorf("items %q", items)
	}
	a := v.post("/tenants/switch_to/"+globex.ID, fields("return_to", "/page?x=1"), asPage...)
	if a.Status != 303 || a.Header.Get("Location") != "/page?x=1" {
		t.Errorf("leads to %s", a.Header.Get("Location"))
	}
	if a := v.post("/tenants/switch_to/"+acme.ID, fields("return_to", "https://evil.test/"), asPage...); strings.Contains(a.Header.Get("Location"), "evil") {
		t.Errorf("leads to %s", a.Header.Get("Location"))
	}
	if a := (&visitor{site: s}).do("GET", "/page", nil, asPage...); strings.Contains(a.Body, "tenant-switcher") {
		t.Errorf("nobody gets a switcher: %s", a.Body)
	}
}

// The address of the tenants is a page for whoever opens it, and a piece of one for htmx, which looks for its id there.
func TestTheTenantsAreAPageInABrowserAndAPieceForHTMX(t *testing.T) {
	s := newSite(t)
	acme, globex := s.tenant("Acme", "a"), s.tenant("Globex", "a")
	v := s.signedIn("a")
	page := v.must(200, v.do("GET", "/tenants", nil, asPage...))
	for _, want := range []string{"<!doctype html>", "<title>Workspaces</title>", "<h1>Workspaces</h1>", "/tenants/switch_to/"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("no %s in %s", want, page.Body)
		}
	}
	if strings.Contains(page.Body, `id="`+tenant.SwitcherID+`"`) {
		t.Error("a layout that has the switcher too would have its id twice")
	}
	piece := v.must(200, v.do("GET", "/tenants", nil, append([]string{"X-Account-Stamp", v.stamp()}, asHTMX...)...))
	if strings.Contains(piece.Body, "<html") || strings.Contains(piece.Body, "<h1") || !strings.Contains(piece.Body, `id="`+tenant.SwitcherID+`"`) {
		t.Errorf("got %s", piece.Body)
	}
	back := v.must(200, v.do("GET", "/tenants", nil, append([]string{"HX-History-Restore-Request", "true", "X-Account-Stamp", v.stamp()},
		asHTMX...)...))
	if !strings.Contains(back.Body, "<h1>Workspaces</h1>") {
		t.Errorf("the page that htmx restores is %s", back.Body)
	}
	v.switchTo(globex)
	v.in(globex)
	v.switchTo(acme)
	v.in(acme)
}

// An account is whom one signs in as: what he belongs to has another name, as both switchers stand on one page.
func TestATenantIsNotCalledAnAccount(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	v := s.signedIn("a")
	v.switchTo(acme)
	for _, path := range []string{"/tenants", "/tenants/new", "/tenants/members"} {
		text := visible(t, v.must(200, v.do("GET", path, nil, asPage...)).Body)
		if strings.Contains(strings.ToLower(text), "account") || !strings.Contains(strings.ToLower(text), "workspace") {
			t.Errorf("%s says %q", path, text)
		}
	}
}

// visible returns what people read in a document.
func visible(t *testing.T, document string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return b.String()
}
