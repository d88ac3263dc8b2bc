package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// applicant is a registration before it is made: what of the form can be kept. It travels as JSON while a link in an e-mail
// waits to be followed.
type applicant struct {
	Email        string
	Name         string
	PasswordHash string
	AccountName  string            // of a tenant of his own
	Numbered     bool              // the app chose AccountName, so that another one does as well
	Invitation   tenant.Hash       // to join
	Values       map[string]string // of Config.Fields
	Return       string            // path that he wanted to see; whoever leads there checks it
}

// registrationPage has the form to register.
func (a *Auth) registrationPage(c *fiber.Ctx) error {
	if err := a.cfg.Accounts.Available(c); err != nil {
		return err
	}
	wrong := Problems{}
	invitation := strings.Clone(c.Query(FieldInvitation))
	if a.cfg.Policy == tenant.ByInvitation && invitation == "" {
		a.note(wrong, "", "needs_invitation", "")
	}
	return a.drawRegistration(c, answer.Body{}, invitation, wrong)
}

// register creates a user with his tenant and signs him in, which also completes the link when somebody is just adding an
// account. Everything that is wrong is told at once.
func (a *Auth) register(c *fiber.Ctx) error {
	if err := a.cfg.Accounts.CanSignIn(c); err != nil {
		return err // before anything is created
	}
	ctx, cancel := within(c)
	defer cancel()
	p, wrong := answer.Read(c), Problems{}
	var who applicant
	var user User
	var taken bool
	err := a.cfg.Limits.Registration.Do(ctx, attempts.Try{Address: c.IP()}, func(ctx context.Context) (err error) {
		who, taken, err = a.apply(ctx, p, wrong)
		if err == nil && a.cfg.Mail == nil {
			user, err = a.create(ctx, who)
		}
		return err
	})
	if err == nil && a.cfg.Mail != nil {
		return a.askByMail(ctx, c, who, taken)
	}
	if err == nil {
		err = a.admit(c, user, who.Values)
	}
	var refused Problems
	if errors.As(err, &refused) || a.taken(wrong, err) {
		for field, problem := range refused {
			wrong[field] = problem
		}
		return a.invalid(c, wrong, func() error { return a.drawRegistration(c, p, p.Text(FieldInvitation), wrong) })
	}
	return a.failed(err)
}

// apply reads a registration form and makes the password's hash, when nothing is wrong with it: else it returns wrong. With
// mail, taken says that the address belongs to somebody, and nothing else tells it.
func (a *Auth) apply(ctx context.Context, p answer.Body, wrong Problems) (who applicant, taken bool, err error) {
	who.Email = a.email(wrong, p.Text(FieldEmail))
	typedName := a.name(wrong, p.Text(FieldName))
	secret := tenant.Secret(p.Text(FieldInvitation))
	plan, err := a.cfg.Policy.Plan(a.cfg.Names, secret, p.Text(FieldAccountName), typedName, who.Email)
	var badName *tenant.NameError
	switch {
	case errors.As(err, &badName):
		a.note(wrong, FieldAccountName, badName.Code, badName.Text)
	case errors.Is(err, tenant.ErrNeedsInvitation):
		a.note(wrong, "", "needs_invitation", "")
	case err != nil:
		return who, false, err
	}
	local, _, _ := strings.Cut(who.Email, "@")
	who.AccountName, who.Numbered, who.Invitation = plan.Tenant.String(), plan.Numbered, plan.Invitation
	who.Name = cmp.Or(typedName, local)
	if a.asksAccountName(string(secret)) {
		who.Name = who.AccountName // the one name that the form has
	}
	typed := a.newPassword(wrong, p, who.Email, who.Name, who.AccountName)
	who.Values = a.values(wrong, p)
	if taken, err = a.lookAhead(ctx, wrong, who, plan); err != nil {
		return who, false, err
	}
	if len(wrong) > 0 {
		return who, false, wrong
	}
	who.PasswordHash, err = a.cfg.Hasher.Hash(ctx, typed)
	return who, taken, err
}

// asksAccountName reports whether a registration form has a field for the name of a tenant rather than of the person.
func (a *Auth) asksAccountName(invitation string) bool {
	return a.cfg.Policy.AsksName() && invitation == ""
}

// lookAhead notes what is taken, so that it is told together with the other mistakes. The store decides when it registers;
// between here and there somebody else may be faster.
func (a *Auth) lookAhead(
	ctx context.Context, wrong Problems, who applicant, plan tenant.Plan,
) (emailTaken bool, err error) {
	email, name := who.Email, plan.Tenant
	if _, known := wrong[FieldEmail]; known {
		email = ""
	}
	if plan.Numbered {
		name = tenant.Name{} // another one does as well
	}
	err = a.cfg.Users.Available(ctx, email, name)
	if a.cfg.Mail != nil && errors.Is(err, ErrEmailTaken) {
		emailTaken = true
		if !errors.Is(err, tenant.ErrNameTaken) {
			return true, nil
		}
		err = tenant.ErrNameTaken
	}
	if err != nil && !a.taken(wrong, err) {
		return false, err
	}
	return emailTaken, nil
}

// create registers an applicant. A name that the app has chosen gets a number when it is taken.
func (a *Auth) create(ctx context.Context, who applicant) (User, error) {
	r := Registration{
		Email: who.Email, Name: who.Name, PasswordHash: who.PasswordHash, Invitation: who.Invitation, Now: a.cfg.Now(),
	}
	if who.AccountName == "" {
		return a.cfg.Users.Register(ctx, r)
	}
	// What is kept has passed the rules already.
	chosen, err := tenant.NameRules{Reserved: []string{}}.Parse(who.AccountName)
	if err != nil {
		return User{}, err
	}
	const counted, most = 9, 20 // Alice 2 to Alice 9, then by chance
	for try := 1; ; try++ {
		number := try
		if try > counted {
			number = 10 + rand.IntN(1_000_000)
		}
		r.Tenant = chosen.Numbered(number)
		user, err := a.cfg.Users.Register(ctx, r)
		again := who.Numbered && try < most && errors.Is(err, tenant.ErrNameTaken) && !errors.Is(err, ErrEmailTaken)
		if !again {
			return user, err
		}
	}
}

// admit tells the app of a new user and signs him in. Where one of that fails he is taken back, so that whoever tries again
// is not told that his own address is taken.
func (a *Auth) admit(c *fiber.Ctx, user User, values map[string]string) error {
	ctx, cancel := after(c.UserContext())
	defer cancel()
	if err := a.tellApp(ctx, user, values); err != nil {
		a.takeBack(ctx, user)
		var wrong Problems
		if errors.As(err, &wrong) || isAnswer(err) {
			return err
		}
		a.cfg.Log.Error("auth: Config.Registered refuses a user, who is deleted again", "user", user.ID, "err", err)
		return a.unavailable()
	}
	if err := a.cfg.Accounts.SignIn(c, user.ID, "registration"); err != nil {
		a.cfg.Log.Error("auth: a new user cannot be signed in and is deleted again", "user", user.ID, "err", err)
		if a.takeBack(ctx, user) {
			a.cfg.Deleted(ctx, user)
		}
		return err
	}
	a.happened(c, ActionRegistered, user.ID)
	a.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, about(a.cfg.Texts.Registered, cmp.Or(user.Name, user.Email)))
	return nil
}

// tellApp calls Config.Registered. A panic there is an error: it must not leave a user behind whom the app knows nothing of.
func (a *Auth) tellApp(ctx context.Context, user User, values map[string]string) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	return a.cfg.Registered(ctx, user, values)
}

// takeBack deletes a user who has just been made, whatever became of the request.
func (a *Auth) takeBack(ctx context.Context, user User) bool {
	ctx, cancel := after(ctx)
	defer cancel()
	err := a.cfg.Users.Delete(ctx, user.ID)
	if err != nil {
		a.cfg.Log.Error("auth: a user stays whose registration was refused", "user", user.ID, "err", err)
	}
	return err == nil
}
