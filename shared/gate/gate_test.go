package gate_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/caller"
	"latchkey/shared/env"
	"latchkey/shared/gate"
	"latchkey/shared/web"
)

var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// said is what the authorizer says of somebody who may do everything.
func said() map[string]any {
	return map[string]any{
		"uid": "u1", "user": "h.u1", "role": "auditor", "session": "s1", "factor": "push",
		"confirmed_at": float64(now.Unix()), "settled_at": 0.0,
	}
}

// with is said with some of it changed; nil takes it away.
func with(change map[string]any) map[string]any {
	doc := said()
	maps.Copy(doc, change)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	return doc
}

func of(t testing.TB, doc map[string]any) (gate.Caller, bool) {
	return gate.Of(caller.With(t.Context(), caller.Caller{Lambda: doc}))
}

func TestOf(t *testing.T) {
	got, ok := of(t, with(map[string]any{"settled_at": 90000.0}))
	want := gate.Caller{
		UID: "u1", User: "h.u1", Role: "auditor", Session: "s1", Factor: "push", ConfirmedAt: now, SettledAt: time.Date(1970, 1, 2, 1, 0, 0, 0, time.UTC),
	}
	if !ok || got != want {
		t.Errorf("%+v %v, want %+v", got, ok, want)
	}
}

// Where no authorizer was asked, where it let a visitor through, and where what
// it says is not what ours says, there is nobody.
func TestOfNobody(t *testing.T) {
	for what, doc := range map[string]map[string]any{
		"none": nil, "a visitor": {}, "no uid": with(map[string]any{"uid": nil}), "an empty uid": with(map[string]any{"uid": ""}),
		"a uid that is no text": with(map[string]any{"uid": 7.0}), "a uid in a list": with(map[string]any{"uid": []any{"u1"}}),
	} {
		if c, ok := of(t, doc); ok || c != (gate.Caller{}) {
			t.Errorf("%s: %+v %v", what, c, ok)
		}
	}
	for _, odd := range []any{nil, "", "1795168800", "NaN", true, -1.0, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 253402300800.0, []any{1.0}, map[string]any{}} {
		for _, name := range []string{"confirmed_at", "settled_at"} {
			if c, ok := of(t, with(map[string]any{name: odd})); ok || c != (gate.Caller{}) {
				t.Errorf("%s %v: %+v %v", name, odd, c, ok)
			}
		}
	}
	for _, never := range []any{0.0, 0.5} {
		if _, ok := of(t, with(map[string]any{"confirmed_at": never})); ok {
			t.Errorf("a proof at %v counts", never)
		}
	}
	if c, ok := gate.Of(t.Context()); ok || c != (gate.Caller{}) {
		t.Errorf("without a gateway: %+v", c)
	}
	signed := caller.With(t.Context(), caller.Caller{IAM: "arn:aws:iam::123456789012:user/shop"})
	if c, ok := gate.Of(signed); ok {
		t.Errorf("a signed request is a user's: %+v", c)
	}
}

// Whatever the context holds: a caller is somebody, whose times a clock can show.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{
		`{"uid":"u1","user":"h.u1","role":"user","session":"s","factor":"code","confirmed_at":1795168800,"settled_at":0}`,
		`{"uid":"u1","confirmed_at":"1795168800","settled_at":0}`, `{"uid":"u1","confirmed_at":1e300,"settled_at":-1}`,
		`{"uid":null,"confirmed_at":1,"settled_at":1}`, `{"uid":"u1","confirmed_at":0.1,"settled_at":1e-300}`, `{}`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc map[string]any
		err := json.Unmarshal(data, &doc)
		if err != nil {
			return
		}
		c, ok := of(t, doc)
		if !ok {
			if c != (gate.Caller{}) {
				t.Errorf("nobody, and yet %+v", c)
			}
			return
		}
		at, _ := doc["confirmed_at"].(float64)
		settled, told := doc["settled_at"].(float64)
		if c.UID == "" || c.UID != doc["uid"] || c.ConfirmedAt.Unix() != int64(at) || at < 1 || !told || c.SettledAt.Unix() != int64(settled) ||
			c.ConfirmedAt.Year() > 9999 || c.SettledAt.Year() > 9999 || c.SettledAt.Year() < 1970 {
			t.Errorf("%+v of %s", c, data)
		}
	})
}

// ask sends a request through a need, and returns the answer and how often the
// route's own handler ran.
func ask(t *testing.T, n gate.Need, doc map[string]any, target, accept string) (*httptest.ResponseRecorder, int) {
	t.Helper()
	cfg := env.Config{Getenv: func(string) string { return "" }, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	site := web.New(cfg, env.Read(cfg))
	ran := 0
	h := site.HandlerOr(nil, gate.Require(cfg.Now, n, func(w http.ResponseWriter, _ *http.Request, c gate.Caller) error {
		ran++
		return site.JSON(w, map[string]string{"uid": c.UID})
	}))
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Accept", accept)
	if doc != nil {
		r = r.WithContext(caller.With(r.Context(), caller.Caller{Lambda: doc}))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w, ran
}

// Each state has its answer, for a person and for a program; the handler runs
// when nothing lacks (parity 120, 122, 124).
func TestRequire(t *testing.T) {
	ago := func(d time.Duration) map[string]any {
		return with(map[string]any{"confirmed_at": float64(now.Add(-d).Unix())})
	}
	from := func(d time.Duration) map[string]any {
		return with(map[string]any{"settled_at": float64(now.Add(d).Unix())})
	}
	fresh, auditor, settled := gate.Need{Fresh: 5 * time.Minute}, gate.Need{Role: "auditor"}, gate.Need{Settled: true}
	const here, again = "/login?return=%2Fp%3Fa%3D1%26b%3D%252F", "/login/again?return=%2Fp%3Fa%3D1%26b%3D%252F"
	cases := []struct {
		name   string
		need   gate.Need
		said   map[string]any
		status int    // for a program
		code   string // "" if it passes
		next   string // for a person
	}{
		{"nobody", gate.Need{}, nil, 401, "no_session", here},
		{"a visitor", auditor, map[string]any{}, 401, "no_session", here},
		{"a visitor goes back to the form", gate.Need{Back: "/form"}, map[string]any{}, 401, "no_session", "/login?return=%2Fform"},
		{"a visitor goes back nowhere else", gate.Need{Back: "//evil.example/"}, map[string]any{}, 401, "no_session", "/login"},
		{"somebody", gate.Need{}, ago(7 * 24 * time.Hour), 200, "", ""},
		{"the role", auditor, said(), 200, "", ""},
		{"another role", gate.Need{Role: "admin"}, said(), 403, "forbidden", ""},
		{"a part of the role", gate.Need{Role: "audit"}, said(), 403, "forbidden", ""},
		{"no role", auditor, with(map[string]any{"role": nil}), 403, "forbidden", ""},
		{"the role before the proof", gate.Need{Role: "admin", Fresh: time.Minute}, ago(time.Hour), 403, "forbidden", ""},
		{"fresh to the second", fresh, ago(5 * time.Minute), 200, "", ""},
		{"old by a second", fresh, ago(5*time.Minute + time.Second), 403, "reauth", again},
		{"a clock ahead", fresh, ago(-time.Minute), 200, "", ""},
		{"a proof of the future", fresh, ago(-time.Minute - time.Second), 403, "reauth", again},
		{"back to the form", gate.Need{Fresh: time.Minute, Back: "/form"}, ago(time.Hour), 403, "reauth", "/login/again?return=%2Fform"},
		{"settled", settled, from(0), 200, "", ""},
		{"cooling", settled, from(time.Second), 403, "cooling", ""},
		{"cooling does not matter", gate.Need{}, from(time.Hour), 200, "", ""},
	}
	for _, c := range cases {
		w, ran := ask(t, c.need, c.said, "/p?a=1&b=%2F", "application/json")
		if w.Code != c.status || c.code != "" && !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) || ran != b2i(c.code == "") {
			t.Errorf("%s, a program: %d %s, ran %d times", c.name, w.Code, w.Body, ran)
		}
		status := c.status
		if c.next != "" {
			status = http.StatusSeeOther
		}
		w, ran = ask(t, c.need, c.said, "/p?a=1&b=%2F", "text/html")
		if w.Code != status || w.Header().Get("Location") != c.next || ran != b2i(c.code == "") {
			t.Errorf("%s, a person: %d %q, ran %d times", c.name, w.Code, w.Header().Get("Location"), ran)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// How long to wait is told in seconds, and refusals of a role say so on a page.
func TestRequireTells(t *testing.T) {
	w, _ := ask(t, gate.Need{Settled: true}, with(map[string]any{"settled_at": float64(now.Add(90 * time.Second).Unix())}), "/p", "application/json")
	if w.Header().Get("Retry-After") != "90" || !strings.Contains(w.Body.String(), `"retry_after":90`) {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	w, _ = ask(t, gate.Need{Role: "admin"}, said(), "/p", "text/html")
	if !strings.Contains(w.Body.String(), "Access denied") || strings.Contains(w.Body.String(), "Sign up") {
		t.Errorf("%s", w.Body)
	}
}
