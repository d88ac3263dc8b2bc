package main

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// cookieName is what the plugin calls its cookie over plain http. The floors read the same one.
const cookieName = "accounts-insecure"

// user is the app's user, as small as users get.
type user struct{ ID, Name string }

// plugin takes the plugin into an app. Without a bus its views hear of this process only. Limits that would end a
// measurement are out of its way; the rest are defaults.
func plugin(app *fiber.App, rdb *redis.Client, bus live.Bus) (*multiaccount.Plugin[user], error) {
	p, err := multiaccount.New(multiaccount.Config[user]{
		Users: func(_ context.Context, ids ...string) (map[string]user, error) {
			users := make(map[string]user, len(ids))
			for _, id := range ids {
				users[id] = user{id, id}
			}
			return users, nil
		},
		Store:    redisstore.New(rdb),
		Bus:      bus,
		Sessions: account.Options{SwitchesPerMinute: 1 << 20},
		Sockets:  live.Limits{SocketsPerKey: 1000, SocketsPerOwner: 10_000, PingEvery: 50 * time.Second, PongTimeout: time.Hour},
		Cookie:   multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
	})
	if err != nil {
		return nil, err
	}
	app.Hooks().OnShutdown(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return p.Close(ctx)
	})
	return p, nil
}

// site is an app with the plugin.
func site(app *fiber.App, rdb *redis.Client) error {
	p, err := plugin(app, rdb, nil)
	if err != nil {
		return err
	}
	app.Get("/announce/:session/:version", func(c *fiber.Ctx) error { return announce(c, p.Hub()) })
	app.Use(p.Handler)
	p.Register(app)
	app.Get("/", func(c *fiber.Ctx) error {
		if _, ok := p.CurrentUser(c); !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString("ok")
	})
	app.Get("/public", func(c *fiber.Ctx) error { return c.SendString("ok") })
	return nil
}

// views is an app whose tab socket is a live view with a list of ten rows, for the account that is current.
func views(app *fiber.App, rdb *redis.Client) error {
	p, err := plugin(app, rdb, nil)
	if err != nil {
		return err
	}
	app.Use(p.Handler)
	app.Get("/link/live", live.New(func() live.View { return &list{} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(p), hooks.RequireUser(p)},
		Page:      func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
	}))
	return nil
}

// list is a small view, as views go.
type list struct{ name string }

func (v *list) Mount(_ context.Context, s *live.Socket) error {
	u, _ := hooks.CurrentUser[user](s)
	v.name = u.Name
	s.Subscribe("list:" + v.name)
	return nil
}

func (v *list) Event(context.Context, *live.Socket, live.Event) error { return nil }

func (v *list) Info(context.Context, *live.Socket, live.Message) error { return nil }

func (v *list) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	var b strings.Builder
	b.WriteString(`<ul id="list">`)
	for i := range 10 {
		fmt.Fprintf(&b, `<li id="row-%d">This is row number %d</li>`, i, i)
	}
	b.WriteString(`</ul>`)
	_, err := io.WriteString(w, b.String())
	return err
}

// announce makes the hub tell the tabs of a session a new version, and answers with the moment before. Generation 0 is
// older than that of every socket, so all of them stay open.
func announce(c *fiber.Ctx, hub *live.Hub) error {
	id, err := account.ParseSessionID(c.Params("session"))
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(c.Params("version"), 10, 64)
	if err != nil {
		return err
	}
	start := now()
	hub.Announce(live.Announcement{Key: live.Key(id), Version: version, Tag: "bench", Payload: []byte(notice)})
	return c.SendString(start)
}

// notice is what a tab is told at a switch.
const notice = `{"type":"session-changed","v":1000,"reason":"switched"}`

// now is a moment that both ends of a measurement can compare, since they share the machine and so its clock.
func now() string { return strconv.FormatInt(time.Now().UnixNano(), 10) }
