package auth_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
)

// A plugin that leads to pages which are not there is a mistake of the app's start, not of whoever signs in.
func TestThePluginHasToNameTheRoutes(t *testing.T) {
	const out = "/session/sign_out"
	for name, test := range map[string]struct {
		plugin multiaccount.Paths
		group  string
		says   string
	}{
		"the same":                      {multiaccount.Paths{AppSignOut: out}, "", ""},
		"the same, below a group":       {multiaccount.Paths{SignIn: "/app/session/new", AppSignOut: "/app" + out}, "/app", ""},
		"another page to sign in":       {multiaccount.Paths{SignIn: "/login", AppSignOut: out}, "", `Paths.SignIn of the plugin is "/login"`},
		"no route to sign out":          {multiaccount.Paths{}, "", `Paths.AppSignOut of the plugin is ""`},
		"without the prefix of a group": {multiaccount.Paths{AppSignOut: out}, "/app", `the route is at "/app/session/new"`},
	} {
		t.Run(name, func(t *testing.T) {
			users := authtest.NewStore()
			accounts, err := multiaccount.New(multiaccount.Config[auth.User]{Users: users.ByIDs, Active: auth.User.IsActive, Paths: test.plugin})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = accounts.Close(context.Background()) })
			login, err := auth.New(auth.Config{Accounts: accounts, Users: users})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				said, _ := recover().(string)
				if (said == "") != (test.says == "") || !strings.Contains(said, test.says) {
					t.Errorf("says %q, want %q", said, test.says)
				}
			}()
			app := fiber.New()
			if test.group == "" {
				login.Register(app)
			} else {
				login.Register(app.Group(test.group))
			}
		})
	}
}
