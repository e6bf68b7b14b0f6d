package web

import (
	"fmt"
	"html"
	"net/http"
)

// plainPage takes title, sentence and request. It needs no style, so that its
// policy can forbid everything.
const plainPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Error: %[1]s · latchkey</title></head>
<body><main><h1>%[1]s</h1><p>%[2]s</p><p>Request: <code>%[3]s</code></p></main></body>
</html>
`

// Plain shows a problem where there is no Site to do so: in front of the steps,
// and for one that could not start. It asks for no configuration and parses
// nothing, and has all the headers that other answers have.
func Plain(w http.ResponseWriter, r *http.Request, p *Problem) {
	headers(w.Header(), true)
	retryAfter(w, p)
	if WantsJSON(r) {
		problem(w, r, p)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	fmt.Fprintf(w, plainPage, html.EscapeString(p.Title), html.EscapeString(p.Detail), html.EscapeString(requestID(r))) //nolint:errcheck // the client is gone
}
