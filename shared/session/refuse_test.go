package session_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// answered is what a client of this kind is told for an error: status, and where
// to go or why not.
func (b *gate) answered(t testing.TB, accept string, err error) (int, string) {
	t.Helper()
	h := b.site.Handler(web.Routes{"GET /page": func(w http.ResponseWriter, r *http.Request) error { return b.guard.Refuse(w, r, err) }})
	r, w := httptest.NewRequest("GET", "/page", nil), httptest.NewRecorder()
	r.Header.Set("Accept", accept)
	h.ServeHTTP(w, r)
	if accept == "text/html" {
		return w.Code, w.Header().Get("Location")
	}
	var doc struct{ Code, Next string }
	if json.Unmarshal(w.Body.Bytes(), &doc) != nil {
		t.Errorf("%s", w.Body)
	}
	return w.Code, doc.Code + doc.Next
}

// Whoever comes with the wrong session is sent to the step that is due, of a
// sign-up and of a login; a program is told why (parity 79, 120).
func TestRefuse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flow      store.Flow
		approval  bool
		confirmed bool
		over      bool
		full      bool // asked of Full, else of Half
		page      string
		status    int
		code      string
	}{
		"sign-up at a gate":            {flow: store.Signup, full: true, page: "/verify", status: 401, code: "no_session"},
		"login by code at a gate":      {flow: store.Login, full: true, page: "/verify", status: 401, code: "no_session"},
		"login by push at a gate":      {flow: store.Login, approval: true, full: true, page: "/status", status: 401, code: "no_session"},
		"sign-up that is over":         {flow: store.Signup, over: true, page: "/signup", status: 410, code: "expired"},
		"login that is over":           {flow: store.Login, over: true, page: "/login", status: 410, code: "expired"},
		"login that is over at a gate": {flow: store.Login, over: true, full: true, page: "/login", status: 401, code: "no_session"},
		"confirmed":                    {flow: store.Login, confirmed: true, page: "/account", status: 200, code: "/account"},
		"none":                         {page: "/login", status: 401, code: "no_session"},
		"none at a gate":               {full: true, page: "/login", status: 401, code: "no_session"},
	} {
		b := open(t)
		tok := token()
		if c.flow != "" {
			tok = b.at(t, c.flow, c.approval, c.confirmed)
		}
		if c.over {
			b.Clock.Set(start.Add(31 * time.Minute))
		}
		err := b.half(t, tok.Value())
		if c.full {
			err = b.full(t, tok.Value())
		}
		status, next := b.answered(t, "text/html", err)
		if status != http.StatusSeeOther || next != c.page {
			t.Errorf("%s: a person gets %d %q, want %q", name, status, next, c.page)
		}
		status, code := b.answered(t, "application/json", err)
		if status != c.status || code != c.code {
			t.Errorf("%s: a program gets %d %q, want %d %q", name, status, code, c.status, c.code)
		}
	}
}

// at writes a session of this kind and returns its token.
func (b *gate) at(t testing.TB, flow store.Flow, approval, confirmed bool) session.Token {
	t.Helper()
	tok := token()
	s, err := b.CreateSession(t.Context(), b.guard.New(tok, flow, profile()))
	if err != nil {
		t.Fatal(err)
	}
	if approval {
		s.Approval = ref
		err = b.RecordSend(t.Context(), s)
	}
	if confirmed {
		tok, _, err = b.guard.Confirm(t.Context(), s, tok, code, store.FactorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// A fault is none of its business, nor is a session's used-up tries.
func TestRefuseOthers(t *testing.T) {
	t.Parallel()
	b := open(t)
	fault := errors.New("table is down")
	err := b.guard.Refuse(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), fault)
	if !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	for flow, want := range map[store.Flow]string{store.Signup: "/signup", store.Login: "/login"} {
		p := session.UsedUp(store.Session{Flow: flow})
		if p.Code != "used_up" || p.Next != want {
			t.Errorf("%s: %s to %s", flow, p.Code, p.Next)
		}
	}
}
