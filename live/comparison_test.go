package live_test

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

// outlines returns n outlines of the same HTML that have nothing but that in common.
func outlines(t *testing.T, n int, html string) []live.Outline {
	t.Helper()
	all := make([]live.Outline, n)
	for i := range all {
		var err error
		if all[i], err = live.NewOutline(html); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// atOnce calls fn for 0 to n-1, on as many goroutines.
func atOnce(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func TestTabsThatShowTheSameCompareOnce(t *testing.T) {
	const was, is = `<p id="a">1</p><p id="b">a long text</p>`, `<p id="a">2</p><p id="b">a long text</p>`
	for name, tc := range map[string]struct{ html, into, want string }{
		"a view drawn anew":           {is, "live", `<p hx-swap-oob="true" id="a">2</p>`},
		"an element that is pushed":   {`<p id="a">2</p>`, "", `<p hx-swap-oob="true" id="a">2</p>`},
		"one that says where it goes": {`<p id="c" hx-swap-oob="beforeend:#b">2</p>`, "", `<p id="c" hx-swap-oob="beforeend:#b">2</p>`},
		"a view that is sent whole":   {`other`, "live", `<div id="live" hx-swap-oob="innerHTML">other</div>`},
	} {
		t.Run(name, func(t *testing.T) {
			tabs := outlines(t, 100, was)
			for round := range 3 { // in the later ones the tabs show what they have got by what they share
				m := live.MessageFor("t", nil)
				atOnce(len(tabs), func(i int) {
					frames, err := tabs[i].Bring(m, tc.html, tc.into)
					if got := string(bytes.Join(frames, nil)); err != nil || round == 0 && got != tc.want {
						t.Errorf("got %q, %v, want %q", got, err, tc.want)
					}
				})
				if made, _ := live.Comparisons(m); made != 1 {
					t.Errorf("round %d: %d comparisons were made, want 1", round, made)
				}
			}
		})
	}
}

// A hundred tabs at a time, of views that are alike, of which some have been sent something by themselves: each gets just
// what it would get if it were alone.
func TestWhatIsSharedIsWhatEachWouldFind(t *testing.T) {
	const tabs, rounds, kinds = 100, 10, 3
	ids := []string{"n1", "n7", "list", "row-1", "row-7", "state-2", "nav-1", "row-1-1", "body-1", "nowhere"}
	for name, draw := range map[string]func(*rand.Rand) string{"views": randomView, "lists": randomList, "tables": randomTable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			first := draw(r)
			all := outlines(t, tabs, first)
			var asked atomic.Int64
			made := 0
			for round := range rounds {
				views := make([]string, kinds)
				for i := range views {
					if views[i] = draw(r); name == "views" {
						views[i] = changed(t, r, first)
					}
				}
				m := live.MessageFor("t", nil)
				atOnce(tabs, func(i int) {
					r := rand.New(rand.NewPCG(uint64(round), uint64(i)))
					show := func(html, into string) {
						alone := all[i]
						want, wantErr := alone.Bring(live.MessageFor("t", nil), html, into)
						got, err := all[i].Bring(m, html, into)
						if !equal(got, want) || (err == nil) != (wantErr == nil) || all[i].Sum() != alone.Sum() {
							t.Errorf("%s: got %q, %v, alone %q, %v", html, got, err, want, wantErr)
						}
						asked.Add(1)
					}
					id := ids[r.IntN(len(ids))]
					switch r.IntN(12) {
					case 0:
						show(fmt.Sprintf(`<p id="%s">pushed</p><p id="p">and another one</p>`, id), "")
					case 1:
						show(fmt.Sprintf(`<p id="%s" hx-swap-oob="beforeend:#%[1]s">pushed</p>`, id), "")
					case 2:
						all[i].Forget(id)
					}
					show(views[i%kinds], "live")
				})
				n, _ := live.Comparisons(m)
				made += n
			}
			if n := int(asked.Load()); made*2 > n {
				t.Errorf("%d comparisons for %d views: this test tests little", made, n)
			}
		})
	}
}

func equal(a, b [][]byte) bool {
	return len(a) == len(b) && string(bytes.Join(a, []byte{0})) == string(bytes.Join(b, []byte{0}))
}

func TestNothingIsSharedWhereAnythingDiffers(t *testing.T) {
	const was, is = `<ul id="l"><li id="a">a long text</li><li id="of-alice">x</li></ul>`, `<ul id="l"><li id="a">a long text</li></ul>`
	type side struct{ was, html, into, want string }
	bob := strings.ReplaceAll(was, "alice", "bob")
	for name, sides := range map[string][2]side{
		"what the browsers show": {
			{was, is, "live", `<div hx-swap-oob="delete:#of-alice"></div>`},
			{bob, is, "live", `<div hx-swap-oob="delete:#of-bob"></div>`}},
		"what the browsers show, in a text alone": {
			{`<p id="a">alice</p><p>a long text that stays</p>`, `<p id="a">alice</p><p>a long text that stays</p>`, "live", ``},
			{`<p id="a">bobby</p><p>a long text that stays</p>`, `<p id="a">alice</p><p>a long text that stays</p>`, "live", `<p hx-swap-oob="true" id="a">alice</p>`}},
		"what is drawn": {
			{is, was, "live", `<div hx-swap-oob="afterend:#a"><li id="of-alice">x</li></div>`},
			{is, bob, "live", `<div hx-swap-oob="afterend:#a"><li id="of-bob">x</li></div>`}},
		"what is pushed": {
			{was, `<li id="a">alice</li>`, "", `<li hx-swap-oob="true" id="a">alice</li>`},
			{was, `<li id="a">bob</li>`, "", `<li hx-swap-oob="true" id="a">bob</li>`}},
		"the element of the view": {
			{was, `other`, "live", `<div id="live" hx-swap-oob="innerHTML">other</div>`},
			{was, `other`, "side", `<div id="side" hx-swap-oob="innerHTML">other</div>`}},
		"whether it is drawn or pushed": {
			{`<p id="a">1</p><p id="b">a long text</p>`, `<p id="a">1</p>`, "live", `<div id="live" hx-swap-oob="innerHTML"><p id="a">1</p></div>`},
			{`<p id="a">1</p><p id="b">a long text</p>`, `<p id="a">1</p>`, "", ``}},
	} {
		for i, order := range [][]side{{sides[0], sides[1]}, {sides[1], sides[0]}} {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				m := live.MessageFor("t", nil)
				for _, s := range order {
					tab := outlines(t, 1, s.was)[0]
					frames, err := tab.Bring(m, s.html, s.into)
					if got := string(bytes.Join(frames, nil)); err != nil || got != s.want {
						t.Errorf("got %q, %v, want %q", got, err, s.want)
					}
				}
				if made, _ := live.Comparisons(m); made != 2 {
					t.Errorf("%d comparisons were made, want 2", made)
				}
			})
		}
	}
}

// However many views show one message: what is kept with it has an end, and those beyond it get the same.
func TestWhatIsKeptOfComparisonsHasAnEnd(t *testing.T) {
	m := live.MessageFor("t", nil)
	long := strings.Repeat("a long text ", 100)
	for i := range 3000 {
		tab := outlines(t, 1, fmt.Sprintf(`<p id="a">%d</p><p>%s</p>`, i, long))[0]
		frames, err := tab.Bring(m, fmt.Sprintf(`<p id="a">now %d</p><p>%s</p>`, i, long), "live")
		if want := fmt.Sprintf(`<p hx-swap-oob="true" id="a">now %d</p>`, i); err != nil || len(frames) != 1 || string(frames[0]) != want {
			t.Fatalf("got %q, %v, want %q", frames, err, want)
		}
	}
	if made, bytes := live.Comparisons(m); bytes > 1<<20 || made < 100 {
		t.Errorf("%d bytes of %d comparisons are kept", bytes, made)
	}
}

// secrets is a view that all see with the same head, and each account with something of its own, which it has in some rounds.
type secrets struct {
	who   string
	round int
	heard func(live.Message)
	extra *sync.WaitGroup
}

func (v *secrets) Mount(_ context.Context, s *live.Socket) error {
	v.who = s.Route("who")
	s.Subscribe("round")
	return nil
}

func (v *secrets) Event(context.Context, *live.Socket, live.Event) error { return nil }

func (v *secrets) Info(_ context.Context, s *live.Socket, m live.Message) error {
	_, _ = fmt.Sscan(string(m.Payload), &v.round)
	v.heard(m)
	v.extra.Go(func() { _ = s.Push(`<i id="outside" hx-swap-oob="true">from another goroutine</i>`) })
	s.Redraw()
	return nil
}

func (v *secrets) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	_, err := io.WriteString(w, drawSecrets(v.who, v.round))
	return err
}

func drawSecrets(who string, round int) string {
	var own, mark string
	if round%2 == 0 {
		own = fmt.Sprintf(`<li id="of-%s">x</li>`, who)
	}
	if round%3 == 0 {
		mark = "secret-of-" + who
	}
	return fmt.Sprintf(`<p id="round">%d</p><ul id="l"><li id="all">a text that is long enough for the rest of it to be sent alone, most of the time</li>%s</ul><p id="mark">%s</p>`, round, own, mark)
}

// show returns what a page is after a frame.
func show(t *testing.T, page *element, frame string) *element {
	t.Helper()
	if whole, ok := strings.CutPrefix(frame, `<div id="live" hx-swap-oob="innerHTML">`); ok {
		return readElements(t, strings.TrimSuffix(whole, "</div>"))
	}
	page.swapIn(t, frame)
	return page
}

// A hundred tabs of several accounts hear the same message, and show partly the same: none gets anything of another account.
func TestTabsOfOtherAccountsGetTheirOwn(t *testing.T) {
	const accounts, each, rounds = 5, 20, 12
	w := newWorld(t, live.HubConfig{})
	var mu sync.Mutex
	var gone []func() bool
	most := 0
	heard := func(m live.Message) {
		mu.Lock()
		defer mu.Unlock()
		made, _ := live.Comparisons(m)
		gone, most = append(gone, live.Gone(m)), max(most, made)
	}
	var extra sync.WaitGroup
	w.app.Get("/secrets/:who", live.New(func() live.View { return &secrets{heard: heard, extra: &extra} }, live.Config{
		Hub: w.hub,
		OnConnect: []live.Hook{{Name: "account", Connect: func(c *fiber.Ctx, s *live.Socket) error {
			s.Follow(w.subject(key(strings.Clone(c.Params("who"))), 1, 1))
			return nil
		}}},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
	}))
	w.listen()
	tabs, pages := make([]*client, accounts*each), make([]*element, accounts*each)
	who := func(i int) string { return fmt.Sprint("account-", i%accounts) }
	for i := range accounts {
		w.set(state(who(i), 1, 1))
	}
	for i := range tabs {
		c, code := w.dial("/secrets/" + who(i))
		if c == nil {
			t.Fatalf("handshake: status %d", code)
		}
		tabs[i] = c
		pages[i] = show(t, nil, c.text())
	}
	for round := 1; round <= rounds; round++ {
		if err := w.hub.Publish(context.Background(), "round", []byte(fmt.Sprint(round))); err != nil {
			t.Fatal(err)
		}
		for i, c := range tabs {
			for want := drawSecrets(who(i), round); pages[i].html() != want; {
				frame := c.text()
				if rest := strings.ReplaceAll(frame, who(i), ""); strings.Contains(rest, "account-") {
					t.Fatalf("%s got what is not its own: %s", who(i), frame)
				}
				if !strings.Contains(frame, "outside") {
					pages[i] = show(t, pages[i], frame)
				}
			}
		}
	}
	extra.Wait()
	eventually(t, "the messages and what was compared are forgotten", func() bool {
		runtime.GC()
		mu.Lock()
		defer mu.Unlock()
		for _, one := range gone {
			if !one() {
				return false
			}
		}
		return true
	})
	if most == 0 || most > 3*accounts {
		t.Errorf("up to %d comparisons for a message of %d tabs of %d accounts", most, len(tabs), accounts)
	}
}
