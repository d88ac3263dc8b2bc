package multiaccount

import (
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// Document is the session as a program sees it: its JSON form is in docs/http.md. It holds no secret and no session id.
type Document struct {
	Version   int64             `json:"v"`
	State     account.State     `json:"state"`
	Stamp     string            `json:"stamp"`
	MaxLinked int               `json:"max_linked"`
	Current   *DocumentCurrent  `json:"current"` // null while choosing
	Primary   *DocumentPrimary  `json:"primary"` // null in single mode
	Accounts  []DocumentAccount `json:"accounts"`
	AddPath   string            `json:"add_path"` // empty while nobody is current
}

// DocumentCurrent names the account that acts now.
type DocumentCurrent struct {
	ID      string `json:"id"`
	Primary bool   `json:"primary"`
}

// DocumentPrimary names the account that the others are linked to.
type DocumentPrimary struct {
	ID string `json:"id"`
}

// DocumentAccount is one account of the session. Primary first, then the oldest link first.
type DocumentAccount struct {
	ID         string          `json:"id"`
	Membership string          `json:"membership"`
	Current    bool            `json:"current"`
	Primary    bool            `json:"primary"`
	Status     account.Status  `json:"status"`
	Profile    DocumentProfile `json:"profile"`
	SwitchPath string          `json:"switch_path"`
}

// DocumentProfile is what people see of an account.
type DocumentProfile struct {
	Name      string `json:"name"`
	Email     string `json:"email"`
	AvatarURL string `json:"avatar_url"`
}

// Document returns the session of a request as a program sees it.
func (p *Plugin[U]) Document(c *fiber.Ctx) Document { return p.document(p.visit(c)) }

func (p *Plugin[U]) document(v *visit[U]) Document {
	d := Document{State: account.StateAnonymous, MaxLinked: p.sessions.Options().MaxLinked, Accounts: []DocumentAccount{}}
	s := v.session
	if s == nil || v.failure != nil {
		return d
	}
	d.Version, d.State, d.Stamp, d.AddPath = s.Version, s.State(), s.Stamp(), p.addPath(s)
	for _, a := range p.switcherAccounts(v) {
		d.Accounts = append(d.Accounts, DocumentAccount{
			ID: a.ID, Membership: a.Membership, Current: a.Current, Primary: a.Primary, Status: a.Status,
			Profile: DocumentProfile(a.Profile), SwitchPath: a.SwitchPath,
		})
	}
	if l := s.CurrentAccount(); l != nil {
		d.Current = &DocumentCurrent{ID: l.Account, Primary: l.Membership == s.Primary}
	}
	if l := s.PrimaryAccount(); l != nil && s.State() != account.StateSingle {
		d.Primary = &DocumentPrimary{ID: l.Account}
	}
	return d
}

// switcherAccounts returns the accounts of a session as people see them.
func (p *Plugin[U]) switcherAccounts(v *visit[U]) []switcher.Account {
	var accounts []switcher.Account
	now := p.sessions.Now()
	for _, l := range v.session.Ordered() {
		a := switcher.Account{
			ID: l.Account, Membership: l.Membership, Profile: p.profileOf(v, l.Account),
			Current: l.Membership == v.session.Current, Primary: l.Membership == v.session.Primary, Status: l.StatusAt(now),
			SwitchPath: with(p.urls.switchTo, l.Account), SignOutPath: with(p.urls.signOut+"/", l.Account),
		}
		if !v.users.active(l.Account) {
			a.Status = account.StatusInactive
		}
		accounts = append(accounts, a)
	}
	return accounts
}

// profileOf returns what people see of an account. A user who does not exist any more has no name.
func (p *Plugin[U]) profileOf(v *visit[U], id string) Profile {
	u, ok := v.users[id]
	if !ok {
		return Profile{}
	}
	profile := p.cfg.Profile(u.user)
	if profile == (Profile{}) {
		profile.Name = id
	}
	return profile
}

// addPath is the page that asks before an account is added; empty while nobody is current.
func (p *Plugin[U]) addPath(s *account.Session) string {
	primary := s.PrimaryAccount()
	if primary == nil || s.Current == "" {
		return ""
	}
	return with(p.urls.link, primary.Account)
}
