package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	openid "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// provider is one provider, of which the endpoints are looked up when they are needed for the first time.
type provider struct {
	Provider
	redirect string
	client   *http.Client
	now      func() time.Time

	mu      sync.Mutex
	found   *openid.Provider
	failure error // of the last look-up
	again   time.Time
}

// pause is how long a look-up that failed is not tried again: who waits for it does not wait for one of his own.
const pause = 5 * time.Second

func newProvider(p Provider, redirect string, client *http.Client, now func() time.Time) *provider {
	return &provider{Provider: p, redirect: redirect, client: client, now: now}
}

// discover returns the provider's endpoints and keys. Requests that come at the same time wait for one look-up.
func (p *provider) discover(ctx context.Context) (*openid.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil || p.now().Before(p.again) {
		return p.found, p.failure
	}
	p.found, p.failure = openid.NewProvider(openid.ClientContext(ctx, p.client), p.Issuer)
	if p.failure != nil {
		p.found, p.failure = nil, fmt.Errorf("oidc: discovery of %s: %w", p.Name, p.failure)
		p.again = p.now().Add(pause)
	}
	return p.found, p.failure
}

func (p *provider) oauth(found *openid.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.redirect, Scopes: p.Scopes}
}

// authURL is where the person signs in.
func (p *provider) authURL(ctx context.Context, f flow, options []oauth2.AuthCodeOption) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	if p.MaxAge > 0 && f.Again == 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(p.MaxAge/time.Second))))
	}
	options = append(options, openid.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return p.oauth(found).AuthCodeURL(f.State, options...), nil
}

// person is what a provider says of somebody.
type person struct {
	Issuer, Subject string
	Email           string // empty: none that the provider vouches for
	Name            string
}

// claims are what this package reads of an ID token, or of the answer of the userinfo endpoint.
type claims struct {
	AuthorizedParty string  `json:"azp"`
	AuthTime        float64 `json:"auth_time"`
	Email           string  `json:"email"`
	EmailVerified   loose   `json:"email_verified"`
	Name            string  `json:"name"`
}

// loose is a truth that some providers write as text.
type loose bool

func (l *loose) UnmarshalJSON(data []byte) error {
	var truth any
	if err := json.Unmarshal(data, &truth); err != nil {
		return err
	}
	*l = truth == true || truth == "true"
	return nil
}

// errAway: the provider does not answer, or not as it should. It may pass.
var errAway = errors.New("oidc: provider does not answer")

// redeem asks the provider whom a code stands for, and believes the answer only when everything about it is right: it was
// signed with a key of this provider, for this client, for this flow, and is not old.
func (p *provider) redeem(ctx context.Context, f flow, code, issuer string) (person, error) {
	ctx = openid.ClientContext(ctx, p.client)
	found, err := p.discover(ctx)
	if err != nil {
		return person{}, errors.Join(errAway, err)
	}
	if err := p.checkIssuer(found, issuer); err != nil {
		return person{}, err
	}
	token, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return person{}, p.exchangeFailed(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return person{}, errors.New("oidc: answer has no ID token")
	}
	// The algorithms are those of the discovery document; "none" and shared secrets are never among them.
	verified, err := found.Verifier(&openid.Config{ClientID: p.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return person{}, fmt.Errorf("oidc: ID token: %w", err)
	}
	var said claims
	if err := verified.Claims(&said); err != nil {
		return person{}, fmt.Errorf("oidc: ID token: %w", err)
	}
	switch {
	case verified.Subject == "" || len(verified.Subject) > 255 || strings.ContainsFunc(verified.Subject, unicode.IsControl):
		return person{}, errors.New("oidc: ID token has no usable subject")
	case subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(f.Nonce)) != 1:
		return person{}, errors.New("oidc: ID token is of another flow")
	case said.AuthorizedParty != "" && said.AuthorizedParty != p.ClientID,
		said.AuthorizedParty == "" && len(verified.Audience) > 1:
		return person{}, errors.New("oidc: ID token is for another client")
	}
	if err := p.checkAge(f, said.AuthTime); err != nil {
		return person{}, err
	}
	if said.Email == "" && found.UserInfoEndpoint() != "" {
		if said, err = p.askMore(ctx, found, token, verified.Subject, said); err != nil {
			return person{}, err
		}
	}
	who := person{Issuer: p.Issuer, Subject: verified.Subject, Name: cleanName(said.Name)}
	if email := strings.TrimSpace(said.Email); bool(said.EmailVerified) && isAddress(email) {
		who.Email = email
	}
	return who, nil
}

// cleanName returns what a person calls himself at the provider, without what a name has not, and not longer than names are.
func cleanName(said string) string {
	name := []rune(strings.Join(strings.FieldsFunc(said, isGap), " "))
	return string(name[:min(len(name), maxName)])
}

// isAddress reports whether what a provider says can be an e-mail address.
func isAddress(said string) bool {
	return len(said) <= maxEmail && strings.Contains(said, "@") && !strings.ContainsFunc(said, isGap)
}

func isGap(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

const (
	maxName  = 100 // characters
	maxEmail = 254 // bytes
)

// checkIssuer refuses an answer that says it is of another provider, where somebody lets two of them be taken for each other
// (RFC 9207). A provider that always says so must.
func (p *provider) checkIssuer(found *openid.Provider, issuer string) error {
	var says struct {
		Always bool `json:"authorization_response_iss_parameter_supported"`
	}
	_ = found.Claims(&says) // it was JSON when it was found
	if issuer == "" && !says.Always || issuer == p.Issuer {
		return nil
	}
	return errors.New("oidc: answer is of another provider")
}

// leeway is how far the clock of a provider may be off.
const leeway = time.Minute

// checkAge holds the provider to how recently the person has to have signed in there.
func (p *provider) checkAge(f flow, authTime float64) error {
	var since time.Time
	switch {
	case f.Again != 0:
		since = time.Unix(f.Again, 0)
	case p.MaxAge > 0:
		since = p.now().Add(-p.MaxAge)
	default:
		return nil
	}
	if time.Unix(int64(authTime), 0).Before(since.Add(-leeway)) {
		return errors.New("oidc: person signed in at the provider too long ago")
	}
	return nil
}

// askMore asks for what the ID token does not say of the person.
func (p *provider) askMore(
	ctx context.Context, found *openid.Provider, token *oauth2.Token, subject string, said claims,
) (claims, error) {
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return said, errors.Join(errAway, fmt.Errorf("oidc: userinfo: %w", err))
	}
	if info.Subject != subject {
		return said, errors.New("oidc: userinfo is about somebody else")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return said, fmt.Errorf("oidc: userinfo: %w", err)
	}
	said.Email, said.EmailVerified = more.Email, more.EmailVerified
	if said.Name == "" {
		said.Name = more.Name
	}
	return said, nil
}

// exchangeFailed tells a code that the provider does not take from a provider that is away, without the body of its answer,
// which may hold anything.
func (p *provider) exchangeFailed(err error) error {
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) {
		return errors.Join(errAway, err)
	}
	status := 0
	if answered.Response != nil {
		status = answered.Response.StatusCode
	}
	failed := fmt.Errorf("oidc: provider does not take the code: status %d, error %q", status, answered.ErrorCode)
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return errors.Join(errAway, failed)
	}
	return failed
}
