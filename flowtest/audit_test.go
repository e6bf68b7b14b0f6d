package flowtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// trail is the lines of the audit trail that a rig has written so far.
func trail(t *testing.T, r *rig.Rig) []map[string]string {
	t.Helper()
	var list []map[string]string
	lines := bufio.NewScanner(strings.NewReader(r.Log.String()))
	for lines.Scan() {
		var head struct{ Msg string }
		err := json.Unmarshal(lines.Bytes(), &head)
		if err != nil || head.Msg != "audit" {
			continue
		}
		line := map[string]string{} // nothing but strings stands in one
		err = json.Unmarshal(lines.Bytes(), &line)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		list = append(list, line)
	}
	return list
}

// named gives ids short names in the order in which they are first seen.
type named map[string]string

func (n named) of(sign, id string) string {
	if id != "" && n[id] == "" {
		n[id] = sign + strconv.Itoa(len(n)+1)
	}
	return n[id]
}

// rows writes each line in one row: the event, whose it is, and how and why.
// Sessions are s1, s2 …, approvals a1 …, actions x1 …
func rows(lines []map[string]string) []string {
	sessions, approvals, actions := named{}, named{}, named{}
	var list []string
	for _, l := range lines {
		words := []string{
			l["event"], sessions.of("s", l["session"]), l["flow"], l["channel"], l["factor"],
			approvals.of("a", l["approval"]), actions.of("x", l["action"]), l["decision"], l["reason"],
		}
		list = append(list, strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
	}
	return list
}

// What lines may say, and which of them are warnings.
var (
	members = strings.Fields("time level msg event request uid session flow provider channel country phone factor approval action decision reason")
	warns   = strings.Fields("code_not_sent code_refused denied delayed login_refused password_refused callback_forged")
)

// soundTrail holds every line to what all must be.
func soundTrail(t *testing.T, r *rig.Rig, lines []map[string]string) {
	t.Helper()
	u, err := r.Table.User(t.Context(), key(ada))
	there := err == nil
	for _, l := range lines {
		for name, value := range l {
			if value == "" || !slices.Contains(members, name) {
				t.Errorf("%v: member %s", l, name)
			}
		}
		if warns := slices.Contains(warns, l["event"]); l["request"] == "" || warns != (l["level"] == "WARN") || !warns && l["level"] != "INFO" {
			t.Errorf("%v: level or request", l)
		}
		of := l["uid"] == l["session"] && l["flow"] == "signup" || there && l["uid"] == u.UID
		if l["uid"] != "" && !of || l["session"] != "" && !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(l["session"]) {
			t.Errorf("%v: neither Ada's nor a sign-up's", l)
		}
		if p := l["provider"]; p != "" && p != vendorOf(t) {
			t.Errorf("%v: vendor", l)
		}
		sent := strings.HasPrefix(l["event"], "code_") && strings.Contains(l["event"], "sent") || l["event"] == "phone_moved"
		if p := l["phone"]; p != "" && p != "+•• ••• •••71" && p != "+•• ••• •••99" || sent && (p == "" || l["country"] != "US") {
			t.Errorf("%v: phone or country", l)
		}
		if l["approval"] != "" {
			_, err := r.Table.Approval(t.Context(), store.Ref{Provider: l["provider"], ID: l["approval"]})
			if err != nil {
				t.Errorf("%v: approval: %v", l, err)
			}
		}
	}
}

// leaves checks how often events, also those that must not be, stand in the trail.
func leaves(t *testing.T, r *rig.Rig, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, l := range trail(t, r) {
		got[l["event"]]++
	}
	for event, n := range want {
		if got[event] != n {
			t.Errorf("%d times %s in the audit trail, want %d", got[event], event, n)
		}
	}
}

// discreet looks through all that was logged for what nobody may read there
// (R-130, R-131, I-29).
func discreet(t *testing.T, r *rig.Rig, windows ...*rig.Visitor) {
	t.Helper()
	secrets := []string{password, another, "wrong horse", ada, "Lovelace", adaPhone[2:], newPhone[2:], "rigtoken", "rigkey"}
	for _, phone := range []string{adaPhone, newPhone} {
		for _, m := range r.Handset().Messages(phone) {
			secrets = append(secrets, regexp.MustCompile(`\b\d{6,7}\b`).FindAllString(m.Body, -1)...)
		}
	}
	for _, v := range windows {
		for _, c := range cookies(t, r, v) {
			part := strings.Split(c.Value, ".")
			if len(part) > 2 {
				secrets = append(secrets, part[2])
			}
		}
	}
	for _, s := range secrets {
		if regexp.MustCompile(`(^|[^0-9A-Za-z])` + regexp.QuoteMeta(s) + `($|[^0-9A-Za-z])`).MatchString(r.Log.String()) {
			t.Errorf("the log shows %q", s)
		}
	}
}

// story is one flow and the events that it has to leave. A row that begins with a
// vendor's name and a colon is that vendor's alone.
type story struct {
	both bool // with either vendor also where time is short, since their decisions come differently
	env  map[string]string
	tell func(t *testing.T, r *rig.Rig, v *rig.Visitor)
	want string
}

// expected are a story's rows for one vendor.
func (s story) expected(vendor string) []string {
	var list []string
	for row := range strings.Lines(s.want) {
		row = strings.TrimSpace(row)
		of, rest, alone := strings.Cut(row, ": ")
		switch {
		case row == "" || alone && of != vendor:
		case alone:
			list = append(list, rest)
		default:
			list = append(list, row)
		}
	}
	return list
}

// Every story leaves exactly its events, in their order, each once however often
// a request is repeated; together the stories leave every event there is, and
// docs/audit.md explains all of them and no other (R-130, I-29).
func TestAuditTrail(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	t.Run("stories", func(t *testing.T) {
		for name, s := range auditStories {
			each := eachOnceWith
			if testing.Short() && !s.both {
				each = verifyWith
			}
			t.Run(name, func(t *testing.T) {
				each(t, s.env, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
					s.tell(t, r, v)
					lines := trail(t, r)
					got, want := rows(lines), s.expected(vendorOf(t))
					if !slices.Equal(got, want) {
						t.Errorf("the trail is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
					soundTrail(t, r, lines)
					discreet(t, r, v)
					mu.Lock()
					defer mu.Unlock()
					for _, l := range lines {
						seen[l["event"]] = true
						if l["reason"] != "" {
							seen["reason "+l["reason"]] = true
						}
					}
				})
			})
		}
	})
	page, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "audit.md"))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		explained[m[1]] = true
	}
	events, reasons := auditWords(t, "Event"), auditWords(t, "Reason")
	for _, e := range events {
		if !explained[e] || !seen[e] {
			t.Errorf("event %s: explained %v, seen %v", e, explained[e], seen[e])
		}
	}
	for _, reason := range reasons {
		if !strings.Contains(string(page), "`"+reason+"`") || !seen["reason "+reason] {
			t.Errorf("reason %s is not explained, or not seen: %v", reason, seen["reason "+reason])
		}
	}
	if len(events) < 20 || len(explained) != len(events) {
		t.Errorf("%d events are explained: %v, and there are %d", len(explained), slices.Sorted(maps.Keys(explained)), len(events))
	}
}

// verifyWith is eachOnceWith for the one vendor.
func verifyWith(t *testing.T, env map[string]string, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	t.Run("verify/form", func(t *testing.T) {
		t.Parallel()
		r := rig.Start(t, rig.Options{Env: maps.Clone(env)})
		test(t, r, r.Visitor(false))
	})
}

// auditWords are the values of package audit's constants of a type.
func auditWords(t *testing.T, kind string) []string {
	t.Helper()
	var list []string
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.path, "shared/audit/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || fmt.Sprint(v.Type) != kind {
				return true
			}
			for _, value := range v.Values {
				word, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Error(err)
				}
				list = append(list, word)
			}
			return true
		})
	}
	return list
}

// Twenty equal requests at once, of which the vendor or the table believes one,
// leave one line of what they did and none of a refusal (I-11, I-25).
func TestAuditAtOnce(t *testing.T) {
	each := eachOnce
	if testing.Short() {
		each = verifyAlone
	}
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		answers, windows := atOnce(t, r, v, "/signup", seeded(rig.Form(ada, adaPhone)))
		same(t, r, v, answers, windows, "/verify")
		answers, windows = atOnce(t, r, windows[0], "/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
		same(t, r, v, answers, windows, "/account")
		v = windows[0]
		want := []string{"code_sent s1 signup sms", "signed_up s1 signup", "confirmed s1 signup code"}
		if vendorOf(t) == "verify" {
			id, text := add(t, v, "push")
			r.Handset().App(adaPhone, map[string]any{"enrolment": text})
			for _, path := range []string{"/factors/confirm", "/factors/remove"} {
				abreast(r, 2) // each decides without the other
				together(2, func(int) { expect(t, window(t, r, v).Post(path, map[string]string{"id": id}), moved(v), "/factors") })
				r.Wire.Break(nil)
			}
			want = append(want, "factor_added s1 push", "factor_confirmed s1 push", "factor_removed s1 push")
		}
		atOnce(t, r, v, "/logout", nil)
		want = append(want, "logged_out s1 signup here")
		if got := rows(trail(t, r)); !slices.Equal(got, want) {
			t.Errorf("the trail is\n%s", strings.Join(got, "\n"))
		}
	})
}
