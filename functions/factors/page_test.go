package factors

import (
	"io"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/pagetest"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// What others have written is text, in all states of the page.
func TestPageIsInert(t *testing.T) {
	drawn, err := picture("x")
	if err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string]func(x string) content{
		"Authy": func(x string) content { return content{Ending: x} },
		"device": func(x string) content {
			return content{Made: enrolment{Factor: store.Factor{ID: x}, Text: x, Image: drawn}}
		},
		"app": func(x string) content {
			return content{Made: enrolment{Factor: store.Factor{ID: x}, URI: x, Secret: x, Image: drawn}}
		},
		"list": func(x string) content {
			rows := []row{{store.Factor{ID: x, Type: device}, x, x}, {store.Factor{ID: x, Type: authenticator}, x, x}, {store.Factor{ID: x, Type: x, Active: true}, x, x}}
			return content{Ending: x, Factors: rows, Problem: web.Malformed(x)}
		},
	} {
		pagetest.Inert(t, name, func(x string) web.View {
			c := state(x)
			c.Offered = name != "Authy"
			return web.View{Main: page(c)}
		})
	}
}

// The page loads no picture but one that it holds.
func TestOnlyOwnPictures(t *testing.T) {
	for address, own := range map[image]bool{
		"data:image/png;base64,iVBORw0KGgo=": true,
		"":                                   false, "https://evil.example/x.png": false, "javascript:alert(1)": false, "data:text/html;base64,PGI+": false,
		"data:image/svg+xml;base64,PHN2Zz4=": false, "data:image/png,x": false, `data:image/png;base64,iVBORw0KGgo=" onload="x`: false,
		" data:image/png;base64,iVBORw0KGgo=": false, "DATA:image/png;base64,iVBORw0KGgo=": false,
	} {
		for _, made := range []enrolment{{Text: "x", Image: address}, {URI: "x", Image: address}} {
			var b strings.Builder
			err := page(content{Offered: true, Made: made}).Render(t.Context(), io.Writer(&b))
			shown := err == nil && strings.Contains(b.String(), `<img src="`+string(address)+`"`)
			if shown != own || (err == nil) != own {
				t.Errorf("%s: %v %s", address, err, b.String())
			}
		}
	}
}

// Of several that were begun and not confirmed, each says when.
func TestPendingOnesDiffer(t *testing.T) {
	begun := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	rows := []row{{Factor: store.Factor{ID: "1", Type: device, CreatedAt: begun}}, {Factor: store.Factor{ID: "2", Type: device, CreatedAt: begun.Add(time.Minute)}}}
	var b strings.Builder
	err := page(content{Offered: true, Factors: rows}).Render(t.Context(), &b)
	for _, want := range []string{"Begun on 4 March 2026 at 05:06 UTC and not confirmed yet.", "Begun on 4 March 2026 at 05:07 UTC and not confirmed yet."} {
		if err != nil || strings.Count(b.String(), want) != 1 {
			t.Errorf("%v: the page lacks %s: %s", err, want, b.String())
		}
	}
}
