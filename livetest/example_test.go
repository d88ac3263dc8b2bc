package livetest_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/livetest"
)

// greeter is a live view: it greets whoever says his name.
type greeter struct{ name string }

func (g *greeter) Mount(context.Context, *live.Socket) error { return nil }

func (g *greeter) Event(_ context.Context, s *live.Socket, e live.Event) error {
	g.name = e.Get("name")
	s.Redraw()
	return nil
}

func (g *greeter) Info(context.Context, *live.Socket, live.Message) error { return nil }

func (g *greeter) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return greeting.Execute(w, map[string]any{"Send": live.Send, "Name": g.name})
}

var greeting = template.Must(template.New("").Parse(`<form id="ask" {{.Send}}><input name="name"><button>Say</button></form>` +
	`<p id="answer">Hello, {{or .Name "stranger"}}!</p>`))

// greeterApp is what an app has anyway.
func greeterApp(hub *live.Hub) *fiber.App {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", live.New(func() live.View { return &greeter{} }, live.Config{
		Hub: hub,
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html", "utf-8").SendString("<!DOCTYPE html><title>Greeter</title>" + string(body))
		},
	}))
	return app
}

func Example() {
	test := func(t testing.TB) { // in a test file: func TestGreeter(t *testing.T)
		hub := live.NewHub(live.HubConfig{})
		t.Cleanup(func() { _ = hub.Close(context.Background()) })

		page := livetest.New(t, greeterApp(hub)).Open("/")
		fmt.Println(page.Text("answer"))

		page.Submit("ask", livetest.Fields{"name": "Alice"})
		page.WaitText("answer", "Alice") // what a socket brings takes a moment
		fmt.Println(page.Text("answer"))
	}
	outside(test)
	// Output:
	// Hello, stranger!
	// Hello, Alice!
}

// outside runs a test where there is none, as examples have to.
func outside(test func(t testing.TB)) {
	t := &loner{}
	defer t.end()
	test(t)
}

type loner struct {
	testing.TB
	ends []func()
}

func (l *loner) Helper()                   {}
func (l *loner) Cleanup(fn func())         { l.ends = append(l.ends, fn) }
func (l *loner) Errorf(f string, a ...any) { fmt.Printf(f+"\n", a...) }
func (l *loner) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (l *loner) Fatal(a ...any)            { panic(fmt.Sprint(a...)) }
func (l *loner) end() {
	for i := len(l.ends) - 1; i >= 0; i-- {
		l.ends[i]()
	}
}
