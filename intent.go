package multiaccount

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
)

// IntentField is the form field, or the member of a JSON object, by which a sign-in says which request to add an account it
// answers. See [Plugin.IntentField].
const IntentField = "_intent"

// Intent returns what a sign-in or registration page that is drawn in this request must send back in the field _intent: the
// nonce of the open request to add an account, or "" when none is open. Keep it out of URLs and logs.
func (p *Plugin[U]) Intent(c *fiber.Ctx) string {
	v := p.visit(c)
	if v.session == nil || v.failure != nil || v.session.Intent == nil {
		return ""
	}
	return v.session.Intent.Nonce
}

// IntentField returns the hidden input that a sign-in or registration form needs: it says whether the page told the person
// that an account is being added, and to which request that was. So nobody who signs in on a page that said nothing of it
// ends up in somebody else's session, and no form adds an account twice. It is empty while no request is open.
//
//   - the field is the open request's: [Plugin.SignIn] adds the account;
//   - the field is empty: as if no request were open, so a session of its own;
//   - the field is another one's, used, cancelled or replaced: 409 intent_expired, and nothing changes;
//   - there is no field: whatever is open counts, unless Config.DemandIntentField is set.
func (p *Plugin[U]) IntentField(c *fiber.Ctx) template.HTML {
	// Without autocomplete="off" a browser puts the value of before a reload into the fresh page.
	return template.HTML(fmt.Sprintf(`<input type="hidden" name="%s" value="%s" autocomplete="off">`,
		IntentField, template.HTMLEscapeString(p.Intent(c))))
}

// ClaimIntent says in the place of the field what a sign-in answers, where it cannot come from a form of the app: in the
// callback of an OAuth provider for one, whose state kept what [Plugin.Intent] was when the person left. Call it before
// [Plugin.CanSignIn] and [Plugin.SignIn].
func (p *Plugin[U]) ClaimIntent(c *fiber.Ctx, nonce string) {
	nonce = utils.CopyString(nonce)
	p.visit(c).intent = &nonce
}

// claimed returns what the request says of adding an account; nil: nothing.
func (p *Plugin[U]) claimed(c *fiber.Ctx, v *visit[U]) *string {
	if v.intent != nil {
		return v.intent
	}
	values := formValues(c, IntentField)
	if len(values) == 0 {
		values = jsonValues(c, IntentField)
	}
	switch {
	case len(values) > 1:
		several := ambiguous
		return &several
	case len(values) == 1:
		return &values[0]
	case p.cfg.DemandIntentField:
		return new(string)
	}
	return nil
}

// jsonValues returns the member of a posted JSON object, like formValues the fields of a form. One that is no string is
// nobody's.
func jsonValues(c *fiber.Ctx, name string) []string {
	kind := strings.ToLower(c.Get(fiber.HeaderContentType))
	if isSafe(c) || !strings.HasPrefix(kind, fiber.MIMEApplicationJSON) {
		return nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(c.Body(), &object) != nil {
		return nil
	}
	member, there := object[name]
	if !there {
		return nil
	}
	var value *string
	if json.Unmarshal(member, &value) != nil || value == nil {
		return []string{ambiguous}
	}
	return []string{*value}
}
