package livetest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	fasthttpws "github.com/fasthttp/websocket"
	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/livetest"
)

// stage is a server that speaks the protocol of live views, and says just what a test tells it to.
type stage struct {
	app    *fiber.App
	inside string // of the view
	head   string

	mu       sync.Mutex
	sockets  int
	asked    []string              // queries of the handshakes
	got      []map[string]any      // messages
	headers  map[string]string     // of the last request by htmx
	form     url.Values            // of the last POST
	play     func(n int, s script) // what socket n, from 1, does before it listens
	refuse   int                   // status of handshakes, if set
	response func(c *fiber.Ctx) error
}

type script struct {
	conn *websocket.Conn
	over *bool
}

// hangUp breaks the connection, which ends with its handler.
func (s script) hangUp() { *s.over = true }

func (s script) say(frames ...string) {
	for _, frame := range frames {
		_ = s.conn.WriteMessage(fasthttpws.TextMessage, []byte(frame))
	}
}

func (s script) end(code int) {
	_ = s.conn.WriteControl(fasthttpws.CloseMessage, fasthttpws.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

func newStage(inside string) *stage {
	s := &stage{app: fiber.New(fiber.Config{DisableStartupMessage: true}), inside: inside}
	socket := websocket.New(func(conn *websocket.Conn) {
		s.mu.Lock()
		s.sockets++
		n, play := s.sockets, s.play
		s.asked = append(s.asked, conn.Query("_live"))
		s.mu.Unlock()
		over := false
		if play != nil {
			play(n, script{conn, &over})
		}
		for !over {
			_, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			var m map[string]any
			_ = json.Unmarshal(data, &m)
			s.mu.Lock()
			s.got = append(s.got, m)
			s.mu.Unlock()
		}
	})
	s.app.Get("/view", func(c *fiber.Ctx) error {
		s.mu.Lock()
		refuse := s.refuse
		s.mu.Unlock()
		switch {
		case websocket.IsWebSocketUpgrade(c) && refuse != 0:
			return c.Status(refuse).SendString("not today")
		case websocket.IsWebSocketUpgrade(c):
			return socket(c)
		}
		return c.Type("html").SendString("<html><head>" + s.head + `</head><body><div id="live" data-live="0123456789abcdef" ` +
			`data-ws-connect="/view" hx-ws:connect="/view">` + s.inside + `</div><p id="outside">outside</p>` +
			`<button id="lost" data-ws-send hx-ws:send>Lost</button></body></html>`)
	})
	s.app.All("/http", func(c *fiber.Ctx) error {
		form, _ := url.ParseQuery(string(c.Body()))
		headers := map[string]string{}
		for name, values := range c.GetReqHeaders() {
			headers[strings.Clone(name)] = strings.Clone(values[0])
		}
		s.mu.Lock()
		s.form, s.headers = form, headers
		s.mu.Unlock()
		return s.response(c)
	})
	return s
}

// received waits for the next message.
func (s *stage) received(page *livetest.Page, n int) (m map[string]any) {
	page.Wait(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.got) >= n {
			m = s.got[n-1]
		}
		return m != nil
	})
	return m
}

// says opens a page whose view is sent frames, and waits until they are there.
func (s *stage) says(t testing.TB, version int, frames ...string) *livetest.Page {
	s.play = func(_ int, script script) { script.say(frames...) }
	page := livetest.New(t, s.app).HTMX(version).Open("/view")
	page.Wait(func() bool { return len(page.Frames()) == len(frames) })
	return page
}
