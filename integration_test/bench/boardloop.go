package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"
)

// boardChannel is where the processes of the floor tell each other of a change.
const boardChannel = "bench-boards"

// boardLoop is the floor of the boards: the order is drawn once for each of the three, and a loop writes what was drawn to
// all sockets of contrib/websocket that show it. It knows no accounts, compares nothing, and whoever takes his frames late
// holds up everybody else.
func boardLoop(app *fiber.App, _ *redis.Client) error {
	l := newLoop(app)
	app.Get("/change/:how/:items", func(c *fiber.Ctx) error {
		start := now()
		if err := l.tell(c.Params("items")); err != nil {
			return err
		}
		return c.SendString(start)
	})
	return nil
}

// busBoardLoop is the same in one of several processes: a change is a PUBLISH, and each process listens.
func busBoardLoop(app *fiber.App, rdb *redis.Client) error {
	l := newLoop(app)
	subscriber, err := dialRedis(rdb.Options().Addr)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(subscriber.conn, "SUBSCRIBE %s\r\n", boardChannel); err != nil {
		return err
	}
	if err := subscriber.skip(linesOfSubscribed); err != nil {
		return err
	}
	go func() {
		for {
			items, err := subscriber.message()
			if err != nil || l.tell(items) != nil {
				return
			}
		}
	}()
	publisher, err := dialRedis(rdb.Options().Addr)
	if err != nil {
		return err
	}
	app.Get("/change/:how/:items", func(c *fiber.Ctx) error { // one at a time, as the benchmark asks
		start := now()
		if _, err := fmt.Fprintf(publisher.conn, "PUBLISH %s %s\r\n", boardChannel, c.Params("items")); err != nil {
			return err
		}
		if err := publisher.skip(linesOfPublished); err != nil {
			return err
		}
		return c.SendString(start)
	})
	return nil
}

// loop holds the open sockets by the board that they show.
type loop struct {
	mu    sync.Mutex // also for writing to them
	conns map[string]map[*websocket.Conn]struct{}
}

func newLoop(app *fiber.App) *loop {
	l := &loop{conns: make(map[string]map[*websocket.Conn]struct{})}
	for _, name := range boardNames {
		l.conns[name] = make(map[*websocket.Conn]struct{})
		for _, how := range []string{pushing, redrawing} {
			app.Get(boardPath(how, name), websocket.New(func(c *websocket.Conn) { l.serve(name, c) }))
		}
	}
	return l
}

func (l *loop) serve(name string, c *websocket.Conn) {
	l.mu.Lock()
	l.conns[name][c] = struct{}{}
	err := c.WriteMessage(websocket.TextMessage, []byte("hello")) // from here on it is told
	l.mu.Unlock()
	for err == nil {
		_, _, err = c.ReadMessage()
	}
	l.mu.Lock()
	delete(l.conns[name], c)
	l.mu.Unlock()
}

// tell draws the order and writes it to every socket. One that has gone is removed by its own goroutine.
func (l *loop) tell(items string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range boardNames {
		order, err := piece(name, items)
		if err != nil {
			return err
		}
		frame := []byte(strings.Replace(string(order), " id=", ` hx-swap-oob="true" id=`, 1))
		for c := range l.conns[name] {
			_ = c.WriteMessage(websocket.TextMessage, frame)
		}
	}
	return nil
}
