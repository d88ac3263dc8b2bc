package linear_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

var errLost = errors.New("connection reset")

// unsure is a store of this process to which some calls do not get through, and some of whose answers get lost.
type unsure struct {
	account.Store
}

// call makes a call, or not, and returns its error, or not.
func (unsure) call(do func() error) error {
	switch rand.IntN(30) {
	case 0:
		return errLost
	case 1:
		_ = do()
		return errLost
	case 2:
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
	}
	return do()
}

func (u unsure) Load(ctx context.Context, id account.SessionID) (s *account.Session, err error) {
	err = u.call(func() (err error) { s, err = u.Store.Load(ctx, id); return err })
	return s, err
}

func (u unsure) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	sent := s.Clone()
	err := u.call(func() error { return u.Store.Save(ctx, sent, ttl) })
	if err == nil {
		s.Revision = sent.Revision
	}
	return err
}

func (u unsure) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	return u.call(func() error { return u.Store.Delete(ctx, id, why) })
}

func (u unsure) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	return u.call(func() error { return u.Store.Touch(ctx, id, seen, ttl) })
}

// wire is a proxy in front of a server. Now and then it is slow, and now and then it cuts a connection on the way to the
// server, or on the way back: then the answer is lost, and what was asked for has been done.
func wire(t *testing.T, server string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	var carrying sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		carrying.Wait()
	})
	carrying.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			backend, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, backend)
			mu.Unlock()
			carrying.Go(func() { carry(backend, client) })
			carrying.Go(func() { carry(client, backend) })
		}
	})
	return l.Addr().String()
}

func carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		switch rand.IntN(60) {
		case 0:
			return
		case 1, 2:
			time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
		}
		if _, err := io.Writer(to).Write(buffer[:n]); err != nil {
			return
		}
	}
}
