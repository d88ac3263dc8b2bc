package htmx_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/htmx"
)

func TestRedirect(t *testing.T) {
	to := func(path string) fiber.Handler { return func(c *fiber.Ctx) error { return htmx.Redirect(c, path) } }
	for path, want := range map[string]string{
		"/":                "/",
		"/notes?q=a%20b#x": "/notes?q=a%20b#x",
		"/é?q=列":           "/%C3%A9?q=%E5%88%97",
		"/a//b":            "/a//b",
		"/go?to=//evil":    "/go?to=//evil",
	} {
		ask(t, to(path)).want(t, 303, map[string]string{"Location": want, "Hx-Redirect": "", "Vary": "HX-Request", "Cache-Control": "no-store"})
		for _, headers := range [][]string{fromV2, fromV4} {
			ask(t, to(path), headers...).want(t, 204, map[string]string{
				"Location": "", "Hx-Redirect": want, "Vary": "HX-Request", "Cache-Control": "no-store",
			})
		}
	}
}

// Each of these is, or could be taken for, another site.
var foreign = []string{
	"", "notes", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test/", "http:evil.test",
	"javascript:alert(1)", " /notes", "/\t/evil.test", "/\n/evil.test", "/a b", "/.//evil.test", "/..//evil.test",
	"/%2e%2e//evil.test", "/a/../..//evil.test", "/\x00", "/\xff", "/%zz", "?q=1", "#x", "/\x7f",
}

func TestRedirectToAnotherSite(t *testing.T) {
	for _, path := range foreign {
		var err error
		handler := func(c *fiber.Ctx) error { err = htmx.Redirect(c, path); return nil }
		ask(t, handler, fromV2...).want(t, 200, map[string]string{"Hx-Redirect": "", "Location": ""})
		if !errors.Is(err, htmx.ErrNotLocal) {
			t.Errorf("%q: error %v, want ErrNotLocal", path, err)
		}
	}
}

func TestRedirectAway(t *testing.T) {
	away := func(address string) fiber.Handler {
		return func(c *fiber.Ctx) error { return htmx.RedirectAway(c, address) }
	}
	const address = "https://elsewhere.test/a?b=c#d"
	ask(t, away(address)).want(t, 303, map[string]string{"Location": address})
	ask(t, away(address), fromV4...).want(t, 204, map[string]string{"Hx-Redirect": address})
	for _, address := range []string{"", "/notes", "//elsewhere.test/", "javascript:alert(1)", "data:text/html,x", "https:elsewhere.test",
		"https://", "https://:443/", "https://app.test@evil.test/", "https://elsewhere.test/\r\nX: y", "https:\\\\elsewhere.test", " https://elsewhere.test"} {
		var err error
		ask(t, func(c *fiber.Ctx) error { err = htmx.RedirectAway(c, address); return nil })
		if !errors.Is(err, htmx.ErrNotWeb) {
			t.Errorf("%q: error %v, want ErrNotWeb", address, err)
		}
	}
}

func TestRefresh(t *testing.T) {
	for _, headers := range [][]string{fromV2, fromV4} {
		ask(t, htmx.Refresh, headers...).want(t, 204, map[string]string{"Hx-Refresh": "true", "Location": "", "Vary": "HX-Request"})
	}
	for from, want := range map[string]string{
		"http://app.test/notes?q=1#x": "/notes?q=1",
		"https://evil.test/notes":     "/",
		"":                            "/",
	} {
		ask(t, htmx.Refresh, "Referer", from).want(t, 303, map[string]string{"Hx-Refresh": "", "Location": want})
	}
}

func TestTheLastWordAboutTheAddressCounts(t *testing.T) {
	push := func(c *fiber.Ctx) error { return htmx.PushURL(c, "/é") }
	replace := func(c *fiber.Ctx) error { return htmx.ReplaceURL(c, "/b") }
	keep := func(c *fiber.Ctx) error { htmx.KeepURL(c); return nil }
	for name, test := range map[string]struct {
		said          []fiber.Handler
		push, replace string
	}{
		"push":               {[]fiber.Handler{push}, "/%C3%A9", ""},
		"replace":            {[]fiber.Handler{replace}, "", "/b"},
		"keep":               {[]fiber.Handler{keep}, "false", ""},
		"push, then replace": {[]fiber.Handler{push, replace}, "", "/b"},
		"replace, then push": {[]fiber.Handler{replace, push}, "/%C3%A9", ""},
		"replace, then keep": {[]fiber.Handler{replace, keep}, "false", ""},
		"keep, then replace": {[]fiber.Handler{keep, replace}, "", "/b"},
	} {
		t.Run(name, func(t *testing.T) {
			ask(t, func(c *fiber.Ctx) error {
				for _, say := range test.said {
					if err := say(c); err != nil {
						return err
					}
				}
				return nil
			}).want(t, 200, map[string]string{"Hx-Push-Url": test.push, "Hx-Replace-Url": test.replace})
		})
	}
}

func TestTheAddressOfAnotherSiteIsNotShown(t *testing.T) {
	for _, path := range append(foreign, "true", "false") {
		ask(t, func(c *fiber.Ctx) error {
			for _, err := range []error{htmx.PushURL(c, path), htmx.ReplaceURL(c, path)} {
				if !errors.Is(err, htmx.ErrNotLocal) {
					t.Errorf("%q: error %v, want ErrNotLocal", path, err)
				}
			}
			return nil
		}).want(t, 200, map[string]string{"Hx-Push-Url": "", "Hx-Replace-Url": ""})
	}
}

func TestPlaceOfTheAnswer(t *testing.T) {
	for selector, want := range map[string]string{
		"#list":                          "#list",
		`[data-name="a b"]`:              `[data-name="a b"]`,
		"#überschrift":                   `#\fc berschrift`,
		"#列2":                            `#\5217 2`,
		"#a\r\nSet-Cookie: session=evil": "#a  Set-Cookie: session=evil",
		"#a\x00b\x7fc":                   `#a b\7f c`,
	} {
		a := ask(t, func(c *fiber.Ctx) error {
			htmx.Retarget(c, selector)
			htmx.Reswap(c, "outerHTML\r\nSet-Cookie: größe")
			return nil
		})
		a.want(t, 200, map[string]string{
			"Hx-Retarget": want, "Hx-Reswap": "outerHTML  Set-Cookie: gr  e", "Set-Cookie": "",
		})
	}
}

func TestTrigger(t *testing.T) {
	type event struct {
		name   string
		detail any
	}
	for name, test := range map[string]struct {
		before string
		events []event
		want   string
	}{
		"nothing to say":           {"", []event{{"saved", nil}}, `{"saved":{}}`},
		"an object":                {"", []event{{"saved", map[string]int{"id": 7}}}, `{"saved":{"id":7}}`},
		"a text":                   {"", []event{{"saved", "milk"}}, `{"saved":{"value":"milk"}}`},
		"a list":                   {"", []event{{"saved", []int{1}}}, `{"saved":{"value":[1]}}`},
		"false":                    {"", []event{{"saved", false}}, `{"saved":{"value":false}}`},
		"two, in their order":      {"", []event{{"b", nil}, {"a", 1}}, `{"b":{},"a":{"value":1}}`},
		"after a list of names":    {"first, second,", []event{{"saved", nil}}, `{"first":{},"second":{},"saved":{}}`},
		"after an object":          {` { "first": {"a":"}"} } `, []event{{"saved", nil}}, `{"first": {"a":"}"},"saved":{}}`},
		"after an empty object":    {`{}`, []event{{"saved", nil}}, `{"saved":{}}`},
		"beyond ASCII":             {"", []event{{"größe", "列 😀"}}, `{"gr\u00f6\u00dfe":{"value":"\u5217 \ud83d\ude00"}}`},
		"with the end of a header": {"", []event{{"a\r\nSet-Cookie: x", "\r\nSet-Cookie: x=1"}}, `{"a\r\nSet-Cookie: x":{"value":"\r\nSet-Cookie: x=1"}}`},
		"with the end of a JSON":   {"", []event{{`a":{},"b`, `"}`}}, `{"a\":{},\"b":{"value":"\"}"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			ask(t, func(c *fiber.Ctx) error {
				if test.before != "" {
					c.Set("HX-Trigger", test.before)
				}
				for _, e := range test.events {
					if err := htmx.Trigger(c, e.name, e.detail); err != nil {
						t.Error(err)
					}
				}
				return nil
			}).want(t, 200, map[string]string{"Hx-Trigger": test.want, "Set-Cookie": ""})
		})
	}
}

func TestTriggerLeavesTheHeaderWhenItFails(t *testing.T) {
	for before, detail := range map[string]any{`{"broken":`: nil, "first": func() {}} {
		ask(t, func(c *fiber.Ctx) error {
			c.Set("HX-Trigger", before)
			if htmx.Trigger(c, "saved", detail) == nil {
				t.Errorf("%q: no error", before)
			}
			return nil
		}).want(t, 200, map[string]string{"Hx-Trigger": before})
	}
}

func TestFragment(t *testing.T) {
	handler := func(c *fiber.Ctx) error {
		return htmx.Fragment(c, func(c *fiber.Ctx) error { return c.SendString("page") },
			func(c *fiber.Ctx) error { return c.SendString("fragment") })
	}
	headers := map[string]string{
		"Vary": "HX-Request, HX-Request-Type, HX-Boosted, HX-History-Restore-Request", "Cache-Control": "no-store",
		"Content-Type": "text/html; charset=utf-8",
	}
	for want, requests := range map[string][][]string{
		"page":     {nil, append([]string{"HX-History-Restore-Request", "true"}, fromV4...), append([]string{"HX-Boosted", "true"}, fromV2...)},
		"fragment": {fromV2, fromV4},
	} {
		for _, request := range requests {
			a := ask(t, handler, request...)
			a.want(t, 200, headers)
			if a.Body != want {
				t.Errorf("%v: got the %s, want the %s", request, a.Body, want)
			}
		}
	}
}

func TestFragmentKeepsWhatTheHandlerSays(t *testing.T) {
	ask(t, func(c *fiber.Ctx) error {
		c.Set("Cache-Control", "private, max-age=5")
		return htmx.Fragment(c, func(c *fiber.Ctx) error { return c.Status(404).JSON("x") }, nil)
	}).want(t, 404, map[string]string{"Cache-Control": "private, max-age=5", "Content-Type": "application/json"})
	failure := errors.New("no page")
	ask(t, func(c *fiber.Ctx) error {
		if err := htmx.Fragment(c, func(*fiber.Ctx) error { return failure }, nil); !errors.Is(err, failure) {
			t.Errorf("error %v, want that of the page", err)
		}
		return nil
	})
}

func TestError(t *testing.T) {
	always := map[string]string{"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8"}
	shown := map[string]string{
		"X-Error-Status": "409", "Hx-Reswap": "innerHTML", "Hx-Retarget": "", "Hx-Push-Url": "false", "Hx-Replace-Url": "",
	}
	full := append(fromV4[:6:6], "HX-Request-Type", "full")
	boosted := append([]string{"HX-Boosted", "true"}, fromV2...)
	for name, test := range map[string]struct {
		request []string
		status  int
		headers map[string]string
	}{
		"a browser that navigates": {nil, 409, map[string]string{"X-Error-Status": "", "Hx-Reswap": "", "Hx-Push-Url": ""}},
		"htmx 2":                   {fromV2, 200, with(shown, "Hx-Reselect", "unset")},
		"htmx 2, a boosted link":   {boosted, 200, with(shown, "Hx-Reselect", "")},
		"htmx 4":                   {fromV4, 200, with(shown, "Hx-Reselect", "")},
		"htmx 4 with hx-select":    {full, 200, with(shown, "Hx-Reselect", "")},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, func(c *fiber.Ctx) error { return htmx.Error(c, 409, "<p>Late</p>") }, test.request...)
			a.want(t, test.status, always)
			a.want(t, test.status, test.headers)
			if a.Body != "<p>Late</p>" {
				t.Errorf("body %q", a.Body)
			}
		})
	}

	t.Run("into the place that the handler names", func(t *testing.T) {
		ask(t, func(c *fiber.Ctx) error {
			htmx.Retarget(c, "#problem")
			htmx.Reswap(c, "beforeend")
			if err := htmx.PushURL(c, "/elsewhere"); err != nil {
				return err
			}
			return htmx.Error(c, 500, "<p>No</p>")
		}, fromV4...).want(t, 200, map[string]string{"Hx-Retarget": "#problem", "Hx-Reswap": "beforeend", "Hx-Push-Url": "false"})
	})
}

func with(headers map[string]string, name, value string) map[string]string {
	headers = maps.Clone(headers)
	headers[name] = value
	return headers
}
