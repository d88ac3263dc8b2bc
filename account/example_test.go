package account_test

import (
	"context"
	"fmt"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Alice signs in, asks to add an account, and Bob signs in beside her. Then the browser switches back to Alice.
func Example() {
	ctx := context.Background()
	m := account.NewManager(account.NewMemoryStore(), account.Options{})
	opt := m.Options()

	// The credential was checked just now. The cookie goes to the browser.
	out, err := m.SignIn(ctx, nil, nil, "alice", "password")
	if err != nil {
		fmt.Println(err)
		return
	}
	cookie := *out.Cookie

	// Later requests bring the cookie back. Nothing can be linked unless the person asked for it.
	s, err := m.Load(ctx, cookie)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err = m.Change(ctx, s, cookie, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.BeginLink("/inbox", now, opt.IntentTTL, opt.MaxLinked, opt.LinksPerMinute)
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Bob's credential was checked in this very session, so he joins it. The secret changes.
	out, err = m.SignIn(ctx, out.Session, &cookie, "bob", "password")
	if err != nil {
		fmt.Println(err)
		return
	}
	cookie = *out.Cookie
	fmt.Println(out.Effect.Action, out.Session.State(), out.Session.CurrentAccount().Account)

	out, err = m.Change(ctx, out.Session, cookie, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.Switch("alice", now, opt.SwitchesPerMinute)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Effect.Action, out.Session.State(), out.Session.CurrentAccount().Account)

	// Output:
	// link.completed multi bob
	// account.switched multi alice
}
