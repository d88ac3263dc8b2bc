package stage

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Visitor returns a browser that has never been anywhere.
func (s *Stage) Visitor() *sitetest.Visitor { return sitetest.NewVisitor(s) }

// SignedIn returns a browser in which these people are signed in, the last one current.
func (s *Stage) SignedIn(emails ...string) *sitetest.Visitor {
	s.Helper()
	v := s.Visitor()
	v.SignIn(s.One, emails[0])
	for _, email := range emails[1:] {
		v.Add(s.One, email)
	}
	v.Get(s.One, "/") // shows, and so takes away, what signing in has to say
	return v
}

// Holding returns a client without a memory that sends this session cookie and no other.
func (s *Stage) Holding(cookie string) *sitetest.Visitor {
	return sitetest.Holding(s, sitetest.Cookie+"="+cookie)
}

// ID returns the id of the account of a session that has an e-mail address.
func (s *Stage) ID(v *sitetest.Visitor, email string) string {
	s.Helper()
	found, ok := v.Document(s.One).Find(email)
	if !ok {
		s.Fatalf("stage: %s is not in the session", email)
	}
	return found.ID
}

// Staff returns a browser of somebody who may make people active and inactive, as a back office does.
func (s *Stage) Staff() *Staff { return &Staff{s.SignedIn(Carol)} }

// Staff is who works in the back office.
type Staff struct{ *sitetest.Visitor }

// SetStatus makes an account active or inactive on node n and returns the answer.
func (v *Staff) SetStatus(n *sitetest.Node, id, status string) sitetest.Answer {
	return v.Post(n, "/demo/users/"+id+"/status", url.Values{"status": {status}})
}

// Insert writes a person straight into the database, such as the registration form would not take, with a tenant of his own.
// The password is the one of everybody.
func (s *Stage) Insert(name, email string) (id string) {
	s.Helper()
	users := s.Database.Users()
	_, hash, err := users.ByEmail(s.Context(), Alice)
	if err != nil {
		s.Fatalf("stage: insert a person: %v", err)
	}
	own, err := tenant.ParseName("Tenant " + rand.Text())
	if err != nil {
		s.Fatalf("stage: insert a person: %v", err)
	}
	user, err := users.Register(s.Context(), auth.Registration{Email: email, Name: name, PasswordHash: hash, Tenant: own})
	if err != nil {
		s.Fatalf("stage: insert a person: %v", err)
	}
	return user.ID
}

// People returns the e-mail addresses of n people of this attack's own.
func (s *Stage) People(n int) []string {
	s.Helper()
	emails := make([]string, n)
	for i := range emails {
		name := "p" + strings.ToLower(rand.Text()[:16])
		emails[i] = name + "@example.org"
		s.Insert("Person "+name, emails[i])
	}
	return emails
}

// Plant puts a session cookie into a browser, as somebody at the same computer or on a sibling site does.
func Plant(v *sitetest.Visitor, n *sitetest.Node, cookie string) {
	v.Take(n, sitetest.Answer{Header: http.Header{"Set-Cookie": {sitetest.Cookie + "=" + cookie + "; Path=/"}}})
}
