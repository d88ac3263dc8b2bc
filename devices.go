package multiaccount

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount/account"
)

// Device is one browser in which the current account is signed in. It holds no id of a session or an account.
type Device struct {
	Token    string    // for EndDevice, in this session and as this account only; empty for the browser that asks
	Label    string    // what Config.Device said when somebody signed in there; may be empty
	SignedIn time.Time // when this account joined that session
	Seen     time.Time // last request from there, within a twentieth of the idle time
	Current  bool      // the browser that asks
}

// maxDevices is how many devices a page shows.
const maxDevices = 100

// Devices returns where the current account is signed in: the browser that asks first, then the one seen last. Of more than
// a hundred it returns the hundred seen last. The error is a [Refusal], or account.ErrNoIndex: the store cannot tell.
func (p *Plugin[U]) Devices(c *fiber.Ctx) ([]Device, error) {
	v := p.visit(c)
	if err := p.requireUser(v); err != nil {
		return nil, err
	}
	now := p.sessions.Now()
	own := v.session.CurrentAccount()
	devices := []Device{{Label: v.session.Device, SignedIn: own.LinkedAt, Seen: now, Current: true}}
	for s, err := range p.sessions.EachSession(c.UserContext(), own.Account) {
		if err != nil {
			return nil, p.refusal(err)
		}
		l := s.Find(own.Account)
		if s.ID == v.session.ID || !l.IsActive(now) {
			continue
		}
		devices = append(devices, Device{
			Token: v.session.DeviceToken(s, l.Membership), Label: s.Device, SignedIn: l.LinkedAt, Seen: s.Seen,
		})
	}
	slices.SortStableFunc(devices[1:], func(a, b Device) int {
		return cmp.Or(b.Seen.Compare(a.Seen), b.SignedIn.Compare(a.SignedIn))
	})
	return devices[:min(len(devices), maxDevices)], nil
}

// EndDevice signs the current account out of another browser, which token names as [Plugin.Devices] gave it: a session of
// this account alone ends, one that holds others loses this account. The tabs there are told at once. Call it from a POST
// route, behind [Plugin.RequireRecent] where a stolen session should not be able to do that; it checks the origin and the
// stamp itself. It writes no answer.
//
// The error is a [Refusal]: 404 for a token that is unknown, another session's, or of a browser that is signed out by now.
func (p *Plugin[U]) EndDevice(c *fiber.Ctx, token string) (err error) {
	defer func() { p.denied(c, err) }() // the app may answer an error itself
	v := p.visit(c)
	if isSafe(c) {
		return fiber.ErrMethodNotAllowed
	}
	if err := p.protect(c, v); err != nil {
		return err
	}
	if err := p.requireUser(v); err != nil {
		return err
	}
	own := v.session.CurrentAccount().Account
	for s, err := range p.sessions.EachSession(c.UserContext(), own) {
		if err != nil {
			return p.refusal(err)
		}
		if l := s.Find(own); s.ID != v.session.ID && v.session.IsDeviceToken(token, s, l.Membership) {
			return p.expel(c, s.ID, *l)
		}
	}
	return p.refusal(account.ErrNotLinked)
}

// expel takes an account out of another session.
func (p *Plugin[U]) expel(c *fiber.Ctx, id account.SessionID, l account.Linked) error {
	out, err := p.sessions.ChangeByID(c.UserContext(), id, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.Expel(l.Membership, now)
	})
	switch {
	case errors.Is(err, account.ErrNotFound): // it ended by itself
		return p.refusal(account.ErrNotLinked)
	case err != nil:
		return p.refusal(err)
	}
	p.committedOn(c, out, l.Account)
	return nil
}

// maxLabel is how many characters the label of a device may have.
const maxLabel = 64

// device returns what to call the browser of a request: one line of plain characters, which shares no memory with it.
func (p *Plugin[U]) device(c *fiber.Ctx) string {
	if p.cfg.Device == nil {
		return ""
	}
	label := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsGraphic(r) && r != unicode.ReplacementChar:
			return r
		}
		return -1 // control characters, also those that turn the direction of a text
	}, p.cfg.Device(c))
	if runes := []rune(label); len(runes) > maxLabel {
		label = string(runes[:maxLabel])
	}
	return utils.CopyString(strings.TrimSpace(label))
}
