package session

import (
	"context"
	"net/http"
	"strings"

	"latchkey/shared/web"
)

// How a request brings its token, and how an answer takes it away. A browser
// has cookies: "session", and beside it "step" while somebody who is signed in
// proves something anew, so that giving up half way costs nothing. A program
// that is no browser has Authorization: Bearer (RFC 6750) and is told a new
// token in the answer's document. When that header is there, cookies do not
// count.
const (
	wholeCookie = "session"
	stepCookie  = "step"
)

type bearerKey struct{}

// AsBearer is the request of a program that wants its token in the answer and
// not in a cookie, although it has none to bring yet. device is what it was told
// after an earlier login, if it kept that (see Remember).
func AsBearer(r *http.Request, device string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), bearerKey{}, device))
}

// bearer reports whether the request's tokens travel outside of cookies, and
// what it brings.
func bearer(r *http.Request) (value string, ok bool) {
	_, asked := r.Context().Value(bearerKey{}).(string)
	scheme, value, _ := strings.Cut(strings.ReplaceAll(r.Header.Get("Authorization"), "\t", " "), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(value), true
	}
	return "", asked
}

// Token is the token of the step that a request is at: of something begun by
// who is signed in, else of the session.
func (g *Guard) Token(r *http.Request) (Token, bool) {
	_, other := bearer(r)
	t, ok := g.cookie(r, stepCookie)
	if other || !ok {
		return g.Whole(r)
	}
	return t, ok
}

// Whole is the request's token as far as it may be signed in.
func (g *Guard) Whole(r *http.Request) (Token, bool) {
	value, other := bearer(r)
	if other {
		return Parse(value)
	}
	return g.cookie(r, wholeCookie)
}

func (g *Guard) cookie(r *http.Request, name string) (Token, bool) {
	c, err := r.Cookie(g.site.CookieName(name))
	if err != nil {
		return Token{}, false
	}
	return Parse(c.Value)
}

// Set gives the client the token in the place of all it had, for as long as it
// runs.
func (g *Guard) Set(w http.ResponseWriter, r *http.Request, t Token) {
	_, other := bearer(r)
	if other {
		web.Tell(w, "token", t.Value())
		return
	}
	http.SetCookie(w, g.site.Cookie(wholeCookie, t.Value(), 0))
	g.clearStep(w, r)
}

// SetStep gives the client a token beside its session's.
func (g *Guard) SetStep(w http.ResponseWriter, r *http.Request, t Token) {
	_, other := bearer(r)
	if other {
		web.Tell(w, "token", t.Value())
		return
	}
	http.SetCookie(w, g.site.Cookie(stepCookie, t.Value(), 0))
}

// Clear makes a browser forget its tokens.
func (g *Guard) Clear(w http.ResponseWriter, r *http.Request) {
	_, other := bearer(r)
	if other {
		return
	}
	http.SetCookie(w, g.site.Cookie(wholeCookie, "", -1))
	g.clearStep(w, r)
}

func (g *Guard) clearStep(w http.ResponseWriter, r *http.Request) {
	_, other := bearer(r)
	_, err := r.Cookie(g.site.CookieName(stepCookie))
	if err == nil && !other {
		http.SetCookie(w, g.site.Cookie(stepCookie, "", -1))
	}
}
