package authy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/push"
)

// What cannot be right is refused here, without a call and without a cut.
func TestNoPushForNonsense(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	p := door(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		io.WriteString(w, `{"approval_request":{"uuid":"`+ref+`"},"success":true}`)
	}).Pushes()
	with := func(change func(*push.Request)) push.Request {
		r := request
		change(&r)
		return r
	}
	details := func(d ...push.Detail) push.Request { return with(func(r *push.Request) { r.Details = d }) }
	message := func(s string) push.Request { return with(func(r *push.Request) { r.Message = s }) }
	life := func(d time.Duration) push.Request { return with(func(r *push.Request) { r.Life = d }) }
	named := func(s string) push.Request { return with(func(r *push.Request) { r.Session = s }) }
	logos := func(l ...push.Logo) push.Request { return with(func(r *push.Request) { r.Logos = l }) }
	longest := "https://id.example.com/" + strings.Repeat("x", 177)
	passed := int32(0)
	for _, c := range []struct {
		name string
		user string
		r    push.Request
		want string
	}{
		{"no details", person, details(), "passed"},
		{"longest message", person, message(strings.Repeat("é", 140)), "passed"},
		{"longest detail", person, details(push.Detail{Label: strings.Repeat("a", 36), Value: strings.Repeat("é", 200)}), "passed"},
		{"snake case", person, details(push.Detail{Label: "from_account_2"}), "passed"},
		{"as many as go", person, details(many(20)...), "passed"},
		{"one more", person, details(many(21)...), "unavailable"},
		{"digit first", person, details(push.Detail{Label: "2fa"}), "unavailable"},
		{"logos", person, logos(push.Logo{Res: "low", URL: "https://id.example.com/l"}, push.Logo{Res: "default", URL: longest}), "passed"},
		{"long logo", person, logos(push.Logo{Res: "default", URL: longest + "x"}), "unavailable"},
		{"no default", person, logos(push.Logo{Res: "low", URL: longest}), "unavailable"},
		{"a logo without an address", person, logos(push.Logo{Res: "default"}), "unavailable"},
		{"one second", person, life(time.Second), "passed"},
		{"nobody", "", request, "no device"},
		{"path in the id", "1/../2", request, "unavailable"},
		{"query in the id", "1?x=", request, "unavailable"},
		{"line end in the id", "1\n", request, "unavailable"},
		{"long id", strings.Repeat("1", 21), request, "unavailable"},
		{"no message", person, message(""), "unavailable"},
		{"long message", person, message(strings.Repeat("é", 141)), "unavailable"},
		{"message not UTF-8", person, message("\xff"), "unavailable"},
		{"no session", person, named(""), "unavailable"},
		{"long session", person, named(strings.Repeat("x", 201)), "unavailable"},
		{"no life", person, life(0), "unavailable"},
		{"negative life", person, life(-time.Minute), "unavailable"},
		{"half a second", person, life(time.Second / 2), "unavailable"},
		{"a second and a half", person, life(3 * time.Second / 2), "unavailable"},
		{"no label", person, details(push.Detail{Value: "x"}), "unavailable"},
		{"long label", person, details(push.Detail{Label: strings.Repeat("a", 37)}), "unavailable"},
		{"capital", person, details(push.Detail{Label: "Place"}), "unavailable"},
		{"bracket", person, details(push.Detail{Label: "a]["}), "unavailable"},
		{"blank", person, details(push.Detail{Label: "ip address"}), "unavailable"},
		{"long value", person, details(push.Detail{Label: "place", Value: strings.Repeat("é", 201)}), "unavailable"},
		{"value not UTF-8", person, details(push.Detail{Label: "place", Value: "\xff"}), "unavailable"},
		{"label twice", person, details(push.Detail{Label: "ip"}, push.Detail{Label: "ip"}), "unavailable"},
		{"label begins another", person, details(push.Detail{Label: "ip"}, push.Detail{Label: "x"}, push.Detail{Label: "ipaddress"}), "unavailable"},
		{"label goes on", person, details(push.Detail{Label: "ipaddress"}, push.Detail{Label: "ip"}), "unavailable"},
	} {
		id, err := p.Ask(t.Context(), push.Target{User: c.user}, c.r)
		if outcome(err) != c.want || (id == ref) != (c.want == "passed") {
			t.Errorf("asking, %s: %q, %v", c.name, id, err)
		}
		if err == nil {
			passed++
		}
		mute(t, err)
	}
	for _, c := range []struct{ name, user, ref string }{
		{"nobody", "", ref},
		{"path in the id", "1/../2", ref},
		{"no request", person, ""},
		{"path in the request", person, ref[:33] + "/.."},
		{"query in the request", person, ref + "?x="},
		{"line end in the request", person, ref + "\n"},
		{"other shape", person, strings.ReplaceAll(ref, "-", "")},
	} {
		d, err := p.Decision(t.Context(), push.Target{User: c.user}, c.ref)
		if d != "" || outcome(err) != "unavailable" {
			t.Errorf("decision, %s: %q, %v", c.name, d, err)
		}
		mute(t, err)
	}
	if calls.Load() != passed {
		t.Errorf("%d calls, want %d", calls.Load(), passed)
	}
}

// One attempt each, and what goes wrong is no decision.
func TestTroubleWithPushes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"hangs", doortest.Hangs},
		{"hangs up", doortest.HangsUp},
		{"redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again"+r.URL.Path, http.StatusFound)
		}},
		{"10 MiB", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(`{"approval_request":{"uuid":"` + ref + `","status":"approved","_authy_id":` + person + `},"success":true,"x":"` + strings.Repeat("0123456789", 1<<20) + `"}`))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			p := door(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				c.answer(w, r)
			}).Pushes()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			id, askErr := p.Ask(ctx, target, request)
			if c.name != "hangs" && calls.Load() != 1 {
				t.Errorf("%d calls for one request", calls.Load())
			}
			d, decisionErr := p.Decision(ctx, target, ref)
			if id != "" || d != "" {
				t.Errorf("id %q, decision %q", id, d)
			}
			for _, err := range []error{askErr, decisionErr} {
				if outcome(err) != "unavailable" {
					t.Errorf("outcome is %v", err)
				}
				mute(t, err)
				if c.name == "hangs" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("not the deadline: %v", err)
				}
			}
		})
	}
}

func TestPushRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	p := door(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "17")
		doortest.Answers(429, refuses(60003))(w, r)
	}).Pushes()
	_, askErr := p.Ask(t.Context(), target, request)
	_, decisionErr := p.Decision(t.Context(), target, ref)
	for _, err := range []error{askErr, decisionErr} {
		if outcome(err) != "wait 17s" {
			t.Error(err)
		}
	}
}
