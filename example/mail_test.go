package main

import (
	"fmt"
	"testing"

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
