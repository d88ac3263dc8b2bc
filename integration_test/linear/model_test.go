// Package linear_test looks at histories of concurrent clients: could one record have answered like this?
package linear_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/multiaccount-go/multiaccount/account"
)

// request is one call of a store. Each save writes another text, so that what is found says who wrote it.
type request struct {
	session account.SessionID
	kind    string // "load", "save", "touch" or "delete"
	base    string // what the session said that is being saved
	text    string // what is written
}

// answer is what came of it.
type answer struct {
	result string // "ok", "conflict", "not found", or "unknown": it may have happened, may yet happen, or not
	text   string // what was found
}

// record is what a store holds of one session.
type record struct {
	text  string
	ended bool
}

// rules are what a store may do beside its contract.
type rules struct {
	// repeats: the client sends a call again whose answer got lost. When others have written in between, the second answer
	// is a conflict, or that there is no session, although the first one was the cause.
	repeats bool
	// moves: a session that changes hands counts as written, so a save can be refused over what it loaded.
	moves bool
}

func (r rules) model() porcupine.Model {
	step := func(from, in, out any) []any {
		now, q, a := from.(record), in.(request), out.(answer)
		same := []any{now}
		if q.kind == "save" {
			written, fits := any(record{text: q.text}), !now.ended && now.text == q.base
			switch {
			case a.result == "ok" && fits:
				return []any{written}
			case a.result == "conflict" && fits && r.repeats, a.result == "unknown" && fits:
				return []any{now, written}
			case a.result == "conflict" && (!fits || r.moves), a.result == "unknown":
				return same
			}
			return nil
		}
		if q.kind == "delete" {
			gone := any(record{text: now.text, ended: true})
			switch {
			case a.result == "ok" && !now.ended:
				return []any{gone}
			case a.result == "not found" && !now.ended && r.repeats, a.result == "unknown":
				return []any{now, gone}
			case a.result == "not found" && now.ended:
				return same
			}
			return nil
		}
		ok := a.result == "ok" && !now.ended && (q.kind == "touch" || a.text == now.text)
		if ok || a.result == "not found" && now.ended || a.result == "unknown" {
			return same
		}
		return nil
	}
	return (&porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
			at := map[account.SessionID]int{}
			for _, o := range history {
				id := o.Input.(request).session
				if _, ok := at[id]; !ok {
					at[id] = len(parts)
					parts = append(parts, nil)
				}
				parts[at[id]] = append(parts[at[id]], o)
			}
			return parts
		},
		Init: func() []any { return []any{record{text: "first"}} },
		Step: step,
	}).ToModel()
}

const (
	rounds   = 12
	clients  = 5
	calls    = 12 // of each client in a round, at least
	sessions = 2  // in a round
)

// history has clients work on few sessions at the same time. handle returns a store as one of several processes has it;
// create saves the sessions before they begin.
func history(t *testing.T, create account.Store, handle func(client int) account.Store) []porcupine.Operation {
	t.Helper()
	var mu sync.Mutex
	var all []porcupine.Operation
	began := time.Now()
	note := func(client int, q request, call func(ctx context.Context) (string, error)) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		from := time.Since(began).Nanoseconds()
		text, err := call(ctx)
		o := porcupine.Operation{ClientId: client, Input: q, Call: from, Return: time.Since(began).Nanoseconds()}
		switch {
		case err == nil:
			o.Output = answer{"ok", text}
		case errors.Is(err, account.ErrConflict):
			o.Output = answer{result: "conflict"}
		case errors.Is(err, account.ErrNotFound):
			o.Output = answer{result: "not found"}
		default:
			o.Output, o.Return = answer{result: "unknown"}, time.Hour.Nanoseconds()
		}
		mu.Lock()
		defer mu.Unlock()
		if o.Return < time.Hour.Nanoseconds() || q.kind == "save" || q.kind == "delete" { // else it says nothing
			all = append(all, o)
		}
		return text, err
	}
	for round := range rounds {
		var ids []account.SessionID
		for range sessions {
			out, err := account.NewManager(create, account.Options{Timeout: 10 * time.Second}).
				SignInWith(t.Context(), nil, nil, account.Proof{Account: "alice", Method: "password", Device: "first"})
			if err != nil {
				t.Fatalf("sign in: %v", err)
			}
			ids = append(ids, out.Session.ID)
		}
		var working sync.WaitGroup
		for client := range clients {
			store := handle(client)
			working.Go(func() {
				for i := range calls {
					id := ids[rand.IntN(len(ids))]
					dice := rand.IntN(100)
					switch {
					case dice < 10:
						_, _ = note(client, request{session: id, kind: "touch"}, func(ctx context.Context) (string, error) {
							return "", store.Touch(ctx, id, time.Now(), time.Hour)
						})
						continue
					case dice < 12 && i > calls/2:
						_, _ = note(client, request{session: id, kind: "delete"}, func(ctx context.Context) (string, error) {
							return "", store.Delete(ctx, id, account.ReasonSignedOut)
						})
						continue
					}
					var s *account.Session
					text, err := note(client, request{session: id, kind: "load"}, func(ctx context.Context) (_ string, err error) {
						if s, err = store.Load(ctx, id); err != nil {
							return "", err
						}
						return s.Device, nil
					})
					if err != nil || dice < 40 {
						continue
					}
					s.Device = fmt.Sprint(round, ".", client, ".", i)
					_, _ = note(client, request{session: id, kind: "save", base: text, text: s.Device}, func(ctx context.Context) (string, error) {
						return "", store.Save(ctx, s, time.Hour)
					})
				}
			})
		}
		working.Wait()
	}
	return all
}

// judge reports whether a history can be one of single records.
func judge(t *testing.T, r rules, all []porcupine.Operation) porcupine.CheckResult {
	t.Helper()
	counted := map[string]int{}
	for _, o := range all {
		counted[o.Input.(request).kind+" "+o.Output.(answer).result]++
	}
	t.Logf("%d calls: %v", len(all), counted)
	for _, kind := range []string{"load ok", "save ok", "save conflict"} {
		if counted[kind] == 0 {
			t.Errorf("no %q: nothing was tried", kind)
		}
	}
	return porcupine.CheckOperationsTimeout(r.model(), all, 30*time.Second)
}
