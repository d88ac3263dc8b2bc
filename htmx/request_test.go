package htmx_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/htmx"
)

func TestWhoAsksForWhat(t *testing.T) {
	for name, test := range map[string]struct {
		headers      []string
		is, fragment bool
	}{
		"a browser that navigates":                  {nil, false, false},
		"htmx 2":                                    {fromV2, true, true},
		"htmx 4":                                    {fromV4, true, true},
		"another value":                             {[]string{"HX-Request", "yes"}, false, false},
		"htmx 2, a boosted link":                    {append([]string{"HX-Boosted", "true"}, fromV2...), true, false},
		"htmx 2, back in the history":               {append([]string{"HX-History-Restore-Request", "true"}, fromV2...), true, false},
		"htmx 4, back in the history":               {append([]string{"HX-History-Restore-Request", "true"}, fromV4...), true, false},
		"htmx 4, into the body or with a choice":    {append(fromV4[:6:6], "HX-Request-Type", "full"), true, false},
		"the rest of the headers without the first": {[]string{"HX-Source", "a", "HX-Request-Type", "partial"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, func(c *fiber.Ctx) error {
				return c.SendString(fmt.Sprint(htmx.Is(c), htmx.IsFragment(c)))
			}, test.headers...)
			if want := fmt.Sprint(test.is, test.fragment); a.Body != want {
				t.Errorf("Is and IsFragment are %s, want %s", a.Body, want)
			}
		})
	}
}

func TestTargetID(t *testing.T) {
	for name, test := range map[string]struct {
		headers []string
		want    string
	}{
		"htmx 2":                            {fromV2, "list"},
		"htmx 4":                            {fromV4, "list"},
		"htmx 2, a target without an id":    {fromV2[:2], ""},
		"htmx 4, a target without an id":    {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "div"}, ""},
		"htmx 2, a # in the id":             {[]string{"HX-Request", "true", "HX-Target", "a#b"}, "a#b"},
		"htmx 4, a # in the id":             {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "div#a#b"}, "a#b"},
		"htmx 2, a % in the id":             {[]string{"HX-Request", "true", "HX-Target", "a%20b"}, "a%20b"},
		"htmx 4, a space and a % in the id": {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "div#a%20%25"}, "a %"},
		"htmx 4, a sign beyond ASCII":       {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "div#%E5%88%97"}, "列"},
		"htmx 2, a sign beyond what fits":   {[]string{"HX-Request", "true", "HX-Target", "%E5%88%97", "HX-Target-URI-AutoEncoded", "true"}, "列"},
		"broken encoding":                   {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "div#%zz"}, ""},
		"bytes that are no text":            {[]string{"HX-Request", "true", "HX-Target", "\xe9"}, ""},
		"bytes that are no text, encoded":   {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "div#%E9"}, ""},
		"an element of its own name":        {[]string{"HX-Request", "true", "HX-Source", "a", "HX-Target", "my-list#x"}, "x"},
		"a browser that navigates":          {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if a := ask(t, func(c *fiber.Ctx) error { return c.SendString(htmx.TargetID(c)) }, test.headers...); a.Body != test.want {
				t.Errorf("target %q, want %q", a.Body, test.want)
			}
		})
	}
}

func TestCurrentURL(t *testing.T) {
	for sent, want := range map[string]string{
		"http://app.test/notes?q=a%20b":    "/notes?q=a%20b true",
		"https://app.test/notes#below":     "/notes true",
		"http://APP.test":                  "/ true",
		"http://elsewhere.test/notes":      " false",
		"http://app.test.evil.test/":       " false",
		"http://app.test@evil.test/":       " false",
		"http://app.test:81/":              " false",
		"http://app.test//evil.test/":      " false",
		"/notes":                           " false",
		"//app.test/notes":                 " false",
		"javascript://app.test/%0aalert()": " false",
		"":                                 " false",
		"http://app.test/%zz":              " false",
	} {
		a := ask(t, func(c *fiber.Ctx) error {
			path, ok := htmx.CurrentURL(c)
			return c.SendString(fmt.Sprint(path, " ", ok))
		}, "HX-Request", "true", "HX-Current-URL", sent)
		if a.Body != want {
			t.Errorf("%q gives %q, want %q", sent, a.Body, want)
		}
	}
}

// Fiber's strings are views of a buffer that the next request on the connection overwrites.
func TestWhatIsKeptDoesNotBecomeThatOfTheNextRequest(t *testing.T) {
	var kept []string
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error {
		path, _ := htmx.CurrentURL(c)
		kept = append(kept, htmx.TargetID(c), path) // as they are: putting them together would copy them
		return nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(connection)
	var want []string
	for _, name := range []string{"alice", "bobby", "carol"} {
		fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: app.test\r\nHX-Request: true\r\nHX-Target: %[1]s\r\nHX-Current-URL: http://app.test/%[1]s\r\n\r\n", name)
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		want = append(want, name, "/"+name)
	}
	connection.Close()
	if err := app.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(kept, ","); got != strings.Join(want, ",") {
		t.Errorf("kept %s, want %s", got, strings.Join(want, ","))
	}
}

func TestVaryNamesWhatWasLookedAt(t *testing.T) {
	a := ask(t, func(c *fiber.Ctx) error {
		c.Vary("Cookie")
		htmx.Is(c)
		return nil
	})
	a.want(t, 200, map[string]string{"Vary": "Cookie, HX-Request"})
	a = ask(t, func(c *fiber.Ctx) error {
		htmx.Is(c)
		htmx.IsFragment(c)
		htmx.TargetID(c)
		return nil
	})
	a.want(t, 200, map[string]string{"Vary": "HX-Request, HX-Request-Type, HX-Boosted, HX-History-Restore-Request, HX-Target"})
}
