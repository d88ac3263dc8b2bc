package oidc_test

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

var b64 = base64.RawURLEncoding

// signingKey is shared by all providers of the tests, because making one takes long.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// fakeProvider is a provider of OpenID Connect with one client, that keeps to the rules unless a test bends them.
type fakeProvider struct {
	t      *testing.T
	server *httptest.Server
	now    func() time.Time

	mu     sync.Mutex
	codes  map[string]grant
	used   []string // codes that were redeemed, or tried again
	asked  url.Values
	bend   func(claims map[string]any)         // changes what an ID token says
	forge  func(claims map[string]any) string  // makes the ID token instead
	info   map[string]any                      // answer of the userinfo endpoint; nil: there is none
	fail   int                                 // status of the token endpoint; 0: it works
	finds  int                                 // look-ups of the discovery document
	away   bool                                // no endpoint answers
	always bool                                // says in its document that it names itself in answers
	extra  func(answer url.Values, who string) // changes the answer that goes through the browser
}

// grant is what a code stands for.
type grant struct {
	subject, nonce, challenge, redirect string
	claims                              map[string]any
}

const (
	clientID     = "the-app"
	clientSecret = "the-app's secret"
)

func newFakeProvider(t *testing.T, now func() time.Time) *fakeProvider {
	t.Helper()
	p := &fakeProvider{t: t, now: now, codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		away := p.away
		p.mu.Unlock()
		if away {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *fakeProvider) issuer() string { return p.server.URL }

// set bends the provider.
func (p *fakeProvider) set(change func(p *fakeProvider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *fakeProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finds++
	document := map[string]any{
		"issuer": p.issuer(), "authorization_endpoint": p.issuer() + "/authorize", "token_endpoint": p.issuer() + "/token",
		"jwks_uri": p.issuer() + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": p.always,
	}
	if p.info != nil {
		document["userinfo_endpoint"] = p.issuer() + "/userinfo"
	}
	answerJSON(w, document)
}

func (p *fakeProvider) keys(w http.ResponseWriter, _ *http.Request) {
	public := signingKey().PublicKey
	answerJSON(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
		"n": b64.EncodeToString(public.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(public.E)).Bytes())}}})
}

// signs is what happens at the provider: the person whom the browser's redirect brings signs in, and is sent back. It returns
// the address of the callback.
func (p *fakeProvider) signs(target, subject string, claims map[string]any) string {
	p.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if got := u.Scheme + "://" + u.Host; got != p.issuer() || q.Get("client_id") != clientID || q.Get("response_type") != "code" ||
		q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
		p.t.Fatalf("got a request to %s that this provider does not take", target)
	}
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = q
	p.codes[code] = grant{subject, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri"), claims}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	if p.always {
		answer.Set("iss", p.issuer())
	}
	if p.extra != nil {
		p.extra(answer, subject)
	}
	return q.Get("redirect_uri") + "?" + answer.Encode()
}

func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != 0 {
		w.WriteHeader(p.fail)
		answerJSON(w, map[string]any{"error": "server_error"})
		return
	}
	code := r.FormValue("code")
	p.used = append(p.used, code)
	g, known := p.codes[code]
	delete(p.codes, code)
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || id != clientID || secret != clientSecret || r.FormValue("redirect_uri") != g.redirect ||
		b64.EncodeToString(verifier[:]) != g.challenge {
		w.WriteHeader(http.StatusBadRequest)
		answerJSON(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.issuer(), "sub": g.subject, "aud": clientID, "nonce": g.nonce,
		"iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix()}
	maps.Copy(claims, g.claims)
	if p.bend != nil {
		p.bend(claims)
	}
	answer := map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 300}
	if p.forge != nil {
		answer["id_token"] = p.forge(claims)
	} else {
		answer["id_token"] = signed(signingKey(), map[string]any{"alg": "RS256", "kid": "1"}, claims)
	}
	answerJSON(w, answer)
}

func (p *fakeProvider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer access" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answerJSON(w, p.info)
}

func answerJSON(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// unsigned returns the first two parts of a token.
func unsigned(header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	return b64.EncodeToString(h) + "." + b64.EncodeToString(c)
}

func signed(key *rsa.PrivateKey, header, claims map[string]any) string {
	text := unsigned(header, claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64.EncodeToString(signature)
}
