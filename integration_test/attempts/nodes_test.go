package attempts_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

type user struct{ ID string }

// node serves a site of its own that shares nothing with others but Redis, and returns its address. verified counts the
// passwords that were looked at.
func node(t *testing.T, redisAddr string, verified *atomic.Int64) string {
	t.Helper()
	rdb := client(t, redisAddr)
	tries, err := attempts.New(attempts.Config{
		Counter: redisstore.NewCounter(rdb), LoginKey: strings.ToLower, Log: quiet,
		Gate:       attempts.NewGate(attempts.GateConfig{AtOnce: 100, Waiting: 200, Patience: 30 * time.Second}),
		PerAccount: attempts.Backoff{Tries: 5, First: time.Hour, Longest: time.Hour, Memory: time.Hour},
		PerAddress: attempts.Rate{Tries: 10_000},
		Timeout:    20 * time.Second, // the machine may be busy, and this is not about time
	})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := multiaccount.New(multiaccount.Config[user]{
		Users: func(_ context.Context, ids ...string) (map[string]user, error) {
			found := map[string]user{}
			for _, id := range ids {
				found[id] = user{id}
			}
			return found, nil
		},
		Store: redisstore.New(rdb), Log: quiet, Sessions: account.Options{Timeout: 20 * time.Second},
		Cookie: multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(accounts.Handler)
	accounts.Register(app)
	app.Post("/session", accounts.SameOrigin(), func(c *fiber.Ctx) error {
		login, password := strings.Clone(c.FormValue("login")), strings.Clone(c.FormValue("password"))
		err := tries.Do(c.UserContext(), attempts.Try{Login: login, Address: c.IP()}, func(context.Context) error {
			verified.Add(1)
			time.Sleep(20 * time.Millisecond) // a hash
			if password != "right" {
				return fiber.ErrUnprocessableEntity
			}
			return nil
		})
		if err != nil {
			return err
		}
		return accounts.SignIn(c, strings.ToLower(login), "password")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Listener(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = accounts.Close(ctx)
		_ = app.ShutdownWithContext(ctx)
	})
	return l.Addr().String()
}

// post sends a try to a node.
func post(t *testing.T, addr, login, password string, headers ...string) (status int, header http.Header, body string) {
	t.Helper()
	form := url.Values{"login": {login}, "password": {password}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/session", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for i, pairs := 0, append([]string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "application/json",
		"Sec-Fetch-Site", "same-origin", "Origin", "http://" + addr}, headers...); i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Errorf("post: %v", err)
		return 0, nil, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("post: %v", err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

// RL-02: four nodes, two hundred guesses at once, a limit of five.
func TestGuessesAtFourNodesAtOnce(t *testing.T) {
	server := redisserver.Start(t)
	var verified atomic.Int64
	var nodes []string
	for range 4 {
		nodes = append(nodes, node(t, server.Addr, &verified))
	}
	var answers [600]atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for n := range 200 {
		wg.Go(func() {
			<-start
			spelling := []string{"victim", "VICTIM", "Victim"}[n%3]
			status, header, body := post(t, nodes[n%4], spelling, fmt.Sprint("guess ", n), "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n))
			answers[status].Add(1)
			if status == 429 && (header.Get("Retry-After") == "" || !strings.Contains(body, `"error":"rate_limited"`)) {
				t.Errorf("429 with Retry-After %q and %s", header.Get("Retry-After"), body)
			}
		})
	}
	close(start)
	wg.Wait()
	if verified.Load() != 5 || answers[422].Load() != 5 || answers[429].Load() != 195 {
		t.Errorf("%d passwords were looked at; %d answers 422, %d answers 429; want 5, 5, 195",
			verified.Load(), answers[422].Load(), answers[429].Load())
	}
	for _, addr := range nodes { // the right password finds the door shut at every node
		if status, header, _ := post(t, addr, "victim", "right"); status != 429 || header.Get("Set-Cookie") != "" {
			t.Errorf("the right password gets %d and %q", status, header.Get("Set-Cookie"))
		}
	}
	if status, _, _ := post(t, nodes[0], "somebody else", "right"); status != 200 {
		t.Errorf("somebody else gets %d", status)
	}
}

// Success at one node empties the bucket at all of them.
func TestSuccessCountsAtEveryNode(t *testing.T) {
	server := redisserver.Start(t)
	var verified atomic.Int64
	one, other := node(t, server.Addr, &verified), node(t, server.Addr, &verified)
	for round := range 3 {
		for n := range 4 {
			if status, _, _ := post(t, one, "alice", "typo"); status != 422 {
				t.Fatalf("round %d, typo %d: %d", round+1, n+1, status)
			}
		}
		if status, _, body := post(t, other, "alice", "right"); status != 200 {
			t.Fatalf("round %d: %d %s", round+1, status, body)
		}
	}
}
