package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const commandTimes = 200

// ofTheRun are commands that do not belong to a request: of this program, and the probe of a node's subscription, which
// comes every few seconds.
var ofTheRun = map[string]bool{"info": true, "config|resetstat": true, "ping": true}

// inTheScript are the commands that Redis executes inside of a save. They cost no round trip.
var inTheScript = map[string]bool{"hmget": true, "hset": true, "pexpire": true, "publish": true}

// commands counts what Redis is asked. The numbers are exact: one round trip for a page is a promise, not an aim.
func (b *bench) commands() error {
	server, err := b.start("site")
	if err != nil {
		return err
	}
	defer server.stop()
	http, err := dialHTTP(server.addr)
	if err != nil {
		return err
	}
	defer http.close()
	p, err := b.signIn(5)
	if err != nil {
		return err
	}
	page := func(path, cookie string) func() error {
		return func() error {
			r, err := http.do(get(server.addr, path, cookie))
			if err == nil && r.status != 200 {
				err = fmt.Errorf("GET %s: status %d", path, r.status)
			}
			return err
		}
	}
	anonymous := []byte("GET /public HTTP/1.1\r\nHost: " + server.addr + "\r\n\r\n")
	var rows [][]string
	for _, request := range []struct {
		name       string
		roundTrips float64
		do         func() error
	}{
		{"page, signed in, 5 accounts", 1, page("/", p.cookie)},
		{"page, no cookie", 0, func() error { _, err := http.do(anonymous); return err }},
		{"page, forged cookie", 0, page("/public", strings.Repeat("!", 64))},
		{"switch: the request's one read and one script", 2, func() error {
			to := p.other()
			r, err := http.do(p.switchTo(server.addr, to))
			if err != nil {
				return err
			}
			return p.switched(r, to)
		}},
		{"tab socket: who asks, and after joining the newest state", 2, func() error {
			t, err := openTab(server.addr, tabPath(p.session.Version), p.cookie)
			if err != nil {
				return err
			}
			defer t.close()
			_, err = t.expect(opText)
			return err
		}},
	} {
		calls, err := b.count(request.do)
		if err != nil {
			return fmt.Errorf("%s: %w", request.name, err)
		}
		trips := 0.0
		var sent, inside []string
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			count := float64(calls[name]) / commandTimes
			if inTheScript[name] {
				inside = append(inside, fmt.Sprintf("%s %.2f", name, count))
				continue
			}
			trips += count
			sent = append(sent, fmt.Sprintf("%s %.2f", name, count))
		}
		rows = append(rows, []string{request.name, fmt.Sprintf("%.2f", trips),
			strings.Join(sent, ", "), strings.Join(inside, ", ")})
		b.report.aim("Redis round trips: "+request.name, trips, request.roundTrips)
	}
	table("What Redis is asked", fmt.Sprintf("Counted by Redis over %d requests each.", commandTimes),
		[]string{"request", "round trips", "commands", "inside of the script"}, rows)
	return nil
}

// count counts commands over many requests, after one that makes connections and loads scripts.
func (b *bench) count(do func() error) (map[string]int, error) {
	if err := do(); err != nil {
		return nil, err
	}
	if err := b.rdb.ConfigResetStat(b.ctx).Err(); err != nil {
		return nil, err
	}
	for range commandTimes {
		if err := do(); err != nil {
			return nil, err
		}
	}
	calls, err := b.calls()
	maps.DeleteFunc(calls, func(name string, _ int) bool { return ofTheRun[name] })
	return calls, err
}
