package sockets_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
)

// TestGuessedStreamIDsStarveOthers: one signed-in person posts events to streams that are nowhere. Each keeps one of the
// places for questions to other nodes for three seconds; if he could take all of them, nobody whose stream is on another node
// than his POST could send anything.
func TestGuessedStreamIDsStarveOthers(t *testing.T) {
	w := site(t)
	victim, mallory := signedIn(t, w, 1), signedIn(t, w, 1)
	stream := victim.open(w.one, viewStream)
	stamp := victim.stamp()
	k := mallory.postKnock(w.two, "/live", "", "{}")
	var work sync.WaitGroup
	for i := range 300 {
		work.Go(func() { _, _ = k.with("X-Live-Stream", fmt.Sprintf("%032x", i)).send(t, w.two.Addr) })
	}
	time.Sleep(1 * time.Second)
	refused := 0
	for i := range 5 {
		if got := victim.post(w.two, "/live", stream.id, event("_stamp", stamp, "text", fmt.Sprint("honest ", i))); got.status != http.StatusNoContent {
			t.Logf("the victim's event: %d", got.status)
			refused++
		}
	}
	work.Wait()
	if refused > 0 {
		t.Errorf("%d of 5 honest events were refused", refused)
	}
}

// TestEventTypedAsSomebodyOverASocketOfNobody: a view that everybody may see. Its page was drawn for Alice, she signs out in
// another tab, the view comes back for nobody, and sends what she had typed.
func TestEventTypedAsSomebodyOverASocketOfNobody(t *testing.T) {
	l := newLab(t, recipe{routes: func(l *lab, app *fiber.App) {
		public := live.New(func() live.View { return &board{} }, live.Config{
			OnConnect: []live.Hook{hooks.LoadAccounts(l.accounts)},
			Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
				return c.Type("html").SendString(string(body))
			},
		})
		app.Get("/public", public)
		app.Post("/public", public)
	}})
	for _, d := range views {
		d.path = "/public"
		b := l.signedIn("a")
		stamp := b.Document(l.node).Stamp
		b.open(l.node, d)
		if a := b.Post(l.node, "/link/sign_out", url.Values{}); a.Status != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
		wire := b.open(l.node, d)
		b.say(wire, event("_stamp", stamp, "text", "typed as Alice"))
		_, _ = wire.next(time.Second)
		if wire.knows("typed as Alice") {
			t.Errorf("%s: executed for nobody: %q", d.name, wire.seen)
		}
	}
}
