//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The picture of the docs: the app and the phone side by side, in pixels.
const (
	pictureWidth  = 1280
	pictureHeight = 800
	appWidth      = 820
)

// picture writes a picture of a page beside the phone, if pictures are wanted.
// open leads the window to the page.
func (tb *tab) picture(name string, p person, open func()) {
	tb.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" || tb.provider != "verify" {
		return
	}
	canvas := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	tb.show(laptopWidth, "light")
	tb.visit(tb.phone + "/")
	tb.choose(p)
	x := eval[float64](tb, `(() => { const r = document.querySelector(".device").getBoundingClientRect(); return r.x + r.width / 2; })()`)
	phone := tb.clip(x-(pictureWidth-appWidth)/2, pictureWidth-appWidth)
	tb.show(appWidth, "light")
	open()
	app := tb.clip(0, appWidth)
	draw.Draw(canvas, image.Rect(0, 0, appWidth, pictureHeight), app, app.Bounds().Min, draw.Src)
	draw.Draw(canvas, image.Rect(appWidth, 0, pictureWidth, pictureHeight), phone, phone.Bounds().Min, draw.Src)
	line := &image.Uniform{color.RGBA{0xd9, 0xdc, 0xe4, 0xff}}
	draw.Draw(canvas, image.Rect(appWidth, 0, appWidth+1, pictureHeight), line, image.Point{}, draw.Src)
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	tb.try("drawing the picture", encoder.Encode(&b, canvas))
	if b.Len() > 300_000 {
		tb.t.Errorf("the picture has %d bytes", b.Len())
	}
	tb.try("keeping the picture", os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o644))
}

// choose has the phone's page show a person's phone, with its message. The list
// moves under the mouse when others get messages, so the press is a script's. The
// thread is drawn last, and says whose it is.
func (tb *tab) choose(p person) {
	tb.t.Helper()
	choice := fmt.Sprintf(`(() => {
		document.querySelector('[data-phone=%[1]q]:not([aria-current])')?.click();
		return document.getElementById("thread").dataset.phone === %[1]q && document.querySelector(".msg");
	})()`, p.phone)
	until(tb.t, "the message", patience, func() bool { return tb.is(choice) })
}

// clip is a part of the window, from x on.
func (tb *tab) clip(x, width float64) image.Image {
	tb.t.Helper()
	ctx, cancel := tb.limited()
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip: &page.Viewport{X: x, Width: width, Height: pictureHeight, Scale: 1},
	})
	tb.try("taking a picture", err)
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	tb.try("reading the picture", err)
	return picture
}
