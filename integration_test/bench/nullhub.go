package main

import (
	"fmt"
	"net"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"
)

// The channels where the null hub listens: for a mere PUBLISH, and for what a store with this prefix publishes when it saves
// a session of its first partition. No site listens there.
const (
	channel      = "bench"
	savedPrefix  = "floor"
	savedChannel = savedPrefix + ":{p00}:changes"
)

// nullHub is the floor of telling tabs: one connection that is subscribed, and a loop that writes a ready frame to plain
// TCP connections. Nothing that tells N tabs from another process does less.
func nullHub(app *fiber.App, rdb *redis.Client) error {
	tabs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n := &null{frame: textFrame(notice)}
	go n.accept(tabs)
	subscriber, err := dialRedis(rdb.Options().Addr)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(subscriber.conn, "SUBSCRIBE %s %s\r\n", channel, savedChannel); err != nil {
		return err
	}
	if err := subscriber.skip(2 * linesOfSubscribed); err != nil {
		return err
	}
	go n.listen(subscriber)
	app.Get("/tabs", func(c *fiber.Ctx) error { return c.SendString(tabs.Addr().String()) })
	app.Get("/announce/:session/:version", func(c *fiber.Ctx) error {
		start := now()
		n.tell()
		return c.SendString(start)
	})
	return nil
}

type null struct {
	frame []byte
	mu    sync.Mutex
	conns []net.Conn
}

func (n *null) accept(tabs net.Listener) {
	for {
		conn, err := tabs.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		n.conns = append(n.conns, conn)
		_, _ = conn.Write(n.frame) // stands for the hello: from here on the tab is told
		n.mu.Unlock()
	}
}

func (n *null) listen(subscriber *wire) {
	for subscriber.skip(linesOfMessage) == nil {
		n.tell()
	}
}

// tell writes the frame to every tab, and forgets the tabs that have gone.
func (n *null) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	open := n.conns[:0]
	for _, conn := range n.conns {
		if _, err := conn.Write(n.frame); err != nil {
			conn.Close()
			continue
		}
		open = append(open, conn)
	}
	n.conns = open
}
