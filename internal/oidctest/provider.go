// Package oidctest is a provider of OpenID Connect for tests, with one client. It keeps to the rules unless a test bends them.
package oidctest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// b64 is the encoding of tokens.
var b64 = base64.RawURLEncoding

// SigningKey is shared by all providers of the tests, because making one takes long.
var SigningKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// Provider is a provider with one client, at any redirect URI. Change its fields with Set.
type Provider struct {
	Asked  url.Values                          // the last request to sign somebody in
	Used   []string                            // codes that were redeemed, or tried again
	Finds  int                                 // look-ups of the discovery document
	Bend   func(claims map[string]any)         // changes what an ID token says
	Forge  func(claims map[string]any) string  // makes the ID token instead
	Info   map[string]any                      // answer of the userinfo endpoint; nil: there is none
	Fail   int                                 // status of the token endpoint; 0: it works
	Away   bool                                // no endpoint answers
	Always bool                                // says in its document that it names itself in answers
	Extra  func(answer url.Values, who string) // changes the answer that goes through the browser

	t      testing.TB
	server *httptest.Server
	issuer string
	now    func() time.Time
	people []Person

	mu    sync.Mutex
	codes map[string]grant
}

// grant is what a code stands for.
type grant struct {
	subject, nonce, challenge, redirect string
	claims                              map[string]any
}

// The client.
const (
	ClientID     = "the-app"
	ClientSecret = "the-app's secret"
)

// New starts a provider that speaks https and ends with the test; see Client.
func New(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := newProvider(t, now)
	p.server = httptest.NewTLSServer(p.handler())
	p.issuer = p.server.URL
	t.Cleanup(p.server.Close)
	return p
}

func newProvider(t testing.TB, now func() time.Time) *Provider {
	return &Provider{t: t, now: now, codes: map[string]grant{}}
}

func (p *Provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.chosen)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		away := p.Away
		p.mu.Unlock()
		if away {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Issuer returns the provider's name.
func (p *Provider) Issuer() string { return p.issuer }

// Client returns one that trusts the provider's certificate.
func (p *Provider) Client() *http.Client { return p.server.Client() }

// Set bends the provider.
func (p *Provider) Set(change func(p *Provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Finds++
	document := map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
		"jwks_uri": p.issuer + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": p.Always,
	}
	if p.Info != nil {
		document["userinfo_endpoint"] = p.issuer + "/userinfo"
	}
	answerJSON(w, document)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	public := SigningKey().PublicKey
	answerJSON(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
		"n": b64.EncodeToString(public.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(public.E)).Bytes())}}})
}

// Signs is what happens at the provider: the person whom the browser's redirect brings signs in, and is sent back. It returns
// the address of the callback.
func (p *Provider) Signs(target, subject string, claims map[string]any) string {
	p.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if got := u.Scheme + "://" + u.Host; got != p.issuer || !isWellFormed(q) {
		p.t.Fatalf("got a request to %s that this provider does not take", target)
	}
	return p.grant(q, subject, claims)
}

// isWellFormed reports whether a request is what the client has to send.
func isWellFormed(q url.Values) bool {
	return q.Get("client_id") == ClientID && q.Get("response_type") == "code" && q.Get("code_challenge_method") == "S256" &&
		q.Get("state") != "" && q.Get("nonce") != ""
}

// grant makes a code and returns the address of the callback with it.
func (p *Provider) grant(q url.Values, subject string, claims map[string]any) string {
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Asked = q
	p.codes[code] = grant{subject, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri"), claims}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	if p.Always {
		answer.Set("iss", p.issuer)
	}
	if p.Extra != nil {
		p.Extra(answer, subject)
	}
	return q.Get("redirect_uri") + "?" + answer.Encode()
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Fail != 0 {
		w.WriteHeader(p.Fail)
		answerJSON(w, map[string]any{"error": "server_error"})
		return
	}
	code := r.FormValue("code")
	p.Used = append(p.Used, code)
	g, known := p.codes[code]
	delete(p.codes, code)
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || id != ClientID || secret != ClientSecret || r.FormValue("redirect_uri") != g.redirect ||
		b64.EncodeToString(verifier[:]) != g.challenge {
		w.WriteHeader(http.StatusBadRequest)
		answerJSON(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.issuer, "sub": g.subject, "aud": ClientID, "nonce": g.nonce,
		"iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix()}
	maps.Copy(claims, g.claims)
	if p.Bend != nil {
		p.Bend(claims)
	}
	answer := map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 300}
	if p.Forge != nil {
		answer["id_token"] = p.Forge(claims)
	} else {
		answer["id_token"] = Signed(SigningKey(), map[string]any{"alg": "RS256", "kid": "1"}, claims)
	}
	answerJSON(w, answer)
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer access" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answerJSON(w, p.Info)
}

func answerJSON(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// Unsigned returns the first two parts of a token.
func Unsigned(header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	return b64.EncodeToString(h) + "." + b64.EncodeToString(c)
}

// Signed returns a token.
func Signed(key *rsa.PrivateKey, header, claims map[string]any) string {
	text := Unsigned(header, claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64.EncodeToString(signature)
}
