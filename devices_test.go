package multiaccount_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// deviceSite shows where the current account is signed in, and ends a session from another one.
func deviceSite(t *testing.T, change ...func(*config)) *site {
	s := newSite(t, append([]func(*config){func(c *config) {
		c.Device = func(c *fiber.Ctx) string { return c.Get(fiber.HeaderUserAgent) }
	}}, change...)...)
	s.app.Get("/devices", func(c *fiber.Ctx) error {
		devices, err := s.accounts.Devices(c)
		if err != nil {
			return err
		}
		return c.JSON(devices)
	})
	end := func(c *fiber.Ctx) error {
		if err := s.accounts.EndDevice(c, c.FormValue("token")); err != nil {
			return err
		}
		return c.SendString("ended")
	}
	s.app.Post("/devices/end", end)
	s.app.Get("/devices/end", end)
	return s
}

// signedInOn is signedIn with a browser of some name.
func (s *site) signedInOn(device string, ids ...string) *browser {
	s.t.Helper()
	b := s.browser()
	for i, id := range ids {
		if i > 0 {
			b.post(b.document().AddPath)
		}
		a := b.do("POST", "/sign-in", form("id", id, "password", "pw-"+id), header("User-Agent", device))
		if a.Status != 303 {
			s.t.Fatalf("sign in as %s: %d %s", id, a.Status, a.Body)
		}
	}
	return b
}

func (b *browser) devices(t *testing.T) []multiaccount.Device {
	t.Helper()
	a := b.get("/devices")
	var devices []multiaccount.Device
	if err := json.Unmarshal([]byte(a.Body), &devices); err != nil {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return devices
}

func (b *browser) end(token string) answer {
	b.site.t.Helper()
	return b.do("POST", "/devices/end", program, stamped(b.stamp()), formBody("token", token))
}

func labels(devices []multiaccount.Device) string {
	var all []string
	for _, d := range devices {
		label := d.Label
		if d.Current {
			label += "*"
		}
		all = append(all, label)
	}
	return strings.Join(all, " ")
}

func TestDevices(t *testing.T) {
	s := deviceSite(t)
	begun := s.clock.now()
	phone := s.signedInOn("phone", "b")
	s.clock.advance(minute)
	tablet := s.signedInOn("tablet", "a", "b")
	s.clock.advance(minute)
	laptop := s.signedInOn("laptop", "b")
	s.signedInOn("foreign", "c")
	elsewhere := s.signedInOn("left", "a", "b")
	elsewhere.post("/link/sign_out/b")

	list := laptop.devices(t)
	if got := labels(list); got != "laptop* tablet phone" {
		t.Fatalf("got %s", got)
	}
	if d := list[2]; !d.SignedIn.Equal(begun) || !d.Seen.Equal(begun) || d.Token == "" {
		t.Errorf("got %+v", d)
	}
	if list[0].Token != "" {
		t.Error("the browser that asks can be ended as if it were another one")
	}
	if got := labels(tablet.devices(t)); got != "tablet* laptop phone" {
		t.Errorf("on the tablet: got %s", got)
	}
	body := laptop.get("/devices").Body
	for _, b := range []*browser{phone, tablet, laptop} {
		cookie, err := account.ParseCookie(b.cookie())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range b.document().Accounts {
			if strings.Contains(body, cookie.ID.String()) || strings.Contains(body, d.Membership) {
				t.Errorf("the list names a session or a membership: %s", body)
			}
		}
	}
	t.Run("a session of other accounts has its own list", func(t *testing.T) {
		tablet.switchTo("a")
		if got := labels(tablet.devices(t)); got != "tablet* left" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("nobody is current", func(t *testing.T) {
		if a := elsewhere.do("GET", "/devices", program); a.Status != 401 {
			t.Errorf("got %d", a.Status)
		}
	})
	t.Run("who was revoked there is not signed in there", func(t *testing.T) {
		sessions, err := s.accounts.Sessions(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range sessions {
			if x.Device == "phone" {
				if err := s.accounts.End(t.Context(), x.ID); err != nil {
					t.Fatal(err)
				}
			}
			if x.Device == "tablet" {
				if err := s.accounts.Deactivate(t.Context(), x.ID, x.Find("b").Membership); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := labels(laptop.devices(t)); got != "laptop*" {
			t.Errorf("got %s", got)
		}
	})
}

// SE-18: a person ends the session of another device.
func TestEndDevice(t *testing.T) {
	s := deviceSite(t)
	l := s.listen()
	phone, tablet, laptop := s.signedInOn("phone", "b"), s.signedInOn("tablet", "a", "b"), s.signedInOn("laptop", "b")
	tabs := map[*browser]*socket{}
	for _, b := range []*browser{phone, tablet} {
		tabs[b] = l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
		tabs[b].hears("hello")
	}
	tokens := map[string]string{}
	for _, d := range laptop.devices(t) {
		tokens[d.Label] = d.Token
	}
	s.audit.take()
	if a := laptop.end(tokens["phone"]); a.Status != 200 || a.session() != nil {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	if got := tabs[phone].frame(); !strings.Contains(got, `"type":"session-ended"`) || !strings.Contains(got, `"reason":"revoked"`) {
		t.Errorf("the tab is told %s", got)
	}
	tabs[phone].closes(1008)
	phone.acts(t, "", "")
	if phone.record() != "" {
		t.Error("the record is still there")
	}
	if a := laptop.end(tokens["tablet"]); a.Status != 200 {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	tabs[tablet].hears("session-changed")
	if d := tablet.document(); d.State != account.StateChoosing || len(d.Accounts) != 1 || d.Accounts[0].ID != "a" {
		t.Errorf("got %+v, want a alone", d)
	}
	laptop.acts(t, "b", "")
	var actions []string
	for _, e := range s.audit.take() {
		actions = append(actions, e.Action+" "+e.Account+" by "+e.Actor)
	}
	if got := strings.Join(actions, ", "); got != "session.revoked b by b, account.revoked b by b" {
		t.Errorf("got %s", got)
	}
	for name, token := range tokens {
		refused(t, laptop.end(token), 404, multiaccount.CodeNotFound)
		_ = name
	}
}

// Tokens of the list are no handles: each works for whom it was made, where it was made.
func TestForeignDeviceTokens(t *testing.T) {
	s := deviceSite(t)
	victim := s.signedInOn("victim", "v")
	second := s.signedInOn("second", "v")
	thief := s.signedInOn("thief", "m", "b")
	other := s.signedInOn("other", "b")
	var ofVictim, ofOther string
	for _, d := range second.devices(t) {
		if d.Label == "victim" {
			ofVictim = d.Token
		}
	}
	for _, d := range thief.devices(t) {
		if d.Label == "other" {
			ofOther = d.Token
		}
	}
	cookie, err := account.ParseCookie(victim.cookie())
	if err != nil || ofVictim == "" || ofOther == "" {
		t.Fatal(err, ofVictim, ofOther)
	}
	for name, token := range map[string]string{
		"none": "", "made up": strings.Repeat("A", 22), "an index": "0", "the id of a session": cookie.ID.String(),
		"of another session's list": ofVictim, "a membership": victim.document().Accounts[0].Membership, "a stamp": victim.stamp(),
		"too long": strings.Repeat("A", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			victim.unchanged(t, func() {
				thief.unchanged(t, func() { refused(t, thief.end(token), 404, multiaccount.CodeNotFound) })
			})
		})
	}
	t.Run("as another account of the same session", func(t *testing.T) {
		thief.switchTo("m")
		other.unchanged(t, func() { refused(t, thief.end(ofOther), 404, multiaccount.CodeNotFound) })
		thief.switchTo("b")
	})
	t.Run("a list drawn for another account", func(t *testing.T) {
		stamp := thief.stamp()
		thief.switchTo("m")
		other.unchanged(t, func() {
			refused(t, thief.do("POST", "/devices/end", program, stamped(stamp), formBody("token", ofOther)), 409, multiaccount.CodeStalePage)
		})
		thief.switchTo("b")
	})
	t.Run("from another site, without a stamp, by a link", func(t *testing.T) {
		other.unchanged(t, func() {
			if a := thief.do("POST", "/devices/end", xform("_stamp", thief.stamp(), "token", ofOther)); a.Status != 403 {
				t.Errorf("another site: %d", a.Status)
			}
			refused(t, thief.do("POST", "/devices/end", program, formBody("token", ofOther)), 409, multiaccount.CodeStalePage)
			if a := thief.get("/devices/end?token=" + ofOther); a.Status != 405 {
				t.Errorf("a link: %d", a.Status)
			}
			refused(t, s.browser().do("POST", "/devices/end", program, formBody("token", ofOther)), 401, multiaccount.CodeNotSignedIn)
		})
	})
	t.Run("of a browser that signed in again", func(t *testing.T) {
		other.post("/link/sign_out")
		s.signedInOn("other", "b")
		refused(t, thief.end(ofOther), 404, multiaccount.CodeNotFound)
	})
	t.Run("the store is away", func(t *testing.T) {
		for _, d := range thief.devices(t)[1:] {
			stamp := thief.stamp()
			s.store.fail(errStoreDown)
			refused(t, thief.do("POST", "/devices/end", program, stamped(stamp), formBody("token", d.Token)), 503, multiaccount.CodeStoreUnavailable)
			s.store.fail(nil)
		}
	})
}

func TestDevicesWithoutAnIndex(t *testing.T) {
	type plain struct{ account.Store }
	s := newSite(t, func(c *config) { c.Store = plain{account.NewMemoryStore()} })
	var got error
	s.app.Get("/devices", func(c *fiber.Ctx) error { _, got = s.accounts.Devices(c); return nil })
	b := s.browser()
	b.signIn("a")
	if b.get("/devices"); !errors.Is(got, account.ErrNoIndex) {
		t.Errorf("got %v", got)
	}
}

func TestLabelOfADevice(t *testing.T) {
	label := ""
	s := deviceSite(t, func(c *config) { c.Device = func(*fiber.Ctx) string { return label } })
	for name, tc := range map[string]struct{ said, want string }{
		"plain": {"Firefox on Linux", "Firefox on Linux"}, "nothing": {"", ""}, "spaces": {" \t a\n\r\nb ", "a   b"},
		"other letters": {"Füchse 狐", "Füchse 狐"}, "too long": {strings.Repeat("ü", 65), strings.Repeat("ü", 64)},
		"control characters": {"a\x00\x1b[31m\u202eb\u200b", "a[31mb"}, "invalid UTF-8": {"a\xffb\xc3", "ab"},
		"a megabyte": {strings.Repeat("x", 1<<20), strings.Repeat("x", 64)},
	} {
		label = tc.said
		b := s.browser()
		b.signIn("a")
		if got := b.devices(t)[0].Label; got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
		b.post("/link/sign_out")
	}
	t.Run("an adopted session has one too", func(t *testing.T) {
		s := deviceSite(t, func(c *config) {
			c.Device = func(*fiber.Ctx) string { return "adopted there" }
			c.Adopt = func(c *fiber.Ctx) (string, bool) { return c.Cookies("former"), c.Cookies("former") != "" }
		})
		b := s.browser()
		b.jar["former"] = "a"
		if got := labels(b.devices(t)); got != "adopted there*" {
			t.Errorf("got %s", got)
		}
	})
}

func TestALongListOfDevicesIsCut(t *testing.T) {
	s := deviceSite(t)
	for i := range 105 {
		s.clock.advance(time.Second)
		s.signedInOn(fmt.Sprint(i), "b")
	}
	b := s.signedInOn("own", "b")
	list := b.devices(t)
	if len(list) != 100 || list[0].Label != "own" || list[1].Label != "104" || list[99].Label != "6" {
		t.Errorf("got %d: %s", len(list), labels(list))
	}
}
