package main

import (
	"fmt"
	"time"
)

const (
	fanoutRounds  = 10
	fanoutChanges = 30 // in a round, ours and the floor in turns
	fanoutWarm    = 10 // changes before the first round, not counted
	// Before each change: people switch now and then, and what the change before has left to do must not be counted here.
	fanoutRest     = 2 * time.Millisecond
	p50Aim, p99Aim = 1.5, 3.0
)

// fanout measures the time until the last of N tabs knows, which decides whether the hub may stay as simple as it is. Three
// stretches of the same way, each against what a loop of writes needs for it.
func (b *bench) fanout() error {
	site, err := b.start("site")
	if err != nil {
		return err
	}
	defer site.stop()
	floor, err := b.start("null")
	if err != nil {
		return err
	}
	defer floor.stop()
	var rows [][]string
	for _, n := range []int{10, 100} {
		for _, stretch := range []struct {
			name, way string
			ways      func(*pair) ways
		}{
			{"announced", "from Hub.Announce / a loop of writes", announced},
			{"updated", "from another node's save / PUBLISH", updated},
			{"switched", "from POST / PUBLISH", switched},
		} {
			p, err := b.newPair(site, floor, n)
			if err != nil {
				return err
			}
			c, err := compare(stretch.ways(p), n, p.used)
			p.close()
			if err != nil {
				return fmt.Errorf("%s, %d tabs: %w", stretch.name, n, err)
			}
			rows = append(rows, []string{
				fmt.Sprint(n), stretch.name + ": " + stretch.way,
				micro(c.ours.p50()) + " / " + micro(c.floor.p50()), over(c.ours.halves, c.floor.halves).String(), c.toSave(),
				micro(c.ours.p99()) + " / " + micro(c.floor.p99()), fmt.Sprintf("%.2f", c.tail()),
				micro(c.oursCPU) + " / " + micro(c.nullCPU),
			})
			name := fmt.Sprintf("%d tabs, %s: ", n, stretch.name)
			b.report.aim(name+"p50 to floor", over(c.ours.halves, c.floor.halves).median, p50Aim)
			b.report.aim(name+"p99 to floor", c.tail(), p99Aim)
			if c.save.way != nil {
				b.report.aim(name+"p50 to save", over(c.ours.halves, c.save.halves).median, p50Aim)
			}
		}
	}
	table("A change until the last tab has it", fmt.Sprintf("One session, one node, %d changes for each row, ours and the "+
		"floors in turns; ours / floor. The floor is a process with one subscribed connection and a loop that writes a frame "+
		"of the same size to N TCP connections. To save: the same floor, set off by the store's own save instead of a mere "+
		"PUBLISH, so that what remains is our feed and hub. p50 to floor: median of %d rounds, with the lowest and the highest. "+
		"A switch also closes the tabs; they come back outside of the measured time, but inside of the CPU.", fanoutRounds*fanoutChanges, fanoutRounds),
		[]string{"tabs", "stretch", "p50, µs", "p50 to floor", "p50 to save", "p99, µs", "p99 to floor",
			"CPU for each frame, µs"}, rows)
	return nil
}

// timing is how long one way took.
type timing struct {
	way    stretch
	all    []time.Duration
	halves []float64 // the p50 of each round
}

func (t *timing) p50() time.Duration { return quantile(t.all, 0.5) }
func (t *timing) p99() time.Duration { return quantile(t.all, 0.99) }

// comparison is what came of one row.
type comparison struct {
	ours, floor, save timing
	oursCPU, nullCPU  time.Duration // of the servers, for each frame
}

// tail is the p99 to that of the floor. It takes all rounds together: one round has too few samples for it.
func (c *comparison) tail() float64 { return float64(c.ours.p99()) / float64(c.floor.p99()) }

func (c *comparison) toSave() string {
	if c.save.way == nil {
		return ""
	}
	return over(c.ours.halves, c.save.halves).String()
}

// compare goes all ways in turns, to so many tabs. used returns the CPU time of our servers and of the floor's.
func compare(w ways, tabs int, used func() ([2]time.Duration, error)) (*comparison, error) {
	c := &comparison{ours: timing{way: w.ours}, floor: timing{way: w.floor}, save: timing{way: w.save}}
	timings := []*timing{&c.ours, &c.floor}
	if w.save != nil {
		timings = append(timings, &c.save)
	}
	if _, err := takeTurns(timings, fanoutWarm); err != nil {
		return nil, err
	}
	before, err := used()
	if err != nil {
		return nil, err
	}
	for range fanoutRounds {
		round, err := takeTurns(timings, fanoutChanges)
		if err != nil {
			return nil, err
		}
		for i, t := range timings {
			t.all = append(t.all, round[i]...)
			t.halves = append(t.halves, float64(quantile(round[i], 0.5)))
		}
	}
	after, err := used()
	if err != nil {
		return nil, err
	}
	frames := time.Duration(tabs * fanoutRounds * fanoutChanges)
	c.oursCPU = (after[0] - before[0]) / frames
	c.nullCPU = (after[1] - before[1]) / (frames * time.Duration(len(timings)-1))
	return c, nil
}

// takeTurns goes each way n times, one after the other, and returns how long each took.
func takeTurns(timings []*timing, n int) ([][]time.Duration, error) {
	took := make([][]time.Duration, len(timings))
	for range n {
		for i, t := range timings {
			time.Sleep(fanoutRest)
			d, err := t.way()
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], d)
		}
	}
	return took, nil
}

// used returns the CPU time of our server and of the floor's.
func (p *pair) used() (cpu [2]time.Duration, err error) {
	for i, server := range []*child{p.site, p.floor} {
		u, err := server.usage(false)
		if err != nil {
			return cpu, err
		}
		cpu[i] = u.CPU
	}
	return cpu, nil
}
