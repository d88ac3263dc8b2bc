package auth_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

const better = "the mountain was blue"

func TestTheProfileIsForWhoeverIsSignedIn(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.visitor()
	v.leads(v.get("/profile"), "/session/new?request_path=%2Fprofile")
	for _, path := range []string{"/profile", "/profile/password", "/profile/delete"} {
		if a := v.post(path, url.Values{"name": {"Mallory"}}, asJSON...); a.Status != 401 {
			t.Errorf("%s: signed out: got %d", path, a.Status)
		}
		in := s.signedIn("alice@example.com")
		if a := in.post(path, url.Values{"name": {"Mallory"}}); a.Status != 409 { // no stamp
			t.Errorf("%s: without a stamp: got %d", path, a.Status)
		}
		form := url.Values{"name": {"Mallory"}, "_stamp": {in.stamp()}}
		if a := in.post(path, form, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"); a.Status != 403 {
			t.Errorf("%s: from another site: got %d", path, a.Status)
		}
	}
	if u, ok := s.user("alice@example.com"); !ok || u.Name == "Mallory" {
		t.Errorf("user %+v", u)
	}
}

// A page of Alice's must not change Bob.
func TestAProfilePageOfAnotherAccountChangesNothing(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	s.add("bob@example.com")
	v := s.signedIn("alice@example.com")
	form := fill(t, v.get("/profile"), "/profile", "name", "Alice")
	v.beginLink()
	v.must(303, v.signIn("bob@example.com", good))
	for _, path := range []string{"/profile", "/profile/password", "/profile/delete"} {
		if a := v.post(path, form); a.Status != 409 {
			t.Errorf("%s: got %d", path, a.Status)
		}
	}
	if u, ok := s.user("bob@example.com"); !ok || u.Name == "Alice" {
		t.Errorf("user %+v", u)
	}
}

func TestMistakesInTheProfileStandBesideTheirFields(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	s.add("bob@example.com")
	v := s.signedIn("alice@example.com")
	for sentence, c := range map[string]struct{ field, value string }{
		"no name": {"name", " "}, "a long name": {"name", strings.Repeat("x", 101)}, "a name that turns the text": {"name", "Alice\u202e"},
		"no address": {"email", ""}, "no address at all": {"email", "alice"}, "a taken address": {"email", "BOB@example.com"},
	} {
		t.Run(sentence, func(t *testing.T) {
			a := v.submit("/profile", "/profile", c.field, c.value)
			if a.Status != 422 || problem(t, a, c.field) == "" {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
			if got := a.page(t).With("name", c.field)[0].Attr["value"]; got != c.value {
				t.Errorf("shows %q", got)
			}
		})
	}
	if u, ok := s.user("alice@example.com"); !ok || u.Name != "Name of alice@example.com" {
		t.Errorf("user %+v", u)
	}
}

func TestAProgramReadsAndChangesTheProfile(t *testing.T) {
	s := newSite(t)
	u := s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	s.took()
	if err := s.db.AddIdentity(t.Context(), u.ID, auth.Identity{Provider: "https://id.test", Subject: "s"}); err != nil {
		t.Fatal(err)
	}
	got := v.get("/profile", asJSON...).json(t)
	if at := fmt.Sprint(got["identities"]); at != "[map[provider:https://id.test subject:s]]" {
		t.Errorf("identities %s", at)
	}
	if got["id"] != u.ID || got["email"] != "alice@example.com" || got["has_password"] != true || len(got) != 5 {
		t.Errorf("got %v", got)
	}
	a := v.post("/profile", url.Values{"_stamp": {v.stamp()}, "name": {"Zoë <b>"}}, asJSON...)
	if a.Status != 200 || a.json(t)["name"] != "Zoë <b>" || a.json(t)["email"] != "alice@example.com" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	a = v.post("/profile", url.Values{"_stamp": {v.stamp()}, "name": {"Alice"}}, append(asHTMX, "HX-Current-URL", here+"/profile")...)
	if a.Status != 204 || a.Header.Get("HX-Refresh") != "true" {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
	if got := s.took(); !slices.Equal(got, []string{auth.ActionProfileChanged, auth.ActionProfileChanged}) {
		t.Errorf("events %v", got)
	}
	if html := v.get("/").Body; !strings.Contains(html, "Saved.") {
		t.Errorf("flashes %s", html)
	}
}

// An address is what signs people in: whoever finds an open browser must not take the account with it.
func TestAnAddressIsChangedOnlySoonAfterSigningIn(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	s.wait(11 * time.Minute)
	a := v.submit("/profile", "/profile", "email", "mallory@example.com", "name", "Alice")
	if a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/session/new?again=") {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
	if u, ok := s.user("alice@example.com"); !ok || u.Name == "Alice" {
		t.Errorf("user %+v", u)
	}
	v.leads(v.submit("/profile", "/profile", "name", "Alice"), "/profile") // a name is no credential
	page := v.get(a.Header.Get("Location"))
	if got := page.page(t).With("name", "email")[0].Attr["value"]; got != "alice@example.com" {
		t.Errorf("the sign-in page is for %q", got)
	}
	v.must(303, v.post("/session", fill(t, page, "/session", "password", good)))
	v.leads(v.submit("/profile", "/profile", "email", "alice@new.example.com"), "/profile")
	if v.current() != "alice@new.example.com" {
		t.Errorf("is %q", v.current())
	}
}

func TestAChangedPasswordEndsTheOtherSessionsAndNotThisOne(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	s.add("bob@example.com")
	v, thief, both := s.signedIn("alice@example.com"), s.signedIn("alice@example.com"), s.signedIn("alice@example.com", "bob@example.com")
	s.took()
	s.wait(time.Hour)
	a := v.submit("/profile", "/profile/password", "current_password", good, "password", better, "password_confirmation", better)
	v.leads(a, "/profile")
	if v.current() != "alice@example.com" {
		t.Error("whoever changed it is signed out")
	}
	if thief.current() != "" {
		t.Error("another session goes on")
	}
	if both.current() != "bob@example.com" {
		t.Errorf("another account of another session is %q", both.current())
	}
	if got := s.took(); !slices.Equal(got, []string{auth.ActionPasswordChanged}) {
		t.Errorf("events %v", got)
	}
	s.visitor().must(422, s.visitor().signIn("alice@example.com", good))
	s.visitor().must(303, s.visitor().signIn("alice@example.com", better))
}

// With several accounts in the session the others stay, no account is added, and no message says so.
func TestAChangedPasswordKeepsTheOtherAccountsOfThisSession(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	s.add("bob@example.com")
	v := s.signedIn("alice@example.com", "bob@example.com")
	v.get("/")
	v.beginLink() // in another tab, which this is no answer to
	form := fill(t, v.get("/profile"), "/profile/password", "password", better, "password_confirmation", better)
	v.leads(v.post("/profile/password", form), "/profile")
	if d := v.document(); d["state"] != "multi" || v.current() != "bob@example.com" {
		t.Errorf("got %v", d)
	}
	if got := v.get("/").Body; strings.Contains(got, "added") || strings.Contains(got, "was here already") || !strings.Contains(got, "changed") {
		t.Errorf("flashes %s", got)
	}
}

// The password is changed, and the person is told what could not be done.
func TestAChangedPasswordIsToldWhenTheStoreOfSessionsFails(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	form := fill(t, v.get("/profile"), "/profile/password", "password", better, "password_confirmation", better)
	hash := s.hash("alice@example.com")
	s.sessions.readOnly.Store(true)
	a := v.post("/profile/password", form)
	s.sessions.readOnly.Store(false)
	v.leads(a, "/session/new")
	if s.hash("alice@example.com") == hash || !strings.Contains(v.get("/").Body, "could not be signed out") {
		t.Error("not changed, or not told")
	}
	if !strings.Contains(s.log.String(), "other sessions of the user go on") {
		t.Errorf("the operator does not see it: %s", s.log)
	}
}

func TestAPasswordIsChangedByTheOldOneOrARecentProof(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	typed := []string{"password", better, "password_confirmation", better}
	if a := v.get("/profile"); len(a.page(t).With("name", "current_password")) != 0 {
		t.Error("asks for the old password of somebody who has just signed in")
	}
	s.wait(11 * time.Minute)
	if a := v.get("/profile"); len(a.page(t).With("name", "current_password")) != 1 {
		t.Error("does not ask for the old password")
	}
	for _, old := range []string{"", "wrong", better} {
		a := v.submit("/profile", "/profile/password", append(typed, "current_password", old)...)
		if a.Status != 422 || problem(t, a, "current_password") == "" {
			t.Errorf("%q: got %d %s", old, a.Status, a.Body)
		}
	}
	hash := s.hash("alice@example.com")
	a := v.submit("/profile", "/profile/password", "current_password", good, "password", "alice@example.com", "password_confirmation", "x")
	if a.Status != 422 || problem(t, a, "password") == "" || problem(t, a, "password_confirmation") == "" ||
		s.hash("alice@example.com") != hash {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	s.visitor().must(303, v.signIn("alice@example.com", good)) // again, here
	a = v.submit("/profile", "/profile/password", append(typed, "current_password", "wrong")...)
	if a.Status != 422 || s.hash("alice@example.com") != hash {
		t.Errorf("a wrong old password beside a recent proof: got %d", a.Status)
	}
	v.leads(v.submit("/profile", "/profile/password", typed...), "/profile")
}

// The door in the profile is the same as at signing in.
func TestTriesAtTheOldPasswordAreLimited(t *testing.T) {
	s := newSite(t, func(c *auth.Config) { c.Limits = limits(t, 3) })
	s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	s.wait(time.Hour)
	var last answer
	for range 4 {
		last = v.submit("/profile", "/profile/password", "current_password", "wrong", "password", better, "password_confirmation", better)
	}
	if last.Status != 429 {
		t.Errorf("got %d", last.Status)
	}
	last = v.submit("/profile", "/profile/password", "current_password", good, "password", better, "password_confirmation", better)
	if last.Status != 429 {
		t.Errorf("the right one: got %d", last.Status)
	}
}

func TestWhoeverHasNoPasswordSetsOneSoonAfterSigningIn(t *testing.T) {
	s := newSite(t)
	u := s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	if err := s.db.SetPassword(t.Context(), u.ID, ""); err != nil {
		t.Fatal(err)
	}
	s.wait(11 * time.Minute)
	typed := []string{"password", better, "password_confirmation", better}
	a := v.submit("/profile", "/profile/password", typed...)
	if a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/session/new?again=") {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
	if s.hash("alice@example.com") != "" {
		t.Error("has a password")
	}
}

// Whoever came in by another way may have no address at all.
func TestWhoeverHasNoAddressChangesHisNameAndNeedsOneForAPassword(t *testing.T) {
	s := newSite(t)
	u, err := s.db.Store.Register(t.Context(), auth.Registration{
		Name: "Alice", Identity: &auth.Identity{Provider: "p", Subject: "s"}, Now: s.now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.app.Post("/other-way", s.accounts.SameOrigin(), func(c *fiber.Ctx) error { return s.accounts.SignIn(c, u.ID, "oidc") })
	v := s.visitor()
	v.must(303, v.post("/other-way", nil))
	v.leads(v.submit("/profile", "/profile", "name", "Alicia"), "/profile")
	typed := []string{"password", better, "password_confirmation", better}
	if a := v.submit("/profile", "/profile/password", typed...); a.Status != 422 || !strings.Contains(alert(t, a), "e-mail address first") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	v.leads(v.submit("/profile", "/profile", "email", "alice@example.com"), "/profile")
	v.leads(v.submit("/profile", "/profile/password", typed...), "/profile")
	s.visitor().must(303, s.visitor().signIn("alice@example.com", better))
}

func TestAnAccountIsDeletedSoonAfterSigningInWithWhatHangsOnIt(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.register("Acme", "alice@example.com")
	owner, _ := s.user("alice@example.com")
	bob := s.visitor()
	bob.submit("/registration/new?invitation="+string(s.invite(owner, "bob@example.com")), "/registration", "email", "bob@example.com",
		"password", good, "password_confirmation", good)
	s.add("carol@example.com")
	both := s.visitor()
	both.must(303, both.signIn("carol@example.com", good))
	both.beginLink()
	both.must(303, both.signIn("alice@example.com", good))

	s.wait(11 * time.Minute)
	if a := v.submit("/profile", "/profile/delete"); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/session/new?again=") {
		t.Errorf("long after signing in: got %d %v", a.Status, a.Header)
	}
	v.must(303, v.signIn("alice@example.com", good))
	s.took()
	v.leads(v.submit("/profile", "/profile/delete"), "/")
	if _, ok := s.user("alice@example.com"); ok || v.current() != "" || both.current() == "alice@example.com" {
		t.Error("is there still")
	}
	if got := v.get("/").Body; !strings.Contains(got, "deleted") {
		t.Errorf("flashes %s", got)
	}
	if got := s.tenants("bob@example.com"); !slices.Equal(got, []string{"Acme:owner"}) {
		t.Errorf("the other member belongs to %v", got)
	}
	if got := s.took(); !slices.Equal(got, []string{auth.ActionDeleted}) || !slices.Equal(s.deleted, []string{"alice@example.com"}) {
		t.Errorf("events %v, deleted %v", got, s.deleted)
	}
}

func TestADeletedAccountFreesItsNameAndAddress(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.register("Acme", "alice@example.com")
	a := v.post("/profile/delete", url.Values{"_stamp": {v.stamp()}}, asJSON...)
	if a.Status != 200 || a.json(t)["deleted"] != true {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	v.leads(v.register("Acme", "alice@example.com"), "/")
}

func TestThePluginAndTheTenantsFindTheUsers(t *testing.T) {
	s := newSite(t)
	u := s.add("alice@example.com")
	found, err := s.auth.ByIDs(t.Context(), u.ID, "nobody")
	if err != nil || len(found) != 1 || found[u.ID].Email != u.Email {
		t.Errorf("found %v, %v", found, err)
	}
	people, err := s.auth.People(t.Context(), u.ID, "nobody")
	if err != nil || len(people) != 1 || people[u.ID] != (tenant.Person{Name: u.Name, Email: u.Email}) {
		t.Errorf("found %v, %v", people, err)
	}
	s.db.down.Store(true)
	if _, err := s.auth.People(t.Context(), u.ID); err == nil {
		t.Error("found somebody in a store that is down")
	}
}
