package main

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync/atomic"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// The boards are three views that show one order of an account: as a row of a list, as a total, as a card. Whoever changes
// the order concerns all three.
var boardNames = []string{"list", "total", "card"}

// A view that hears of a change may send the element that has changed, or be drawn anew and compared.
const (
	pushing   = "push"
	redrawing = "redraw"
)

var pieces = template.Must(template.New("").Parse(
	`{{define "list"}}<li id="order">Order number 7 now has <b>{{.}}</b> items and waits to be packed</li>{{end}}` +
		`{{define "total"}}<p id="order">All orders together: <strong>{{.}}</strong></p>{{end}}` +
		`{{define "card"}}<article id="order"><h2>Order number 7</h2><p>It has <b>{{.}}</b> items.</p></article>{{end}}`))

// piece draws the element of a board that shows the order.
func piece(name, items string) (template.HTML, error) {
	var b strings.Builder
	err := pieces.ExecuteTemplate(&b, name, items)
	return template.HTML(b.String()), err
}

// boards serves the boards from a process that is alone.
func boards(app *fiber.App, rdb *redis.Client) error { return serveBoards(app, rdb, nil) }

// busBoards serves the boards from one of several processes.
func busBoards(app *fiber.App, rdb *redis.Client) error {
	return serveBoards(app, rdb, redisstore.NewBus(rdb))
}

func serveBoards(app *fiber.App, rdb *redis.Client, bus live.Bus) error {
	p, err := plugin(app, rdb, bus)
	if err != nil {
		return err
	}
	var drawn atomic.Int64
	app.Get("/drawn", func(c *fiber.Ctx) error { return c.SendString(fmt.Sprint(drawn.Load())) })
	app.Get("/change/:how/:items", func(c *fiber.Ctx) error {
		topic, items := "order:"+c.Params("how"), []byte(c.Params("items"))
		start := now()
		if err := p.Hub().Publish(c.UserContext(), topic, items); err != nil {
			return err
		}
		return c.SendString(start)
	})
	app.Use(p.Handler)
	for _, how := range []string{pushing, redrawing} {
		for _, name := range boardNames {
			app.Get(boardPath(how, name), live.New(
				func() live.View { return &board{name: name, how: how, drawn: &drawn} },
				live.Config{
					OnConnect: []live.Hook{hooks.LoadAccounts(p), hooks.RequireUser(p)},
					Page:      func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
				}))
		}
	}
	return nil
}

func boardPath(how, name string) string { return "/boards/" + how + "/" + name }

// board is one of the views. Beside the order it shows ten rows that stay.
type board struct {
	name, how string
	drawn     *atomic.Int64 // by all boards of this process, after changes
	user      string
	order     template.HTML
}

func (v *board) Mount(_ context.Context, s *live.Socket) (err error) {
	u, _ := hooks.CurrentUser[user](s)
	v.user = u.ID
	s.Subscribe("order:" + v.how)
	v.order, err = piece(v.name, "no")
	return err
}

func (v *board) Event(context.Context, *live.Socket, live.Event) error { return nil }

func (v *board) Info(ctx context.Context, s *live.Socket, m live.Message) (err error) {
	if m.Missed {
		return nil // the bus is there; nothing changes before all tabs are open
	}
	v.order, err = m.Once(ctx, v.name+" "+v.user, func(context.Context) (template.HTML, error) {
		v.drawn.Add(1)
		return piece(v.name, string(m.Payload))
	})
	switch {
	case err != nil:
		return err
	case v.how == pushing:
		return s.Push(v.order)
	}
	s.Redraw()
	return nil
}

func (v *board) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return writeBoard(w, v.order)
}

// writeBoard writes the HTML of a board.
func writeBoard(w io.Writer, order template.HTML) error {
	var b strings.Builder
	b.WriteString(`<ul id="list">`)
	for i := range 10 {
		fmt.Fprintf(&b, `<li id="row-%d">This is row number %d</li>`, i, i)
	}
	fmt.Fprintf(&b, `</ul><div id="board">%s</div>`, order)
	_, err := io.WriteString(w, b.String())
	return err
}
