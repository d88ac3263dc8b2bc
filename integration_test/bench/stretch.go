package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// stretch makes something happen and returns how long it took until the last tab knew.
type stretch func() (time.Duration, error)

// pair is N tabs of one session on our side, and N connections to the null hub.
type pair struct {
	b           *bench
	site, floor *child
	person      *person
	http        *client          // for switches
	redis       *wire            // for the floor's PUBLISH
	saved       *account.Session // for the floor's save
	tabs, null  []tab
}

// ways are the stretches of one row, ours first. save is nil where nothing goes through Redis.
type ways struct{ ours, floor, save stretch }

func (b *bench) newPair(site, floor *child, n int) (*pair, error) {
	p := &pair{b: b, site: site, floor: floor}
	err := p.open(n)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("open %d tabs: %w", n, err)
	}
	return p, nil
}

func (p *pair) open(n int) (err error) {
	if p.person, err = p.b.signIn(2); err != nil {
		return err
	}
	p.saved = p.person.session.Clone()
	p.saved.ID[0], p.saved.Revision = 0, 0
	if p.http, err = dialHTTP(p.site.addr); err != nil {
		return err
	}
	if p.redis, err = dialRedis(p.b.redis.addr); err != nil {
		return err
	}
	if err = p.openTabs(n); err != nil {
		return err
	}
	addr, err := p.floor.get("/tabs")
	if err != nil {
		return err
	}
	at := string(addr)
	for range n {
		conn, err := dialHTTP(at)
		if err != nil {
			return err
		}
		t := tab{conn}
		p.null = append(p.null, t)
		if _, err := t.expect(opText); err != nil { // from here on the null hub knows it
			return err
		}
	}
	return nil
}

func (p *pair) openTabs(n int) error {
	for range n {
		t, err := openTab(p.site.addr, tabPath(p.person.session.Version), p.person.cookie)
		if err != nil {
			return err
		}
		p.tabs = append(p.tabs, t)
		if _, err := t.expect(opText); err != nil { // the hello
			return err
		}
	}
	return nil
}

func (p *pair) close() {
	closeAll(p.tabs)
	closeAll(p.null)
	if p.http != nil {
		p.http.close()
	}
	if p.redis != nil {
		p.redis.conn.Close()
	}
}

// announced is the way inside of the server only. The answer says when it began: both ends share the machine's clock.
func announced(p *pair) ways {
	version := p.person.session.Version
	ask := func(server *child, tabs []tab) (time.Duration, error) {
		version++
		path := fmt.Sprintf("/announce/%s/%d", p.person.session.ID, version)
		if err := server.http.send(get(server.addr, path, "")); err != nil {
			return 0, err
		}
		if err := expectAll(tabs); err != nil {
			return 0, err
		}
		last := time.Now().UnixNano()
		r, err := server.http.receive()
		if err != nil {
			return 0, err
		}
		began, err := strconv.ParseInt(string(r.body), 10, 64)
		return time.Duration(last - began), err
	}
	return ways{
		ours:  func() (time.Duration, error) { return ask(p.site, p.tabs) },
		floor: func() (time.Duration, error) { return ask(p.floor, p.null) },
	}
}

// updated is the way between two nodes: this process saves a session whose tabs are at the server. The secret stays, and so
// do the sockets.
func updated(p *pair) ways {
	return ways{
		ours:  func() (time.Duration, error) { return p.save(p.b.store, p.person.session, p.tabs) },
		floor: p.published,
		save:  p.savedToNull,
	}
}

func (p *pair) save(store account.Store, s *account.Session, tabs []tab) (time.Duration, error) {
	s.Version++
	s.Tag, s.Reason = strconv.FormatInt(s.Version, 10), account.ReasonUpdated
	start := time.Now()
	if err := store.Save(p.b.ctx, s, time.Hour); err != nil {
		return 0, err
	}
	err := expectAll(tabs)
	return time.Since(start), err
}

// savedToNull is the floor with the price of the save in it: what ours takes beyond it is the feed and the hub.
func (p *pair) savedToNull() (time.Duration, error) { return p.save(p.b.floorStore, p.saved, p.null) }

// published is the floor of everything that goes through Redis.
func (p *pair) published() (time.Duration, error) {
	start := time.Now()
	if _, err := fmt.Fprintf(p.redis.conn, "PUBLISH %s x\r\n", channel); err != nil {
		return 0, err
	}
	if err := expectAll(p.null); err != nil {
		return 0, err
	}
	took := time.Since(start)
	return took, p.redis.skip(linesOfPublished)
}

// switched is the whole way: a person's request, the new secret, the tabs that are told and closed. They come back with the
// new cookie, which is part of a switch but not of what is measured.
func switched(p *pair) ways {
	ours := func() (time.Duration, error) {
		to := p.person.other()
		request := p.person.switchTo(p.site.addr, to)
		start := time.Now()
		if err := p.http.send(request); err != nil {
			return 0, err
		}
		if err := expectAll(p.tabs); err != nil {
			return 0, err
		}
		took := time.Since(start)
		r, err := p.http.receive()
		if err == nil {
			err = p.person.switched(r, to)
		}
		if err != nil {
			return 0, err
		}
		return took, p.comeBack()
	}
	return ways{ours, p.published, p.savedToNull}
}

// comeBack opens the tabs anew that the server has closed.
func (p *pair) comeBack() error {
	for _, t := range p.tabs {
		if _, err := t.expect(opClose); err != nil {
			return err
		}
	}
	n := len(p.tabs)
	closeAll(p.tabs)
	p.tabs = p.tabs[:0]
	return p.openTabs(n)
}
