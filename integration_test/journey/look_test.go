package journey_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestEveryPageFitsEveryScreen opens the pages on a phone and on a desk, in light and in dark, and keeps pictures of them. No
// page may be wider than the screen, and no text may be too faint to read.
func TestEveryPageFitsEveryScreen(t *testing.T) {
	n := sitetest.Start(t, redisserver.Start(t).URL())
	v := sitetest.NewVisitor(t)
	v.SignIn(n, alice)
	v.Add(n, bob)
	sitetest.NewVisitor(t).SignIn(n, bob) // so that the page about devices has something to end
	folder := pictures(t)

	bounded, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)
	allocator, stopAllocator := chromedp.NewExecAllocator(bounded, options...)
	t.Cleanup(stopAllocator)
	ctx, stopTab := chromedp.NewContext(allocator)
	t.Cleanup(stopTab)

	setCookie := func(value string) {
		t.Helper()
		params := network.SetCookieParams{Name: sitetest.Cookie, Value: value, URL: n.URL}
		if _, err := chromedp.Call(ctx, network.SetCookie, params); err != nil {
			t.Fatalf("cookie: %v", err)
		}
	}
	screens := []struct {
		name          string
		width, height int64
		scheme        string
	}{
		{"phone-light", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"},
		{"desk-light", 1280, 800, "light"}, {"desk-dark", 1280, 800, "dark"}, {"tiny-light", 320, 568, "light"},
	}
	visitors := []struct {
		name, cookie string
		pages        map[string]string
	}{
		{"stranger", "", map[string]string{"welcome": "/", "sign-in": "/session/new", "register": "/registration/new", "missing": "/nowhere"}},
		{"bob", v.SessionCookie(n), map[string]string{
			"home": "/", "private": "/private", "notes": "/notes", "inbox": "/inbox", "live": "/live",
			"switch": "/link/switch_to/" + ids["Alice"], "link": "/link/p/" + ids["Alice"], "sign-in-again": "/session/new",
			"foreign": "/link/switch_to/nobody", "devices": "/devices", "board": "/board", "mail": "/mail",
			"profile": "/profile", "tenants": "/tenants/members", "new-tenant": "/tenants/new", "again": "/session/new?again=" + ids["Alice"],
		}},
	}
	for _, screen := range screens {
		t.Run(screen.name, func(t *testing.T) {
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: screen.scheme}}}
			if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
				t.Fatal(err)
			}
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(screen.width, screen.height)); err != nil {
				t.Fatal(err)
			}
			for _, visitor := range visitors {
				setCookie(visitor.cookie)
				for name, path := range visitor.pages {
					if err := chromedp.Do(ctx, chromedp.Navigate(n.URL+path)); err != nil {
						t.Fatalf("%s: %v", path, err)
					}
					look(ctx, t, filepath.Join(folder, screen.name+"-"+visitor.name+"-"+name+".png"))
				}
			}
		})
	}
}

func look(ctx context.Context, t *testing.T, file string) {
	t.Helper()
	name := filepath.Base(file)
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
	if err != nil || wide > 0 {
		t.Errorf("%s is %d pixels too wide (%v)", name, wide, err)
	}
	faint, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](faintTexts))
	if err != nil || len(faint) > 0 {
		t.Errorf("%s has texts that are hard to read: %q (%v)", name, faint, err)
	}
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(file, image, 0o644)
	}
	if err != nil {
		t.Errorf("picture of %s: %v", name, err)
	}
}

// faintTexts lists texts whose contrast to the nearest background is below 4.5, which WCAG asks for.
const faintTexts = `(() => {
	const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
	const light = ([r, g, b]) => [r, g, b].map(x => (x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4)
		.reduce((sum, x, i) => sum + x * [.2126, .7152, .0722][i], 0);
	const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255]; };
	const faint = [];
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest('.visually-hidden, #account-announcer')) continue;
		const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
		const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (contrast < 4.5) faint.push(e.textContent.trim().slice(0, 30) + ' ' + contrast.toFixed(1));
	}
	return faint;
})()`
