package controls_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/controls"
	attacks "github.com/multiaccount-go/multiaccount/integration_test/attacks/http"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

func TestMain(m *testing.M) { sitetest.Main(m) }

// expected is an attack and what it has to say when it comes through.
type expected struct {
	attack stage.Attack
	says   string
}

// TestAttacksComeThroughWithoutTheProtection proves that the attacks can fail: each is played on an example that lacks what
// stands against it.
func TestAttacksComeThroughWithoutTheProtection(t *testing.T) {
	for name, control := range map[string]struct {
		edits   []controls.Edit
		attacks []expected
	}{
		"where requests come from": {
			[]controls.Edit{{File: "protect.go", Text: "	err := check(r)\n",
				With: "	err := check(r)\n	err = nil\n"}},
			[]expected{
				{attacks.LoginCSRF, "signing a browser in: 303"}, {attacks.WhereRequestsComeFrom,
					`Origin "https://evil.test"`},
				{attacks.CrossSitePost, "POST /link/"},
			},
		},
		"the stamp": {
			[]controls.Edit{{
				File: "account/stamp.go",
				Text: "want == \"\" || !hmac.Equal([]byte(stamp), []byte(want))",
				With: "want == \"\"",
			}},
			[]expected{
				{attacks.FormOfAnotherAccount, "cookie set: true; want [409]"}, {attacks.ForgedStamps, "a stamp Mallory's own: 303"},
				{attacks.NoteRacesSwitch, "the second account has the rows"},
			},
		},
		"that a stamp is demanded": {
			[]controls.Edit{{File: "protect.go", Text: "	case len(sent) == 0:\n",
				With: "	case len(sent) == 0 && false:\n"}},
			[]expected{{attacks.NothingIsExempt, "POST /notes as a token: 303"},
				{attacks.BodiesInDisguise, "plain text: "}},
		},
		"the stamp of what htmx reads": {
			[]controls.Edit{{File: "protect.go", Text: "	case isSafe(c) && !htmx:\n",
				With: "	case isSafe(c) && (htmx || !htmx):\n"}},
			[]expected{{attacks.HTMXOfAnotherAccount, "shows"}},
		},
		"compare and set": {
			[]controls.Edit{{File: "redisstore/scripts/save.lua", Text: "mine = stored[1] == ARGV[1]",
				With: "mine = true"}},
			[]expected{
				{attacks.RaceForTheLastPlace, "got in by one request"}, {attacks.Resurrection, "is back"},
				{attacks.OldSecretComesBack, "the new cookie is of"}, {attacks.SwitchRacesSignOut, "the record lives"},
				{attacks.TwoAccountsSignEachOtherOut, "and is in the session"}, {attacks.RandomActs, "the seed was"},
			},
		},
		"rotation when an account is added": {
			[]controls.Edit{{
				File: "account/session.go",
				Text: `Effect{Action: "link.completed", Reason: ReasonLinked, Rotate: true}`,
				With: `Effect{Action: "link.completed", Reason: ReasonLinked}`,
			}},
			[]expected{{attacks.Rotation, "adding the second account"},
				{attacks.VictimSignsInInsideTheThiefsSession, "by the stolen cookie"}},
		},
		"rotation when somebody signs in again": {
			[]controls.Edit{{
				File: "account/session.go",
				Text: `Effect{Action: "session.reauthenticated", Reason: ReasonUpdated, Rotate: true}`,
				With: `Effect{Action: "session.reauthenticated", Reason: ReasonUpdated}`,
			}},
			[]expected{{attacks.Rotation, "signing in again"}},
		},
		"rotation at a switch": {
			[]controls.Edit{{
				File: "account/session.go",
				Text: `Effect{Action: "account.switched", Reason: ReasonSwitched, Rotate: true}`,
				With: `Effect{Action: "account.switched", Reason: ReasonSwitched}`,
			}},
			[]expected{{attacks.ReplayOfOldCookies, "cookies differ"},
				{attacks.OldSecretOfTwoSwitchesAgo, "the secret of two switches ago"}},
		},
		"that the old secret changes nothing": {
			[]controls.Edit{{
				File: "account/manager.go",
				Text: "m.opt.Now().Before(s.PreviousUntil):\n		return ErrStaleSecret",
				With: "m.opt.Now().Before(s.PreviousUntil):\n		return nil",
			}},
			[]expected{{attacks.RotatedAwayCookieLogsNobodyOut, "by the old cookie: 303"}},
		},
		"the maximum": {
			[]controls.Edit{{
				File: "account/session.go",
				Text: "if len(s.Active(now)) >= max || len(s.Accounts) > max+maxDormant {",
				With: "if false {",
			}},
			[]expected{{attacks.OneTooMany, "signing in as one too many: 303"}},
		},
		"the intent": {
			[]controls.Edit{{
				File: "account/session.go",
				Text: "func (s *Session) CheckIntent(now time.Time) error {\n",
				With: "func (s *Session) CheckIntent(now time.Time) error {\n" +
					"	s.Intent = &Intent{By: s.Current, Expires: now.Add(time.Minute)}\n",
			}, {
				// Nobody asked, so there is nothing to return to.
				File: "signin.go", Text: "p.returnable(out.Before.Intent.ReturnTo)", With: `p.returnable("")`,
			}},
			[]expected{{attacks.SignInWithoutAnIntent, "never asked: the session is of"},
				{attacks.AbandonedLink, "signing in eleven minutes later"}},
		},
		"that a form says what it adds to": {
			[]controls.Edit{{File: "account/session.go", Text: "	case nonce == nil:\n		return open, nil\n",
				With: "	case nonce == nil || true:\n		return open, nil\n"}},
			[]expected{
				{attacks.ForeignOrUsedIntent, "signing in by"}, {attacks.VictimSignsInInsideTheThiefsSession,
					"said nothing of adding: the session is of"},
			},
		},
		"whose link page it is": {
			[]controls.Edit{{
				File: "routes.go",
				Text: `primary == nil || primary.Account != param(c, "primary_user_id")`,
				With: `primary == nil`,
			}},
			[]expected{{attacks.ForeignPrimaryInThePath, "want 404"}},
		},
		"that an inactive account is none": {
			[]controls.Edit{{
				File: "routes.go",
				Text: "mustAct && (l.Status == account.StatusInactive || !v.users.active(l.Account))",
				With: "mustAct && l.Status == account.StatusInactive",
			}},
			[]expected{{attacks.SwitchToTheDeactivated, "the form: 303"}},
		},
		"that GET only asks": {
			[]controls.Edit{{
				File: "plugin.go",
				Text: `r.Get(at.Base+at.Switch+"/:user_id", p.route(p.switchPage))`,
				With: `r.Get(at.Base+at.Switch+"/:user_id", p.route(p.switchAccount))`,
			}},
			[]expected{{attacks.GetChangesNothing, "cookie set: true"}, {attacks.SelfSubmittingConfirmPage, "want [200]"}},
		},
		"where a return path leads": {
			[]controls.Edit{{File: "returnpath.go", Text: "	local, ok := localPath(raw)\n",
				With: "	local, ok := raw, raw != \"\"\n"}},
			[]expected{
				{attacks.OpenRedirect, "evil.test"}, {attacks.OpenRedirectByHTMX, "evil.test"}, {attacks.HeaderInjection, "leads to"},
			},
		},
		"that a return path is a page": {
			[]controls.Edit{{File: "returnpath.go", Text: "	if !ok || p.isPlugin(local) {\n", With: "	if !ok {\n"}},
			[]expected{{attacks.ReturnToARouteThatActs, `to "/link/p/`}},
		},
		"where handshakes come from": {
			[]controls.Edit{{
				File: "internal/origin/origin.go",
				Text: "func (p Policy) Socket(r Request) error {\n",
				With: "func (p Policy) Socket(r Request) error {\n	if true {\n		return nil\n	}\n",
			}},
			[]expected{{attacks.ForeignHandshake, "101, want 403"}},
		},
		"that answers are not stored": {
			[]controls.Edit{{File: "visit.go", Text: "		c.Set(fiber.HeaderCacheControl, noStore)\n", With: ""}},
			[]expected{{attacks.StoredAnswers, "GET /private (200)"}},
		},
		"that answers are personal": {
			[]controls.Edit{{
				File: "visit.go", Text: "	if v.session == nil && !v.known && !v.sealed {\n",
				With: "	if true {\n		return\n	}\n	if v.session == nil && !v.known && !v.sealed {\n",
			}},
			[]expected{{attacks.SharedCacheInFront, "sees"}},
		},
		"that the cookie from before an authentication shows nothing": {
			[]controls.Edit{{File: "visit.go", Text: "v.stale && s.Sealed", With: "false"}},
			[]expected{{attacks.VictimSignsInInsideTheThiefsSession, "the stolen cookie shows"}},
		},
		"whose token of a device it is": {
			[]controls.Edit{{
				File: "account/device.go", Text: `want != "" && hmac.Equal([]byte(token), []byte(want))`, With: `want != "" && token != ""`,
			}},
			[]expected{{attacks.ForeignDevice, "want [404]"}},
		},
		"that a proof is recent": {
			[]controls.Edit{{
				File: "recent.go", Text: "!l.IsRecent(p.sessions.Now(), maxAge) {\n		return p.signInAgain", With: "l == nil {\n		return p.signInAgain",
			}},
			[]expected{{attacks.ProofOfAnotherAccount, "an old proof"}},
		},
		"that two cookies are none": {
			[]controls.Edit{{File: "visit.go", Text: "	if count > 1 {", With: "	if count > 1000 {"}},
			[]expected{{attacks.CookieTossing, "tossed first: 200"}},
		},
		"that cookies are for HTTP": {
			[]controls.Edit{{File: "cookie.go", Text: "HTTPOnly: true", With: "HTTPOnly: false"}},
			[]expected{{attacks.CookieAttributes, "Set-Cookie: accounts-insecure="}},
		},
		"the form of a cookie": {
			[]controls.Edit{{
				File: "account/cookie.go", Text: "	if n, err := encoding.Decode(raw[:], text[:]); err != nil || n != len(raw) {",
				With: "	if _, _ = encoding.Decode(raw[:], text[:]); false {",
			}},
			[]expected{{attacks.CookieNamesAKey, "Redis was asked"}},
		},
		"that secrets are hashed": {
			[]controls.Edit{{File: "account/cookie.go", Text: "return sha256.Sum256(s[:])", With: "return Digest(s)"}},
			[]expected{{attacks.SecretsAtRest, "the secret in base64"}},
		},
		"that nobody may frame": {
			[]controls.Edit{{File: "example/headers.go", Text: "frame-ancestors 'none'", With: "frame-ancestors *"}},
			[]expected{{attacks.Framing, "Content-Security-Policy"}},
		},
		"that texts are text": {
			[]controls.Edit{
				{
					File: "example/site.go",
					Text: `"announcer": switcher.Announcer,`,
					With: `"announcer": switcher.Announcer, "raw": func(text string) template.HTML { return template.HTML(text) },`,
				},
				{File: "example/views/shared/layout.html", Text: `role="status">{{.Text}}</p>`,
					With: `role="status">{{raw .Text}}</p>`},
				{File: "example/views/home.html", Text: `<h1>Hello, <bdi>{{.Data.User.Name}}</bdi></h1>`,
					With: `<h1>{{raw .Data.User.Name}}</h1>`},
				{File: "example/views/shared/notes.html", Text: `<li id="note-{{.ID}}">{{.Text}}</li>`,
					With: `<li id="note-{{.ID}}">{{raw .Text}}</li>`},
				{File: "example/views/board.html", Text: ` of <bdi>{{.}}</bdi>`, With: ` of <bdi>{{raw .}}</bdi>`},
			},
			[]expected{{attacks.HostileFlash, "a planted message"}, {attacks.HostileText, "changes the page"},
				{attacks.HostileNames, "changes page 0"}, {attacks.HostileTenants, "changes page 1"}},
		},
		// Protections that have nothing to do with each other, in one program.
		"several things: methods, lengths, hosts, who has left, what keys are made of": {
			[]controls.Edit{
				{
					File: "plugin.go", Text: `r.Post(at.Base+at.Switch+"/:user_id", p.route(p.switchAccount))`,
					With: `r.All(at.Base+at.Switch+"/:user_id", p.route(p.switchAccount))`,
				},
				{File: "sane.go", Text: "	case twoLengths(c):", With: "	case false:"},
				{
					File: "internal/origin/origin.go", Text: "		Host:      string(h.Host()),",
					With: `		Host:      c.Get("X-Forwarded-Host", string(h.Host())),`,
				},
				{File: "account/session.go", Text: "	s.remove(l.Membership)\n", With: "	l.Status = StatusSignedOut\n"},
				{
					File: "attempts/attempts.go", Text: "	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))",
					With: `	return fmt.Sprint(parts) + base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:0]`,
				},
				{File: "redisstore/index.go", Text: "	sum := sha256.Sum256([]byte(text))\n",
					With: "	sum := []byte(text)\n	_ = sha256.Size\n	if true {\n		return text\n	}\n"},
				{File: "protect.go", Text: `	case isSafe(c) && c.Get("HX-History-Restore-Request") == "true" && !at(c, p.urls.accounts):`,
					With: `	case isSafe(c) && c.Get("HX-History-Restore-Request") == "true":`},
				{File: "auth/session.go", Text: "	if !right || !user.IsActive() {\n",
					With: "	if right && !user.IsActive() {\n		return user, ErrUnknown\n	}\n	if !right {\n"},
			},
			[]expected{
				{attacks.OtherUnsafeMethods, "/link/switch_to/"}, {attacks.Smuggling, "the hidden request was answered"},
				{attacks.ForeignHost, "signing out from the host"}, {attacks.SwitchRacesSignOutOfItsTarget, "still in the session"},
				{attacks.RefusalNamesSomebodyElse, "the refusal names"}, {attacks.PatternsAndTags, "was made of what somebody sent"},
				{attacks.HistoryRestoreLaundersAFragment, "/link/accounts to restore"}, {attacks.SignInTells, "inactive"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, err := controls.Build(t.TempDir(), control.edits...)
			if err != nil {
				t.Fatal(err)
			}
			site := stage.Start(t, program)
			for i, want := range control.attacks {
				breaches := site.Breaches(t, want.attack)
				if !strings.Contains(strings.Join(breaches, "\n"), want.says) {
					t.Errorf("attack %d did not come through and say %q; it said %d things:\n%s", i+1, want.says,
						len(breaches),
						strings.Join(breaches[:min(3, len(breaches))], "\n"))
				}
			}
		})
	}
}

func TestAnEditThatFindsNothingSaysSo(t *testing.T) {
	for name, edit := range map[string]controls.Edit{
		"a text that is not there": {File: "protect.go", Text: "no such text"}, "a text that is there twice": {File: "protect.go", Text: "return"},
		"a file that is not there": {File: "nothing.go", Text: "package"},
	} {
		if _, err := controls.Build(t.TempDir(), edit); err == nil || !strings.Contains(err.Error(), "point the edit to where") {
			t.Errorf("%s: got %v, want to be told where to point it", name, err)
		}
	}
}
