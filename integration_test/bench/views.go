package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	viewTabs   = 100
	rendersAim = 1.0 // for each board of a process, after each change
)

// views measures what a change costs that concerns a hundred live views of three kinds: how often they are drawn, what is
// sent, and when the last of them has it. It decides whether a view may have its own goroutine and compare for itself.
func (b *bench) views() error {
	var rows [][]string
	for _, setup := range []struct {
		name, ours, floor string
		nodes             int
	}{
		{"in one process", "boards", "loop", 1},
		{"2 nodes, Redis", "busboards", "busloop", 2},
	} {
		g := &gallery{b: b}
		err := g.start(setup.ours, setup.floor, setup.nodes)
		for _, how := range []string{pushing, redrawing} {
			if err != nil {
				break
			}
			var row []string
			if row, err = g.measure(setup.name, how); err == nil {
				rows = append(rows, row)
			}
		}
		g.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", setup.name, err)
		}
	}
	table("A change that a hundred live views show", fmt.Sprintf("%d tabs of one account, on three views in turns; one thing "+
		"changes that all three show, %d times for each row, ours and the floor in turns; ours / floor. From Hub.Publish until "+
		"the last tab has its frame. The floor draws the same three elements and writes them in a loop to sockets of "+
		"contrib/websocket; with two nodes both sides have half of the tabs at each, and the floor's way there is a bare "+
		"PUBLISH. Push: a view sends the element that Message.Once gave it. Redraw: it puts that element into the whole view, "+
		"which is drawn and compared. Renders: calls of draw by Message.Once, for each change and process. p50 to floor: "+
		"median of %d rounds, with the lowest and the highest.", viewTabs, fanoutRounds*fanoutChanges, fanoutRounds),
		[]string{"where", "way", "renders", "frames", "bytes of a frame", "p50, µs", "p50 to floor", "p99, µs", "p99 to floor",
			"CPU for each frame, µs"}, rows)
	return nil
}

// gallery is the nodes of both sides, and the tabs that are open there.
type gallery struct {
	b           *bench
	ours, floor side
}

// side is the nodes of one side. Changes are made at the first.
type side struct {
	nodes   []*child
	tabs    []tab
	how     string
	changes int
	frames  int // that came of all changes
	bytes   int // of these frames, without their heads
}

func (g *gallery) start(ours, floor string, nodes int) error {
	for range nodes {
		for _, one := range []struct {
			side *side
			role string
		}{{&g.ours, ours}, {&g.floor, floor}} {
			node, err := g.b.start(one.role)
			if err != nil {
				return err
			}
			one.side.nodes = append(one.side.nodes, node)
		}
	}
	return nil
}

func (g *gallery) stop() {
	for _, s := range []*side{&g.ours, &g.floor} {
		closeAll(s.tabs)
		for _, node := range s.nodes {
			node.stop()
		}
	}
}

// measure makes one row of the table.
func (g *gallery) measure(name, how string) ([]string, error) {
	p, err := g.b.signIn(1)
	if err != nil {
		return nil, err
	}
	for _, s := range []*side{&g.ours, &g.floor} {
		if err := s.open(how, p.cookie); err != nil {
			return nil, fmt.Errorf("%s: open tabs: %w", how, err)
		}
	}
	if err := g.awaitBus(); err != nil {
		return nil, err
	}
	before, err := g.ours.drawn()
	if err != nil {
		return nil, err
	}
	c, err := compare(ways{ours: g.ours.change, floor: g.floor.change}, viewTabs, g.used)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", how, err)
	}
	after, err := g.ours.drawn()
	if err != nil {
		return nil, err
	}
	for _, t := range g.ours.tabs { // a frame more than one for each change would be here instead of the pong
		if err := t.ping(); err != nil {
			return nil, fmt.Errorf("%s: after the last change: %w", how, err)
		}
	}
	renders := float64(after-before) / float64(g.ours.changes*len(g.ours.nodes))
	what := fmt.Sprintf("%d views, %s, %s: ", viewTabs, name, how)
	g.b.report.aim(what+"renders for each kind of view", renders/float64(len(boardNames)), rendersAim)
	g.b.report.aim(what+"p50 to floor", over(c.ours.halves, c.floor.halves).median, p50Aim)
	g.b.report.aim(what+"p99 to floor", c.tail(), p99Aim)
	return []string{
		name, how, fmt.Sprintf("%.2f", renders), fmt.Sprintf("%.2f", float64(g.ours.frames)/float64(g.ours.changes)),
		fmt.Sprintf("%.1f / %.1f", g.ours.bytesOfFrame(), g.floor.bytesOfFrame()),
		micro(c.ours.p50()) + " / " + micro(c.floor.p50()), over(c.ours.halves, c.floor.halves).String(),
		micro(c.ours.p99()) + " / " + micro(c.floor.p99()), fmt.Sprintf("%.2f", c.tail()),
		micro(c.oursCPU) + " / " + micro(c.nullCPU),
	}, nil
}

// open opens the tabs anew, each at the next node and every third at the same view.
func (s *side) open(how, cookie string) error {
	closeAll(s.tabs)
	s.tabs, s.how, s.changes, s.frames, s.bytes = nil, how, 0, 0, 0
	for i := range viewTabs {
		node := s.nodes[i%len(s.nodes)]
		t, err := openTab(node.addr, boardPath(how, boardNames[i%len(boardNames)]), cookie)
		if err != nil {
			return err
		}
		s.tabs = append(s.tabs, t)
		if _, err := t.expect(opText); err != nil { // ours: the whole view, which has subscribed by now
			return err
		}
	}
	return nil
}

// awaitBus waits until all nodes of ours listen: they begin with their first socket.
func (g *gallery) awaitBus() error {
	if len(g.ours.nodes) == 1 {
		return nil
	}
	const channel = "accounts:live" // where redisstore's bus is by default
	for range 250 {
		listening, err := g.b.rdb.PubSubNumSub(g.b.ctx, channel).Result()
		if err != nil {
			return err
		}
		if listening[channel] == int64(len(g.ours.nodes)) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("the nodes do not listen to the bus: has redisstore another channel for it?")
}

// drawn returns how often all nodes have drawn after changes.
func (s *side) drawn() (total int, err error) {
	for _, node := range s.nodes {
		body, err := node.get("/drawn")
		if err != nil {
			return 0, err
		}
		n, err := strconv.Atoi(string(body))
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// change is a stretch. Each tab has to get this change in its one next frame; the answer says when it began: both ends share
// the machine's clock.
func (s *side) change() (time.Duration, error) {
	s.changes++
	items := strconv.Itoa(s.changes)
	shown := []byte(">" + items + "<")
	node := s.nodes[0]
	if err := node.http.send(get(node.addr, "/change/"+s.how+"/"+items, "")); err != nil {
		return 0, err
	}
	for i, t := range s.tabs {
		frame, err := t.expect(opText)
		if err == nil && !bytes.Contains(frame, shown) {
			err = fmt.Errorf("got %q at change %s", frame, items)
		}
		if err != nil {
			return 0, fmt.Errorf("tab %d of %d: %w", i+1, len(s.tabs), err)
		}
		s.frames++
		s.bytes += len(frame)
	}
	last := time.Now().UnixNano()
	r, err := node.http.receive()
	if err != nil {
		return 0, err
	}
	began, err := strconv.ParseInt(string(r.body), 10, 64)
	return time.Duration(last - began), err
}

func (s *side) bytesOfFrame() float64 { return float64(s.bytes) / float64(s.frames) }

// used returns the CPU time of our nodes and of the floor's.
func (g *gallery) used() (cpu [2]time.Duration, err error) {
	for i, s := range []*side{&g.ours, &g.floor} {
		for _, node := range s.nodes {
			u, err := node.usage(false)
			if err != nil {
				return cpu, err
			}
			cpu[i] += u.CPU
		}
	}
	return cpu, nil
}
