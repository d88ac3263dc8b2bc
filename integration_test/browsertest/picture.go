package browsertest

import (
	"bytes"
	"context"
	"image"
	"image/png"

	"github.com/chromedp/chromedp"
)

// Picture returns what a screen of width by height CSS pixels shows of the page, each drawn as scale pixels of the picture.
func (tab *Tab) Picture(width, height int64, scale float64) image.Image {
	tab.t.Helper()
	tab.do("choose a screen", chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
	ctx, cancel := context.WithTimeout(tab.ctx, stepTimeout)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tab.t.Fatalf("browsertest: picture: %v", err)
	}
	shown, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		tab.t.Fatalf("browsertest: picture: %v", err)
	}
	return shown
}
