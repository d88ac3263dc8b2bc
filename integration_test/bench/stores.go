package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

const (
	storeRounds   = 7
	storeTimes    = 200 // in a round
	storeSessions = 2000
	storeAim      = 1.5 // for the latency of a save, against the driver
)

// storeSide is one store and what lies beneath it.
type storeSide struct {
	name  string
	store account.Store
	used  func() (int64, error)         // bytes that all sessions take
	busy  func() (time.Duration, error) // CPU time of the server; nil: there is none
	trips func() int64                  // round trips to the server so far; nil: there is none
	tape  *tape                         // what the store tells its driver; nil: there is none
	close func()
}

// statement is what a store told its driver.
type statement func(ctx context.Context) error

// tape remembers statements, so that the driver alone can be told the same once more: the floor of a store.
type tape struct {
	recording  bool
	statements []statement
}

func (t *tape) add(s statement) {
	if t.recording {
		t.statements = append(t.statements, s)
	}
}

// of returns the statements of a piece of work.
func (t *tape) of(work func() error) ([]statement, error) {
	t.recording, t.statements = true, nil
	err := work()
	t.recording = false
	return t.statements, err
}

// stores compares the data layers: what a request and a switch ask of each, and what the store adds to its driver.
func (b *bench) stores() error {
	var rows [][]string
	for _, open := range []func() (*storeSide, error){b.memorySide, b.redisSide, b.sqliteSide, b.postgresSide} {
		side, err := open()
		if err != nil {
			return err
		}
		row, err := b.measureStore(side)
		side.close()
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		rows = append(rows, row)
	}
	table("The stores", fmt.Sprintf("One client, %d calls in each of %d rounds, sessions of 2 accounts. A request: Manager.Load; "+
		"a switch: Manager.Load and Manager.Change. Round trips: how often the client turns from reading to writing. CPU: of the "+
		"process that asks, and of the server. To the driver: the store's Load and Save against the driver alone, which is told "+
		"the very statements that the store had told it, in turns. Bytes: what %d sessions added to all that the store "+
		"keeps, indexes included. Redis keeps nothing on disk here, SQLite and PostgreSQL wait for the disk at each save, and the "+
		"CPU of SQLite is that of the process that asks.", storeTimes, storeRounds, storeSessions),
		[]string{"store", "round trips of a request", "of a switch", "load, µs", "to the driver", "save, µs", "to the driver",
			"CPU of a request, µs", "of the server, µs", "CPU of a switch, µs", "of the server, µs", "bytes of a session"}, rows)
	return nil
}

func (b *bench) measureStore(side *storeSide) ([]string, error) {
	sessions := account.NewManager(side.store, account.Options{SwitchesPerMinute: 1 << 30})
	bytes, err := b.sizeOfSession(side, sessions)
	if err != nil {
		return nil, err
	}
	p, err := signInAt(b.ctx, sessions, 2)
	if err != nil {
		return nil, err
	}
	cookie, err := account.ParseCookie(p.cookie)
	if err != nil {
		return nil, err
	}
	load, loadRatio, err := b.againstDriver(side, func(ctx context.Context) error {
		_, err := side.store.Load(ctx, p.session.ID)
		return err
	}, func() error { return nil })
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	save, saveRatio, err := b.saving(side)
	if err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	if saveRatio != nil {
		b.report.aim("store "+side.name+": save to the driver", saveRatio.median, storeAim)
	}
	request, err := b.spend(side, func() error {
		_, err := sessions.Load(b.ctx, cookie)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	change, err := b.spend(side, func() error {
		s, err := sessions.Load(b.ctx, cookie)
		if err != nil {
			return err
		}
		out, err := sessions.Change(b.ctx, s, cookie, func(s *account.Session, now time.Time) (account.Effect, error) {
			return s.Switch((&person{session: s}).other().Account, now, 1<<30)
		})
		if err == nil {
			cookie = *out.Cookie
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("switch: %w", err)
	}
	ratio := func(s *spread) string {
		if s == nil {
			return "–"
		}
		return s.String()
	}
	return []string{side.name, request.trips, change.trips, micro(load), ratio(loadRatio), micro(save), ratio(saveRatio),
		request.ours, request.servers, change.ours, change.servers, fmt.Sprint(bytes)}, nil
}

// sizeOfSession fills the store.
func (b *bench) sizeOfSession(side *storeSide, sessions *account.Manager) (int64, error) {
	before, err := side.used()
	if err != nil {
		return 0, err
	}
	for range storeSessions {
		if _, err := signInAt(b.ctx, sessions, 2); err != nil {
			return 0, err
		}
	}
	after, err := side.used()
	return (after - before) / storeSessions, err
}

// againstDriver times a call of the store, and the statements that it gave to its driver. again puts things to where
// the round begins. It returns the median time of a call in all rounds, and the ratio by rounds.
func (b *bench) againstDriver(
	side *storeSide, call func(context.Context) error, again func() error,
) (time.Duration, *spread, error) {
	var all []time.Duration
	var ours, floor []float64
	timeout := b.sessions.Options().Timeout
	for round := range 1 + storeRounds {
		times := make([]time.Duration, 0, storeTimes)
		work := func() error {
			for range storeTimes {
				start := time.Now()
				ctx, cancel := context.WithTimeout(b.ctx, timeout)
				err := call(ctx)
				cancel()
				if err != nil {
					return err
				}
				times = append(times, time.Since(start))
			}
			return nil
		}
		if err := again(); err != nil {
			return 0, nil, err
		}
		if side.tape == nil {
			if err := work(); err != nil {
				return 0, nil, err
			}
			all = append(all, times...)
			continue
		}
		statements, err := side.tape.of(work)
		if err == nil {
			err = again()
		}
		if err != nil {
			return 0, nil, err
		}
		each := len(statements) / storeTimes
		if each == 0 || len(statements)%storeTimes != 0 {
			return 0, nil, fmt.Errorf("%d statements for %d calls", len(statements), storeTimes)
		}
		bare := make([]time.Duration, 0, storeTimes)
		for call := range slices.Chunk(statements, each) {
			start := time.Now()
			for _, s := range call {
				if err := s(b.ctx); err != nil {
					return 0, nil, fmt.Errorf("the driver alone: %w", err)
				}
			}
			bare = append(bare, time.Since(start))
		}
		if round == 0 {
			continue // to get warm
		}
		all = append(all, times...)
		ours, floor = append(ours, float64(quantile(times, 0.5))), append(floor, float64(quantile(bare, 0.5)))
	}
	if side.tape == nil {
		return quantile(all, 0.5), nil, nil
	}
	ratio := over(ours, floor)
	return quantile(all, 0.5), &ratio, nil
}

// saving times a save. So that the driver can repeat it, the session starts anew before.
func (b *bench) saving(side *storeSide) (time.Duration, *spread, error) {
	p, err := signInAt(b.ctx, account.NewManager(side.store, account.Options{}), 2)
	if err != nil {
		return 0, nil, err
	}
	s := p.session.Clone()
	begin := func() error {
		if err := side.store.Delete(b.ctx, s.ID, account.ReasonSignedOut); err != nil {
			return err
		}
		s.Revision = 0
		return side.store.Save(b.ctx, s, time.Hour)
	}
	return b.againstDriver(side, func(ctx context.Context) error {
		s.Version++
		return side.store.Save(ctx, s, time.Hour)
	}, begin)
}

// spending is what one call costs.
type spending struct{ trips, ours, servers string }

func (b *bench) spend(side *storeSide, do func() error) (spending, error) {
	if err := do(); err != nil { // makes connections and loads scripts
		return spending{}, err
	}
	const times = storeRounds * storeTimes
	spent := spending{trips: "0", servers: "–"}
	var trips int64
	var server time.Duration
	var err error
	if side.trips != nil {
		trips = side.trips()
	}
	if side.busy != nil {
		if server, err = side.busy(); err != nil {
			return spent, err
		}
	}
	own, err := ownCPU()
	if err != nil {
		return spent, err
	}
	for range times {
		if err := do(); err != nil {
			return spent, err
		}
	}
	after, err := ownCPU()
	if err != nil {
		return spent, err
	}
	spent.ours = micro((after - own) / times)
	if side.busy != nil {
		after, err := side.busy()
		if err != nil {
			return spent, err
		}
		spent.servers = micro((after - server) / times)
	}
	if side.trips != nil {
		spent.trips = fmt.Sprintf("%.2f", float64(side.trips()-trips)/times)
	}
	return spent, nil
}

// ownCPU is the time that this process has spent in user and in kernel mode.
func ownCPU() (time.Duration, error) {
	var r syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), err
}
