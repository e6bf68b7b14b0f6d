//go:build linux

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// spoil does to a page what the checks are there to find.
const spoil = `(() => {
	document.documentElement.lang = "";
	const add = (name, text, attributes = {}) => {
		const e = document.createElement(name); // from text the page makes nothing
		e.textContent = text;
		for (const a in attributes) e.setAttribute(a, attributes[a]);
		document.body.append(e);
	};
	add("h1", "two");
	add("input", "", { id: "bare", placeholder: "x" });
	add("p", "dim", { id: "dim" });
	add("div", "broad", { id: "broad" });
	add("input", "", { id: "phone", "aria-label": "p", "aria-invalid": "true", "aria-describedby": "nobody" });
	add("button", "t", { id: "tiny" });
	add("button", "n", { id: "near" });
	add("button", "s", { id: "skipped", disabled: "" });
	document.getElementById("dim").style.color = "#999";
	document.getElementById("broad").style.width = "2000px";
	for (const id of ["tiny", "near"]) Object.assign(document.getElementById(id).style, { width: "10px", height: "10px", padding: 0, overflow: "hidden", border: 0 });
	console.error("said aloud");
	setTimeout(() => { throw new Error("thrown"); });
	fetch("http://127.0.0.1:9/away").catch(() => {});
})()`

// watchful: the other stories' checks find what they look for.
func watchful(t *testing.T, tb *tab) {
	tb.visit(tb.app + "/")
	tb.do("spoiling the page", chromedp.Evaluate[chromedp.Void](spoil))
	found := strings.Join(eval[[]string](tb, accessCheck), "\n")
	for _, want := range []string{
		"no language", "there are 2 h1", "input#bare has no label", "p#dim text has a contrast of 2.", "scrolls sideways",
		"input#phone is described by nobody", "input#phone autocompletes", "button#tiny is too small",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("the check does not find %q", want)
		}
	}
	for _, want := range []string{"console: error", "exception: ", "ContentSecurityPolicy"} {
		until(t, want, patience, func() bool { return strings.Contains(strings.Join(tb.noticed(), "\n"), want) })
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.faults = nil
	if tb.foreign("https://example.com/") == "" || tb.foreign(tb.app+"/x") != "" {
		t.Error("foreign hosts are not told apart")
	}
}
