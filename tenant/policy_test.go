package tenant_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/multiaccount-go/multiaccount/tenant"
)

func TestWhatARegistrationDoesAboutTenants(t *testing.T) {
	secret := tenant.NewSecret()
	for what, tc := range map[string]struct {
		policy              tenant.Policy
		invitation          tenant.Secret
		typed, shown, email string
		want                tenant.Plan
		err                 string
	}{
		"per user":                     {policy: tenant.PerUser, typed: " Acme ", want: tenant.Plan{Tenant: parse(t, "Acme")}},
		"per user, no name":            {policy: tenant.PerUser, err: "blank"},
		"per user, invited":            {policy: tenant.PerUser, invitation: secret, typed: "Acme", want: tenant.Plan{Invitation: secret.Hash()}},
		"personal":                     {policy: tenant.Personal, typed: "Acme", shown: "Alice", want: tenant.Plan{Tenant: parse(t, "Alice"), Numbered: true}},
		"personal, by address":         {policy: tenant.Personal, email: "alice@example.com", want: tenant.Plan{Tenant: parse(t, "alice"), Numbered: true}},
		"personal, reserved":           {policy: tenant.Personal, shown: "root", email: "root@example.com", want: tenant.Plan{Tenant: parse(t, "Account root"), Numbered: true}},
		"personal, one letter":         {policy: tenant.Personal, shown: "A", email: "a@example.com", want: tenant.Plan{Tenant: parse(t, "Account a"), Numbered: true}},
		"personal, nothing to go by":   {policy: tenant.Personal, shown: "\u202e", email: strings.Repeat("x", 300), want: tenant.Plan{Tenant: parse(t, "Personal account"), Numbered: true}},
		"by invitation":                {policy: tenant.ByInvitation, invitation: secret, want: tenant.Plan{Invitation: secret.Hash()}},
		"by invitation, without one":   {policy: tenant.ByInvitation, typed: "Acme", err: tenant.ErrNeedsInvitation.Error()},
		"none":                         {policy: tenant.None, typed: "Acme"},
		"none, invited":                {policy: tenant.None, invitation: secret, want: tenant.Plan{Invitation: secret.Hash()}},
		"a policy that does not exist": {policy: "any", typed: "Acme"},
	} {
		got, err := tc.policy.Plan(tenant.NameRules{}, tc.invitation, tc.typed, tc.shown, tc.email)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: got %+v %v, want %+v %s", what, got, err, tc.want, tc.err)
		}
	}
	if _, err := tenant.ByInvitation.Plan(tenant.NameRules{}, "", "", "", ""); !errors.Is(err, tenant.ErrNeedsInvitation) {
		t.Errorf("got %v", err)
	}
}

func TestNumberedNames(t *testing.T) {
	for _, shown := range []string{"Alice", strings.Repeat("é", 64), "3M", "東京", "x" + strings.Repeat(" y", 31)} {
		name, seen := parse(t, shown), map[string]bool{}
		for i := range 200 {
			numbered := name.Numbered(i)
			if length := utf8.RuneCountInString(numbered.String()); length > tenant.MaxName || length < tenant.MinName {
				t.Errorf("%q has %d characters", numbered, length)
			}
			if i < 2 && numbered != name {
				t.Errorf("number %d of %q is %q", i, name, numbered)
			}
			if i > 1 && seen[numbered.Key()] {
				t.Errorf("%q came before", numbered)
			}
			seen[numbered.Key()] = true
		}
	}
	if got := parse(t, "Alice").Numbered(2).String(); got != "Alice 2" {
		t.Errorf("got %q", got)
	}
}
