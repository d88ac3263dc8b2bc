package tenant

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Policy says what a new user belongs to.
type Policy string

// The policies. An open invitation is honoured by each of them: who comes with one joins that tenant and gets no other.
const (
	// PerUser: a tenant of his own, whose name he gives at registration.
	PerUser Policy = "per_user"
	// Personal: a tenant of his own that is named after him.
	Personal Policy = "personal"
	// ByInvitation: nobody registers without an invitation.
	ByInvitation Policy = "by_invitation"
	// None: a private space without a name, which nothing shows.
	None Policy = "none"
)

// ErrNeedsInvitation: the policy lets nobody register without an invitation.
var ErrNeedsInvitation = errors.New("tenant: registration needs an invitation")

// Names of fields of a registration form.
const (
	NameField       = "account_name" // name of the tenant, where [Policy.AsksName]
	InvitationField = "invitation"   // secret of an invitation; it is in the query of the link to the form too
)

// Valid reports whether p is one of the policies.
func (p Policy) Valid() bool { return p == PerUser || p == Personal || p == ByInvitation || p == None }

// AsksName reports whether a registration form without an invitation has a field for the name of the tenant.
func (p Policy) AsksName() bool { return p == PerUser }

// Creates reports whether users may create tenants: at registration, and further ones later.
func (p Policy) Creates() bool { return p == PerUser || p == Personal }

// Plan is what a registration does about tenants. At most one of its fields is set; none: a private space.
type Plan struct {
	Tenant     Name // of a tenant of the user's own
	Invitation Hash // to join
	// Numbered: the name is the app's own choice. When it is taken, register with Tenant.Numbered(2), (3) and so on.
	Numbered bool
}

// Plan decides what a registration does. typed is the name of the tenant as the form has it, shown is what the user is
// called, email his address; what the policy does not ask for is ignored. The error is a [*NameError] about typed, or
// [ErrNeedsInvitation]. Whether the invitation is open, and for that address, is for the store to say.
func (p Policy) Plan(rules NameRules, invitation Secret, typed, shown, email string) (Plan, error) {
	switch {
	case invitation != "":
		return Plan{Invitation: invitation.Hash()}, nil
	case p == PerUser:
		name, err := rules.Parse(typed)
		return Plan{Tenant: name}, err
	case p == Personal:
		return Plan{Tenant: personalName(rules, shown, email), Numbered: true}, nil
	case p == ByInvitation:
		return Plan{}, ErrNeedsInvitation
	}
	return Plan{}, nil
}

// personalName names a tenant after its user: by his name, else by what is before the at sign of his address.
func personalName(rules NameRules, shown, email string) Name {
	local, _, _ := strings.Cut(email, "@")
	for _, candidate := range []string{shown, local, "Account " + local, "Personal account"} {
		if name, err := rules.Parse(candidate); err == nil {
			return name
		}
	}
	name, _ := NameRules{Reserved: []string{}}.Parse("Personal account")
	return name
}

// Numbered returns the name with a number behind it, for names that nobody typed: Alice, Alice 2, Alice 3. Below 2 it is the
// name itself.
func (n Name) Numbered(i int) Name {
	if i < 2 {
		return n
	}
	number := fmt.Sprintf(" %d", i)
	base := n.shown
	for utf8.RuneCountInString(base)+len(number) > MaxName {
		_, size := utf8.DecodeLastRuneInString(base)
		base = base[:len(base)-size]
	}
	// A beginning of a good name with a number is a good name, but for a base that has become empty of letters.
	numbered, err := NameRules{Reserved: []string{}}.Parse(base + number)
	if err != nil {
		return n
	}
	return numbered
}
