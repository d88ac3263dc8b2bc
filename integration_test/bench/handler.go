package main

import (
	"fmt"
	"time"
)

const (
	handlerRounds   = 7
	handlerRequests = 1000 // in a round, one after the other
	handlerAim      = 1.15 // for time and for CPU, with 5 accounts
	allocationAim   = 30   // beyond the floor
)

// handler measures what Handler adds to every request of an app, which decides whether it may be mounted before everything.
// The answer is two bytes, so nothing of an app hides it. Against "bare" it is the whole price; "decode" tells which part
// of that is the JSON of the record.
func (b *bench) handler() error {
	sides := []*pageSide{{role: "site"}, {role: "bare"}, {role: "decode"}}
	for _, s := range sides {
		var err error
		if s.server, err = b.start(s.role); err != nil {
			return err
		}
		defer s.server.stop()
		if s.http, err = dialHTTP(s.server.addr); err != nil {
			return err
		}
		defer s.http.close()
	}
	var rows [][]string
	for _, accounts := range []int{1, 3, 5} {
		p, err := b.signIn(accounts)
		if err != nil {
			return err
		}
		if err := b.checkKey(p.session.ID); err != nil {
			return err
		}
		for _, s := range sides {
			s.reset(p)
		}
		for range 1 + handlerRounds {
			for _, s := range sides {
				if err := s.round(); err != nil {
					return fmt.Errorf("%s: %w", s.role, err)
				}
			}
		}
		ours, bare, decode := sides[0], sides[1], sides[2]
		elapsed, cpu := over(ours.times(), bare.times()), over(ours.cpus(), bare.cpus())
		three := func(format string, of func(*pageSide) float64) string {
			return fmt.Sprintf(format+" / "+format+" / "+format, of(ours), of(bare), of(decode))
		}
		rows = append(rows, []string{
			fmt.Sprint(accounts),
			three("%.1f", func(s *pageSide) float64 { return spreadOf(s.times()).median }),
			elapsed.String(), over(ours.times(), decode.times()).String(),
			three("%.1f", func(s *pageSide) float64 { return spreadOf(s.cpus()).median }),
			cpu.String(), over(ours.cpus(), decode.cpus()).String(),
			three("%.0f", (*pageSide).allocations),
		})
		if accounts == 5 {
			b.report.aim("handler, 5 accounts: time against bare", elapsed.median, handlerAim)
			b.report.aim("handler, 5 accounts: CPU against bare", cpu.median, handlerAim)
			b.report.aim("handler, 5 accounts: allocations beyond bare", ours.allocations()-bare.allocations(), allocationAim)
		}
	}
	table("A request through the handler", fmt.Sprintf("One at a time over one connection, %d requests in each of %d rounds; "+
		"ours / bare / decode. Bare: a Fiber route that parses the cookie and does the same HGETALL. Decode: and decodes the "+
		"record by encoding/json. The record stays the same, as between two switches: whatever ours remembers of it counts for "+
		"ours. Time is the median of a round, CPU that of the server process.", handlerRequests, handlerRounds),
		[]string{"accounts", "time, µs", "time to bare", "time to decode", "CPU, µs", "CPU to bare", "CPU to decode",
			"allocations"}, rows)
	return nil
}

// pageSide is one of the servers that answer the same page.
type pageSide struct {
	role    string
	server  *child
	http    *client
	request []byte
	warm    bool
	results []pageRound
}

type pageRound struct{ micros, cpuMicros, mallocs float64 }

func (s *pageSide) reset(p *person) {
	s.request, s.warm, s.results = get(s.server.addr, "/", p.cookie), false, nil
}

// round asks for the page again and again. The first round is to get warm and not counted.
func (s *pageSide) round() error {
	before, err := s.server.usage(false)
	if err != nil {
		return err
	}
	times := make([]time.Duration, handlerRequests)
	for i := range times {
		start := time.Now()
		r, err := s.http.do(s.request)
		if err != nil {
			return err
		}
		if r.status != 200 {
			return fmt.Errorf("status %d", r.status)
		}
		times[i] = time.Since(start)
	}
	after, err := s.server.usage(false)
	if err != nil {
		return err
	}
	if !s.warm {
		s.warm = true
		return nil
	}
	s.results = append(s.results, pageRound{
		micros:    float64(quantile(times, 0.5)) / float64(time.Microsecond),
		cpuMicros: float64(after.CPU-before.CPU) / handlerRequests / float64(time.Microsecond),
		mallocs:   float64(after.Mallocs-before.Mallocs) / handlerRequests,
	})
	return nil
}

func (s *pageSide) times() []float64 { return s.each(func(r pageRound) float64 { return r.micros }) }
func (s *pageSide) cpus() []float64  { return s.each(func(r pageRound) float64 { return r.cpuMicros }) }

func (s *pageSide) allocations() float64 {
	return spreadOf(s.each(func(r pageRound) float64 { return r.mallocs })).median
}

func (s *pageSide) each(of func(pageRound) float64) []float64 {
	values := make([]float64, len(s.results))
	for i, r := range s.results {
		values[i] = of(r)
	}
	return values
}
