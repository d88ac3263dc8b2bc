package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
)

// people are the ways in which somebody cannot sign in, by their addresses.
func (s *site) people() []string {
	s.t.Helper()
	s.add("known-wrong@example.com")
	inactive := s.add("deactivated@example.com")
	if err := s.db.SetStatus(s.t.Context(), inactive.ID, auth.Inactive); err != nil {
		s.t.Fatal(err)
	}
	none := s.add("no-password@example.com")
	if err := s.db.SetPassword(s.t.Context(), none.ID, ""); err != nil {
		s.t.Fatal(err)
	}
	broken := s.add("broken-hash@example.com")
	if err := s.db.SetPassword(s.t.Context(), broken.ID, "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA"); err != nil {
		s.t.Fatal(err)
	}
	weak := s.add("weaker-hash@example.com")
	hash, err := cheap(s.t, 16).Hash(s.t.Context(), good)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.db.SetPassword(s.t.Context(), weak.ID, hash); err != nil {
		s.t.Fatal(err)
	}
	return []string{"nobody-here@example.com", "known-wrong@example.com", "deactivated@example.com", "no-password@example.com",
		"broken-hash@example.com", "weaker-hash@example.com"}
}

// EN-01, EN-03
func TestSigningInTellsNothingOfWhyItFailed(t *testing.T) {
	for _, asks := range [][]string{{"Accept", "text/html"}, asJSON, asHTMX} {
		s := newSite(t)
		var first *answer
		for _, email := range s.people() {
			for _, typed := range []string{"not the password", good} {
				if typed == good && (strings.HasPrefix(email, "known") || strings.HasPrefix(email, "weaker")) {
					continue // that is right
				}
				v := s.visitor()
				before := s.hasher.verified.Load()
				a := v.post("/session", url.Values{"email": {email}, "password": {typed}, "_intent": {""}}, asks...)
				if got := s.hasher.verified.Load() - before; got != 1 {
					t.Errorf("%q: %d hashes, want one", email, got)
				}
				a.Body = strings.ReplaceAll(a.Body, email, "ADDRESS")
				a.Header.Del("Content-Length")
				a.Header.Del("Date")
				if first == nil {
					first = &a
				}
				if fmt.Sprint(a) != fmt.Sprint(*first) {
					t.Errorf("%q with %q: got\n%v\nwant\n%v", email, typed, a, *first)
				}
				if len(v.cookies) > 0 {
					t.Errorf("%q: cookies %v", email, v.cookies)
				}
			}
		}
		if first.Status != 422 {
			t.Errorf("got %d %s", first.Status, first.Body)
		}
		if asks[0] == "Accept" && asks[1] == "application/json" && first.json(t)["error"] != "wrong_credentials" {
			t.Errorf("got %s", first.Body)
		}
	}
}

func TestTheFormComesBackWithTheAddressAndTheCursorInThePassword(t *testing.T) {
	s := newSite(t)
	a := s.visitor().signIn("Alice@Example.com", "wrong")
	page := a.page(t)
	if got := page.With("name", "email")[0].Attr["value"]; got != "Alice@Example.com" {
		t.Errorf("address is %q", got)
	}
	if focused := page.With("autofocus", ""); len(focused) != 1 || focused[0].Attr["name"] != "password" {
		t.Errorf("the cursor is in %v", focused)
	}
	if alert(t, a) == "" || page.With("name", "password")[0].Attr["autocomplete"] != "current-password" {
		t.Errorf("got %s", a.Body)
	}
	if got := s.took(); !slices.Equal(got, []string{auth.ActionRefused}) {
		t.Errorf("events %v", got)
	}
}

// PW-02
func TestAPasswordIsTakenAsTypedAtBothEnds(t *testing.T) {
	s := newSite(t)
	for i, c := range []struct{ chosen, right, wrong string }{
		{"  the river was green", "  the river was green", "the river was green"},
		{"The River Was Green", "The River Was Green", "the river was green"},
		{"cafe\u0301 in the river", "caf\u00e9 in the river", "cafe in the river"},
		{"caf\u00e9 by the river", "cafe\u0301 by the river", "cafe by the river"},
		{"the river was 🟢🟢", "the river was 🟢🟢", "the river was 🟢"},
		{strings.Repeat("kq7x", 18) + "a", strings.Repeat("kq7x", 18) + "a", strings.Repeat("kq7x", 18) + "b"},
		{strings.Repeat("kq7xv9wz", 512), strings.Repeat("kq7xv9wz", 512), strings.Repeat("kq7xv9wz", 512) + "a"},
		{"the river\x00was green", "the river\x00was green", "the river"},
	} {
		email := fmt.Sprintf("user%d@example.com", i)
		v := s.visitor()
		v.leads(v.register(fmt.Sprintf("Tenant number %d", i), email, "password", c.chosen, "password_confirmation", c.chosen), "/")
		if v := s.visitor(); v.signIn(email, c.wrong).Status != 422 {
			t.Errorf("%.40q: signs in with %.40q", c.chosen, c.wrong)
		}
		if v := s.visitor(); v.signIn(email, c.right).Status != 303 {
			t.Errorf("%.40q: does not sign in with %.40q", c.chosen, c.right)
		}
	}
}

// PW-01
func TestAWeakHashIsMadeAnewAtTheNextGoodSignIn(t *testing.T) {
	s := newSite(t)
	s.people()
	weak := s.hash("weaker-hash@example.com")
	v := s.visitor()
	v.must(422, v.signIn("weaker-hash@example.com", "wrong"))
	if s.hash("weaker-hash@example.com") != weak {
		t.Error("made anew after a wrong password")
	}
	v.must(303, v.signIn("weaker-hash@example.com", good))
	strong := s.hash("weaker-hash@example.com")
	if strong == weak || !strings.Contains(strong, "m=64,") {
		t.Errorf("hash is %s", strong)
	}
	v = s.visitor()
	v.must(303, v.signIn("weaker-hash@example.com", good))
	if s.hash("weaker-hash@example.com") != strong {
		t.Error("a hash of today was made anew")
	}
}

// A password that is changed while somebody signs in with the old one must not come back.
func TestAHashThatIsMadeAnewDoesNotUndoAChangeOfThePassword(t *testing.T) {
	s := newSite(t)
	s.people()
	u, _ := s.user("weaker-hash@example.com")
	s.hasher.Hasher = meanwhile{s.hasher.Hasher, func() {
		if err := s.db.SetPassword(context.Background(), u.ID, "changed meanwhile"); err != nil {
			t.Error(err)
		}
	}}
	v := s.visitor()
	v.must(303, v.signIn("weaker-hash@example.com", good))
	if got := s.hash("weaker-hash@example.com"); got != "changed meanwhile" {
		t.Errorf("hash is %s", got)
	}
}

// RL-01, EN-05, RL-06
func TestTriesAreLimitedForAccountsThatExistAndForOthersAlike(t *testing.T) {
	s := newSite(t, func(c *auth.Config) { c.Limits = limits(t, 3) })
	s.add("alice@example.com")
	inside := s.signedIn("alice@example.com")
	for _, email := range []string{"alice@example.com", "nobody@example.com"} {
		for i, spelled := range []string{email, strings.ToUpper(email), " " + email, email} {
			typed := "wrong"
			if i == 3 {
				typed = good // is not looked at any more
			}
			before := s.hasher.verified.Load()
			a := s.visitor().signIn(spelled, typed)
			if want := map[bool]int{true: 429, false: 422}[i == 3]; a.Status != want {
				t.Errorf("%s, try %d: got %d %.200s, want %d", email, i+1, a.Status, a.Body, want)
			}
			if i == 3 && (a.Header.Get("Retry-After") == "" || s.hasher.verified.Load() != before) {
				t.Errorf("%s: header %v", email, a.Header)
			}
		}
	}
	if inside.current() != "alice@example.com" {
		t.Error("an open session is locked out")
	}
	inside.must(303, inside.signIn("alice@example.com", good)) // from a browser that has proved itself before
}

// EN-05: the right password of a user who must not act is a try like any other.
func TestTriesAtADeactivatedAccountAreCounted(t *testing.T) {
	s := newSite(t, func(c *auth.Config) { c.Limits = limits(t, 3) })
	s.people()
	for i := range 4 {
		if a := s.visitor().signIn("deactivated@example.com", good); (a.Status == 429) != (i == 3) {
			t.Errorf("try %d: got %d", i+1, a.Status)
		}
	}
}

func TestSigningInWhileLinkingAddsTheAccount(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	s.add("bob@example.com")
	v := s.signedIn("alice@example.com")
	v.beginLink()
	a := v.get("/session/new")
	if !strings.Contains(a.Body, "Adding an account to the session of <bdi>Name of alice@example.com</bdi>") {
		t.Errorf("the page does not say what happens: %s", a.Body)
	}
	v.must(303, v.signIn("bob@example.com", good))
	if d := v.document(); d["state"] != "multi" || v.current() != "bob@example.com" {
		t.Errorf("got %v", d)
	}
}

func TestRegisteringWhileLinkingAddsTheAccount(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	v.beginLink()
	v.must(422, v.register("", "bob@example.com")) // a mistake on the way changes nothing
	v.must(303, v.register("Bolts", "bob@example.com"))
	if d := v.document(); d["state"] != "multi" || v.current() != "bob@example.com" {
		t.Errorf("got %v", d)
	}
	if got := s.tenants("bob@example.com"); !slices.Equal(got, []string{"Bolts:owner"}) {
		t.Errorf("belongs to %v", got)
	}
}

// Adding an account that takes too long registers nobody.
func TestARegistrationThatCannotSignInCreatesNothing(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	v.beginLink()
	form := fill(t, v.get("/registration/new"), "/registration", "account_name", "Bolts", "email", "bob@example.com",
		"password", good, "password_confirmation", good)
	s.wait(time.Hour)
	if a := v.post("/registration", form); a.Status != 409 {
		t.Errorf("got %d %.200s", a.Status, a.Body)
	}
	if _, ok := s.user("bob@example.com"); ok || !s.isFree("Bolts") || s.hasher.hashed.Load() > 0 {
		t.Error("the user exists, or did for a moment")
	}
}

func TestTheSignInAndRegistrationPagesSayWhoIsSignedInAlready(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	d := v.document()
	for _, path := range []string{"/session/new", "/registration/new"} {
		page := v.get(path).page(t)
		if !strings.Contains(page.Text(), "ends the session of Name of alice@example.com") {
			t.Errorf("got %s", page.Text())
		}
		if len(page.With("href", d["add_path"].(string))) != 1 {
			t.Errorf("no way to add an account instead in %s", page.Text())
		}
	}
}

func TestJSONAndHTMXSignInAndOut(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.visitor()
	body, _ := json.Marshal(map[string]string{"email": "alice@example.com", "password": good})
	a := v.do("POST", "/session", string(body), "Accept", "application/json", "Content-Type", "application/json")
	if a.Status != 200 || a.json(t)["state"] != "single" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	a = v.post("/session/sign_out", nil, asHTMX...)
	if a.Status != 204 || a.Header.Get("HX-Redirect") != "/" {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
	if v.current() != "" {
		t.Error("is signed in still")
	}
	a = v.post("/session", fill(t, v.get("/session/new"), "/session", "email", "alice@example.com", "password", good), asHTMX...)
	if a.Status != 204 || a.Header.Get("HX-Redirect") != "/" || v.current() != "alice@example.com" {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
	a = s.visitor().post("/session", url.Values{"email": {"alice@example.com"}, "password": {"wrong"}}, asHTMX...)
	if a.Status != 422 || strings.Contains(a.Body, "<html") || alert(t, a) == "" {
		t.Errorf("a part of a page: got %d %s", a.Status, a.Body)
	}
	a = s.visitor().get("/session/new", "HX-Request", "true", "HX-Boosted", "true")
	if !strings.Contains(a.Body, "<html") {
		t.Errorf("a boosted link: got %s", a.Body)
	}
}

// What is no text, comes twice or stands in the query is not looked at.
func TestAmbiguousFieldsAreEmpty(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	for sentence, a := range map[string]answer{
		"in the query": s.visitor().do("POST", "/session?email=alice@example.com&password="+url.QueryEscape(good), ""),
		"twice":        s.visitor().do("POST", "/session", "email=alice@example.com&password="+url.QueryEscape(good)+"&password=x"),
		"a list": s.visitor().do("POST", "/session", `{"email":"alice@example.com","password":["`+good+`"]}`,
			"Content-Type", "application/json"),
		"no object":   s.visitor().do("POST", "/session", `[1]`, "Content-Type", "application/json"),
		"broken JSON": s.visitor().do("POST", "/session", `{"email":`, "Content-Type", "application/json"),
		"no kind":     s.visitor().do("POST", "/session", "email=alice@example.com&password="+url.QueryEscape(good), "Content-Type", "text/plain"),
		"a huge one":  s.visitor().do("POST", "/session", "email=alice@example.com&password="+strings.Repeat("x", 100_000)),
	} {
		if a.Status != 422 {
			t.Errorf("%s: got %d %.100s", sentence, a.Status, a.Body)
		}
	}
}

// No answer of a store that is down tells why, and nobody gets in.
func TestAStoreThatIsDownIsA503(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	s.db.down.Store(true)
	for path, form := range map[string]url.Values{
		"/session":      {"email": {"alice@example.com"}, "password": {good}},
		"/registration": {"account_name": {"Acme"}, "email": {"bob@example.com"}, "password": {good}, "password_confirmation": {good}},
	} {
		a := s.visitor().post(path, form)
		if a.Status != 503 || a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "hunter2") {
			t.Errorf("%s: got %d %s", path, a.Status, a.Body)
		}
	}
	if !strings.Contains(s.log.String(), "hunter2") {
		t.Error("the operator does not see why")
	}
}

func TestEveryPageIsPrivate(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	for _, path := range []string{"/session/new", "/registration/new", "/profile"} {
		a := v.get(path)
		if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Frame-Options") != "DENY" ||
			a.Header.Get("Referrer-Policy") != "same-origin" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors") {
			t.Errorf("%s: %d %v", path, a.Status, a.Header)
		}
	}
}

// Hostile text comes back as text.
func TestWhatIsTypedIsEscaped(t *testing.T) {
	s := newSite(t)
	evil := `"><script>alert(1)</script>`
	for _, a := range []answer{
		s.visitor().signIn(evil, "x"), s.visitor().register(evil, evil),
		s.visitor().get("/registration/new?invitation=" + url.QueryEscape(evil)),
		s.visitor().get("/session/new?request_path=" + url.QueryEscape("/"+evil)),
	} {
		if strings.Contains(a.Body, "<script>alert") {
			t.Errorf("got %s", a.Body)
		}
	}
}
