package main

import (
	"context"
	"fmt"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// person is a browser with a session in Redis.
type person struct {
	cookie  string
	session *account.Session
}

// signIn makes a session of so many accounts, the way the plugin does: one sign-in after the other. The last is current.
func (b *bench) signIn(accounts int) (*person, error) { return signInAt(b.ctx, b.sessions, accounts) }

func signInAt(ctx context.Context, sessions *account.Manager, accounts int) (*person, error) {
	out, err := sessions.SignIn(ctx, nil, nil, "user-1", "password")
	for i := 2; err == nil && i <= accounts; i++ {
		cookie := *out.Cookie
		out, err = sessions.Change(ctx, out.Session, cookie, func(s *account.Session, now time.Time) (account.Effect, error) {
			return s.BeginLink("/", now, time.Minute, accounts, accounts+1)
		})
		if err == nil {
			out, err = sessions.SignIn(ctx, out.Session, &cookie, fmt.Sprintf("user-%d", i), "password")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return &person{out.Cookie.Value(), out.Session}, nil
}

// switchTo makes the request of a switch to another account, with the stamp of the one that is current.
func (p *person) switchTo(addr string, l account.Linked) []byte {
	return fmt.Appendf(nil, "POST /link/switch_to/%s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nCookie: %s=%s\r\n"+
		"X-Account-Stamp: %s\r\nContent-Length: 0\r\n\r\n", l.Account, addr, addr, cookieName, p.cookie, p.session.Stamp())
}

// other returns an account that is not current.
func (p *person) other() account.Linked {
	for _, l := range p.session.Accounts {
		if l.Membership != p.session.Current {
			return l
		}
	}
	return account.Linked{}
}

// switched takes over what the answer to a switch says.
func (p *person) switched(r response, to account.Linked) error {
	if r.status != 303 || r.cookie == "" {
		return fmt.Errorf("switch: status %d, new cookie %t", r.status, r.cookie != "")
	}
	p.cookie = r.cookie
	p.session.Current = to.Membership
	p.session.Version++
	return nil
}
