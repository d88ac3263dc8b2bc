package main

import (
	"encoding/json"
	"fmt"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
)

// bare is the least that a page with a session in Redis can do: take the id out of the cookie and read the hash.
func bare(app *fiber.App, rdb *redis.Client) error {
	app.Get("/", func(c *fiber.Ctx) error {
		fields, err := readHash(c, rdb)
		if err != nil {
			return err
		}
		if fields["data"] == "" {
			return fiber.ErrUnauthorized
		}
		return c.SendString("ok")
	})
	return nil
}

// decoding is bare, and decodes what was read. What the plugin costs beyond it is neither Redis nor JSON.
func decoding(app *fiber.App, rdb *redis.Client) error {
	app.Get("/", func(c *fiber.Ctx) error {
		fields, err := readHash(c, rdb)
		if err != nil {
			return err
		}
		var r record
		if err := json.Unmarshal([]byte(fields["data"]), &r); err != nil {
			return err
		}
		if r.Current == "" {
			return fiber.ErrUnauthorized
		}
		return c.SendString("ok")
	})
	return nil
}

func readHash(c *fiber.Ctx, rdb *redis.Client) (map[string]string, error) {
	cookie, err := account.ParseCookie(c.Cookies(cookieName))
	if err != nil {
		return nil, err
	}
	return rdb.HGetAll(c.UserContext(), recordKey(cookie.ID)).Result()
}

// recordKey is where redisstore keeps a session.
func recordKey(id account.SessionID) string {
	const digits = "0123456789"
	n := id[0] % 64
	return "accounts:{p" + digits[n/10:n/10+1] + digits[n%10:n%10+1] + "}:s:" + id.String()
}

// record has the form of what redisstore keeps under "data", so that the decoder has the same work. It is written down
// here once more because a floor must not move when the plugin does.
type record struct {
	Schema     int    `json:"schema"`
	ID         string `json:"id"`
	Generation int64  `json:"gen"`
	Reason     string `json:"why"`
	Current    string `json:"cur"`
	Primary    string `json:"pri"`
	Accounts   []struct {
		Membership string `json:"m"`
		Account    string `json:"a"`
		Status     string `json:"s"`
		Method     string `json:"how"`
		At         int64  `json:"at"`
		Linked     int64  `json:"in"`
		Deadline   int64  `json:"till"`
	} `json:"acc"`
	Secret    []byte `json:"sec"`
	Previous  []byte `json:"prev"`
	PrevUntil int64  `json:"prev_until"`
	StampKey  []byte `json:"stamp"`
	Created   int64  `json:"created"`
	Deadline  int64  `json:"deadline"`
}

// echoTabs is a websocket as contrib/websocket offers it, with a handler of five lines and default buffers.
func echoTabs(app *fiber.App, _ *redis.Client) error {
	app.Get("/link/live", websocket.New(func(c *websocket.Conn) {
		for {
			kind, message, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, message) != nil {
				return
			}
		}
	}))
	return nil
}

// checkKey makes sure that the floors read what the plugin reads.
func (b *bench) checkKey(id account.SessionID) error {
	n, err := b.rdb.HLen(b.ctx, recordKey(id)).Result()
	if err == nil && n == 0 {
		err = fmt.Errorf("no session at %s: redisstore's layout has changed, change recordKey too", recordKey(id))
	}
	return err
}
