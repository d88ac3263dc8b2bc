package main

import (
	"fmt"
	"slices"
)

const (
	memoryPairs   = 3
	memoryTabs    = 1500
	memoryWarm    = 100 // opened first, so that what a process makes once is there
	tabsOfSession = 2   // a group for so many tabs is part of what they cost
	memoryAim     = 1.0
)

// memory measures what an idle tab holds on to, which decides how many a process can serve and whether a leaner transport
// is worth its code.
func (b *bench) memory() error {
	kinds := []struct {
		name, role string
		open       func(addr string, p *person) (idler, error)
	}{
		{"tab", "site", openIdleTab},
		{"echo", "echo", openEcho},
		{"view", "views", openIdleTab},
		{"stream", "views", openStream},
	}
	found := make(map[string][]footprint)
	for range memoryPairs {
		for _, kind := range kinds {
			f, err := b.footprint(kind.role, kind.open)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			found[kind.name] = append(found[kind.name], f)
		}
	}
	var rows [][]string
	for _, number := range []struct {
		name  string
		aimed bool
		of    func(footprint) float64
	}{
		{"resident memory (RSS), KiB", true, func(f footprint) float64 { return f.rss / 1024 }},
		{"heap and stack, KiB", true, func(f footprint) float64 { return (f.heap + f.stack) / 1024 }},
		{"of that stack, KiB", false, func(f footprint) float64 { return f.stack / 1024 }},
		{"goroutines", false, func(f footprint) float64 { return f.goroutines }},
	} {
		our, echo := each(found["tab"], number.of), each(found["echo"], number.of)
		view, stream := each(found["view"], number.of), each(found["stream"], number.of)
		if echo[0] == 0 {
			continue // this system does not tell
		}
		ratio := over(our, echo)
		rows = append(rows, []string{number.name, spreadOf(our).String(), spreadOf(echo).String(), ratio.String(),
			spreadOf(view).String(), over(view, our).String(), over(view, echo).String(),
			spreadOf(stream).String(), over(stream, view).String()})
		if number.aimed {
			b.report.aim("idle tab: "+number.name+" to bare echo", ratio.median, memoryAim)
		}
	}
	table("An idle tab", fmt.Sprintf("%d tabs more than %d, %d to a session, with all headers of a browser; each has got one "+
		"text and, unless it is a stream, one pong, and all were open at the end. A fresh server for each of %d rounds, "+
		"after garbage collection. Echo: "+
		"contrib/websocket with its defaults and a loop of ReadMessage and WriteMessage. View: a live view of the account with a "+
		"list of ten rows. Stream: the same view over an event stream, as where websockets are blocked.",
		memoryTabs, memoryWarm, tabsOfSession, memoryPairs),
		[]string{"for each tab", "ours", "echo", "ours to echo", "view", "view to ours", "view to echo",
			"stream", "stream to view"}, rows)
	return nil
}

func each(all []footprint, of func(footprint) float64) []float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	return values
}

// footprint is what one tab costs the server.
type footprint struct{ rss, heap, stack, goroutines float64 }

func (b *bench) footprint(role string, open func(addr string, p *person) (idler, error)) (f footprint, err error) {
	server, err := b.start(role)
	if err != nil {
		return f, err
	}
	defer server.stop()
	warm, err := b.idle(server, memoryWarm, open)
	defer func() { closeAll(warm) }()
	if err != nil {
		return f, err
	}
	before, err := server.usage(true)
	if err != nil {
		return f, err
	}
	tabs, err := b.idle(server, memoryTabs, open)
	defer func() { closeAll(tabs) }()
	if err != nil {
		return f, err
	}
	after, err := server.usage(true)
	if err != nil {
		return f, err
	}
	for i, t := range slices.Concat(warm, tabs) {
		if err := t.alive(); err != nil {
			return f, fmt.Errorf("tab %d is not open any more: %w", i+1, err)
		}
	}
	return footprint{
		rss:        float64(after.RSS-before.RSS) / memoryTabs,
		heap:       float64(after.Heap-before.Heap) / memoryTabs,
		stack:      float64(after.Stack-before.Stack) / memoryTabs,
		goroutines: float64(after.Goroutines-before.Goroutines) / memoryTabs,
	}, nil
}

// idle opens tabs that have all been used once.
func (b *bench) idle(server *child, n int, open func(addr string, p *person) (idler, error)) (tabs []idler, err error) {
	var p *person
	for i := range n {
		if i%tabsOfSession == 0 {
			if p, err = b.signIn(1); err != nil {
				return tabs, err
			}
		}
		t, err := open(server.addr, p)
		if err != nil {
			return tabs, err
		}
		tabs = append(tabs, t)
		if err := t.alive(); err != nil {
			return tabs, err
		}
	}
	return tabs, nil
}
