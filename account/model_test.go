package account_test

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// The model is a second, plain telling of the state machine. It keeps one session as a value, so that a command which is
// refused leaves it as it was.
type model struct {
	members        []member
	current        string // account; empty while choosing
	primary        string
	intent         time.Time // when the open intent expires; zero: none
	nonce          string    // of the intent that was opened last
	version        int64
	generation     int64
	deadline       time.Time
	idle           time.Time // the session ends then unless it is used
	secret, former account.Secret
	graceEnds      time.Time
	minute         time.Time
	switches       int
	ended          bool
	everHeld       []string // accounts that this session saw authenticate
}

type member struct {
	name     string
	status   account.Status
	deadline time.Time
}

func (x member) acts(now time.Time) bool {
	return x.status == account.StatusActive && now.Before(x.deadline)
}

// limits are the options that the property test runs with. No multiple of step comes within a second of any of them or of
// their sums, so that a retry's pause never decides what happens.
var limits = account.Options{
	MaxLinked: 2, Idle: time.Hour, Lifetime: 100 * time.Minute, Grace: 10 * time.Second, IntentTTL: 10 * time.Minute, SwitchesPerMinute: 3,
}

const step = 7 * time.Second

// command is one thing that a person or the back office asks for.
type command struct {
	kind string
	name string // account
	next string // of a sign-out

	says  bool // the sign-in form carries a nonce
	nonce string
}

// said is what a sign-in form carries.
func (c command) said() *string {
	if !c.says {
		return nil
	}
	return &c.nonce
}

// effect is what the model expects of a command that is carried out.
type effect struct {
	action  string
	visible bool
	rotates bool
}

// live reports whether the session can be found at all.
func (x *model) live(now time.Time) bool {
	return !x.ended && now.Before(x.deadline) && now.Before(x.idle)
}

// authority returns what a secret is worth.
func (x *model) authority(secret account.Secret, now time.Time) error {
	switch {
	case !x.live(now):
		return account.ErrNotFound
	case secret == x.secret:
		return nil
	case secret == x.former && now.Before(x.graceEnds):
		return account.ErrStaleSecret
	}
	return account.ErrNotFound
}

func (x *model) at(name string) int {
	return slices.IndexFunc(x.members, func(m member) bool { return m.name == name })
}

func (x *model) acting(now time.Time) (n int) {
	for _, m := range x.members {
		if m.name != x.primary && m.acts(now) {
			n++
		}
	}
	return n
}

// errReplaced is what the model says when a sign-in ends this session for a new one.
var errReplaced = errors.New("a new session of this account alone")

// apply returns the session after a command, and what is expected to be seen of it.
func (x model) apply(c command, now time.Time) (model, effect, error) {
	x.members = slices.Clone(x.members)
	i := x.at(c.name)
	switch c.kind {
	case "cancel":
		if x.intent.IsZero() {
			return x, effect{}, nil
		}
		x.intent = time.Time{}
		return x, effect{action: "link.cancelled"}, nil
	case "begin":
		switch {
		case x.current == "":
			return x, effect{}, account.ErrNoCurrent
		case x.acting(now) >= limits.MaxLinked:
			return x, effect{}, account.ErrLinkLimit
		}
		x.intent = now.Add(limits.IntentTTL)
		return x, effect{action: "link.begun"}, nil
	case "sign in":
		if open := !x.intent.IsZero(); c.says && !(open && c.nonce == x.nonce) {
			if c.nonce != "" {
				return x, effect{}, account.ErrIntentExpired
			}
			x.intent = time.Time{}
		}
		return x.signIn(c.name, now)
	case "end":
		x.ended = true
		return x, effect{action: "session.revoked"}, nil
	}
	if i < 0 {
		return x, effect{}, account.ErrNotLinked
	}
	switch c.kind {
	case "switch":
		return x.switchTo(i, now)
	case "sign out", "destroy":
		return x.signOut(c, now)
	}
	return x.administer(c, now)
}

func (x model) signIn(name string, now time.Time) (model, effect, error) {
	e := effect{action: "session.reauthenticated", visible: true, rotates: true}
	i := x.at(name)
	switch {
	case i < 0 && x.intent.IsZero():
		return x, effect{}, errReplaced
	case i < 0 && !now.Before(x.intent):
		return x, effect{}, account.ErrIntentExpired
	case i < 0 && x.acting(now) >= limits.MaxLinked:
		return x, effect{}, account.ErrLinkLimit
	case i < 0:
		e.action = "link.completed"
		x.members = append(x.members, member{name: name})
		x.everHeld = append(slices.Clone(x.everHeld), name)
		i = len(x.members) - 1
	case x.members[i].status == account.StatusInactive:
		return x, effect{}, account.ErrInactive
	case !x.members[i].acts(now) && name != x.primary && x.acting(now) >= limits.MaxLinked:
		return x, effect{}, account.ErrLinkLimit
	default:
		if !x.intent.IsZero() {
			e.action = "link.refreshed"
		}
		x.deadline = now.Add(limits.Lifetime)
	}
	x.members[i] = member{name, account.StatusActive, now.Add(limits.Lifetime)}
	x.current, x.intent = name, time.Time{}
	return x, e, nil
}

func (x model) switchTo(i int, now time.Time) (model, effect, error) {
	m := x.members[i]
	switch {
	case m.status == account.StatusInactive:
		return x, effect{}, account.ErrInactive
	case !m.acts(now):
		return x, effect{}, account.ErrSignInAgain
	case m.name == x.current:
		return x, effect{}, nil
	}
	if now.Sub(x.minute) >= time.Minute {
		x.minute, x.switches = now, 0
	}
	if x.switches++; x.switches > limits.SwitchesPerMinute {
		return x, effect{}, account.ErrRateLimited
	}
	x.current, x.intent = m.name, time.Time{}
	return x, effect{"account.switched", true, true}, nil
}

func (x model) signOut(c command, now time.Time) (model, effect, error) {
	if c.next != "" {
		n := x.at(c.next)
		switch {
		case n < 0 || c.next == c.name:
			return x, effect{}, account.ErrNotLinked
		case !x.members[n].acts(now):
			return x, effect{}, account.ErrInactive
		}
	}
	x.members = slices.DeleteFunc(x.members, func(m member) bool { return m.name == c.name })
	if len(x.members) == 0 {
		x.ended = true
		return x, effect{action: "session.ended"}, nil
	}
	if x.primary == c.name {
		x.primary = x.members[0].name
	}
	if x.current == c.name {
		x.current, x.intent = c.next, time.Time{}
	}
	return x, effect{"account.signed_out", true, c.kind == "sign out"}, nil
}

// administer tells what the back office does to one account.
func (x model) administer(c command, now time.Time) (model, effect, error) {
	m := &x.members[x.at(c.name)]
	e := effect{visible: true}
	switch {
	case c.kind == "activate" && m.status == account.StatusActive,
		c.kind == "deactivate" && m.status == account.StatusInactive,
		c.kind == "revoke" && m.status == account.StatusSignedOut:
		return x, effect{}, nil
	case c.kind == "activate" && m.status == account.StatusSignedOut:
		return x, effect{}, account.ErrSignInAgain
	case c.kind == "activate" && c.name != x.primary && x.acting(now) >= limits.MaxLinked:
		return x, effect{}, account.ErrLinkLimit
	case c.kind == "activate":
		m.status = account.StatusActive
		e.action = "link.activated"
		return x, e, nil
	case c.kind == "revoke" && m.status == account.StatusInactive:
		m.deadline = time.Time{}
		return x, effect{action: "account.revoked"}, nil
	case c.kind == "revoke":
		m.status, m.deadline = account.StatusSignedOut, time.Time{}
		e.action = "account.revoked"
	case c.kind == "deactivate":
		m.status = account.StatusInactive
		e.action = "link.deactivated"
	case c.kind == "retire":
		e.action = "account.deactivated"
	}
	switch {
	case len(x.members) == 1:
		x.ended = true
	case x.current == c.name:
		x.current, x.intent = "", time.Time{}
	}
	return x, e, nil
}

// picture draws the model as picture draws a session.
func (x *model) picture(now time.Time) string {
	if !x.live(now) {
		return "ended"
	}
	var names []string
	for _, m := range x.members {
		name := m.name
		if m.name == x.primary {
			name += "^"
		}
		if m.name == x.current {
			name += "*"
		}
		switch {
		case m.status == account.StatusInactive:
			name += "-"
		case !m.acts(now):
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}
