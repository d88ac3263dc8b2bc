package redisstore

import (
	"context"
	"errors"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

// blobs returns a session id and two blobs of it: of one account, and of two.
func blobs(t *testing.T) (id account.SessionID, one, two string) {
	t.Helper()
	m := account.NewManager(account.NewMemoryStore(), account.Options{})
	ctx := context.Background()
	out, err := m.SignIn(ctx, nil, nil, "alice", "password")
	if err != nil {
		t.Fatal(err)
	}
	first, err := account.Encode(out.Session)
	if err != nil {
		t.Fatal(err)
	}
	s := out.Session.Clone()
	s.Accounts = append(s.Accounts, s.Accounts[0])
	s.Accounts[1].Account, s.Accounts[1].Membership = "bob", "another"
	second, err := account.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return s.ID, string(first), string(second)
}

func TestOtherBytesAreDecodedAnew(t *testing.T) {
	id, one, two := blobs(t)
	var r recent
	for _, tc := range []struct {
		data string
		want int
	}{{one, 1}, {one, 1}, {two, 2}, {one, 1}} {
		s, err := r.read(id, tc.data)
		if err != nil || len(s.Accounts) != tc.want {
			t.Fatalf("got %v, %v, want %d accounts", s, err, tc.want)
		}
	}
	if _, err := r.read(id, "{}"); !errors.Is(err, account.ErrBadRecord) {
		t.Errorf("unreadable bytes after readable ones: got %v, want ErrBadRecord", err)
	}
}

func TestWhatIsHandedOutIsACopy(t *testing.T) {
	id, one, _ := blobs(t)
	var r recent
	first, _ := r.read(id, one)
	first.Accounts[0].Account, first.Current = "mallory", "mallory"
	second, _ := r.read(id, one)
	if second.Accounts[0].Account != "alice" || second.Current == "mallory" {
		t.Errorf("a change of one caller shows at the next: %+v", second)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	_, one, _ := blobs(t)
	var r recent
	for range 5 * generation {
		r.keep(account.NewCookie().ID, decoded{one, &account.Session{}})
	}
	if n := len(r.now) + len(r.old); n > 2*generation {
		t.Errorf("%d records are kept, want at most %d", n, 2*generation)
	}
}
