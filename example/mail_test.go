package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/multiaccount-go/multiaccount/tenant"
	"github.com/redis/go-redis/v9"
)

func TestLettersWaitForTheirAddressAlone(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { rdb.Close() })
	m := mailbox{rdb}
	for n := range maxLetters + 5 {
		i := tenant.Invitation{Email: tenant.EmailKey("Bob@Example.com")}
		if err := m.invite(t.Context(), i, tenant.Tenant{Name: "Acme"}, fmt.Sprint("http://127.0.0.1:3000/invitations/", n)); err != nil {
			t.Fatal(err)
		}
	}
	letters, err := m.of(t.Context(), " bob@example.com")
	if err != nil || len(letters) != maxLetters || letters[0].Path != "/invitations/24" || letters[0].From != "Acme" {
		t.Errorf("got %d letters, %v: %+v", len(letters), err, letters)
	}
	if others, err := m.of(t.Context(), "carol@example.com"); err != nil || len(others) != 0 {
		t.Errorf("Carol has %+v, %v", others, err)
	}
	if ttl := rdb.TTL(t.Context(), mailKey("bob@example.com")).Val(); ttl <= 0 || ttl > letterLife {
		t.Errorf("letters live for %v", ttl)
	}
}

func TestLinksToSignInWaitForAQuarterOfAnHour(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { rdb.Close() })
	m, now := mailbox{rdb}, time.Now()
	if err := m.signIn(t.Context(), "bob@example.com", "http://127.0.0.1:3000/magic_link/secret"); err != nil {
		t.Fatal(err)
	}
	links, err := m.links(t.Context(), now)
	if err != nil || len(links) != 1 || links[0].To != "bob@example.com" || links[0].Path != "/magic_link/secret" {
		t.Errorf("got %+v, %v", links, err)
	}
	if late, err := m.links(t.Context(), now.Add(linkLife+time.Second)); err != nil || len(late) != 0 {
		t.Errorf("got %+v, %v after their time", late, err)
	}
	server.FastForward(linkLife)
	if rdb.Exists(t.Context(), linksKey).Val() != 0 {
		t.Error("Redis keeps secrets that open nothing")
	}
	if letters, err := m.of(t.Context(), "bob@example.com"); err != nil || len(letters) != 0 {
		t.Errorf("Bob's own box has %+v, %v", letters, err)
	}
}
