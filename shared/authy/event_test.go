package authy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey/shared/push"
)

// told is a callback with what the defaults lack added, and with a member left
// out whose value is "".
func told(action, uuid, status, id, rest string) string {
	var all []string
	for _, m := range [][2]string{{"callback_action", action}, {"uuid", uuid}, {"status", status}, {"authy_id", id}} {
		if m[1] != "" {
			all = append(all, `"`+m[0]+`":`+m[1])
		}
	}
	if rest != "" {
		all = append(all, rest)
	}
	return "{" + strings.Join(all, ",") + "}"
}

func hidden(session string) string {
	return `"approval_request":{"transaction":{"hidden_details":{"session":` + session + `}}}`
}

// What is authentic decides only in one shape.
func TestEvents(t *testing.T) {
	t.Parallel()
	const action, uuid, yes, no, id = `"approval_request_status"`, `"` + ref + `"`, `"approved"`, `"denied"`, asked
	with := func(e push.Event, session string) push.Event {
		e.Session = session
		return e
	}
	none := push.Event{}
	rc := receiver(t, hookKey)
	for _, c := range []struct {
		name, body string
		want       push.Event
	}{
		{"approved", told(action, uuid, yes, id, hidden(`"s1"`)), with(approval, "s1")},
		{"denied", told(action, uuid, no, id, hidden(`"s1"`)), with(denial, "s1")},
		{"id as text", told(action, uuid, yes, `"`+id+`"`, ""), approval},
		{"no action", told("", uuid, yes, id, ""), approval},
		{"no session", told(action, uuid, yes, id, `"approval_request":{"transaction":{"hidden_details":null}}`), approval},
		{"session null", told(action, uuid, yes, id, hidden("null")), approval},
		{"session a number", told(action, uuid, yes, id, hidden("1")), approval},
		{"session in a list", told(action, uuid, yes, id, hidden(`["s1"]`)), approval},
		{"request is text", told(action, uuid, yes, id, `"approval_request":"s1"`), approval},
		{"session elsewhere", told(action, uuid, yes, id, `"hidden_details":{"session":"s1"}`), approval},
		{"unknown members", told(action, uuid, no, id, `"x":{"status":"approved","uuid":"x"},"statuses":"approved"`), denial},
		{"names in capitals", told(action, uuid, no, id, `"STATUS":"approved","Uuid":"x","Authy_Id":1`), denial},
		{"other id inside", told(action, uuid, yes, id, `"approval_request":{"transaction":{"uuid":"x","status":"denied"}}`), approval},
		{"other action", told(`"user_added"`, uuid, yes, id, ""), none},
		{"action null", told("null", uuid, yes, id, ""), none},
		{"action a list", told(`["approval_request_status"]`, uuid, yes, id, ""), none},
		{"action an object", told(`{}`, uuid, yes, id, ""), none},
		{"pending", told(action, uuid, `"pending"`, id, ""), none},
		{"expired", told(action, uuid, `"expired"`, id, ""), none},
		{"capitals", told(action, uuid, `"Approved"`, id, ""), none},
		{"blank after", told(action, uuid, `"approved "`, id, ""), none},
		{"true", told(action, uuid, `true`, id, ""), none},
		{"status in a list", told(action, uuid, `["approved"]`, id, ""), none},
		{"status null", told(action, uuid, `null`, id, ""), none},
		{"no status", told(action, uuid, "", id, ""), none},
		{"status empty", told(action, uuid, `""`, id, ""), none},
		{"no uuid", told(action, "", yes, id, ""), none},
		{"uuid a number", told(action, "1", yes, id, ""), none},
		{"uuid null", told(action, "null", yes, id, ""), none},
		{"uuid short", told(action, `"`+ref[1:]+`"`, yes, id, ""), none},
		{"uuid long", told(action, `"`+ref+`0"`, yes, id, ""), none},
		{"uuid with line end", told(action, `"`+ref+`\n"`, yes, id, ""), none},
		{"uuid of dashes", told(action, `"`+strings.Repeat("-", 36)+`"`, yes, id, ""), none},
		{"uuid a path", told(action, `"`+ref[:33]+`/.."`, yes, id, ""), none},
		{"no id", told(action, uuid, yes, "", ""), none},
		{"id null", told(action, uuid, yes, "null", ""), none},
		{"id true", told(action, uuid, yes, "true", ""), none},
		{"id negative", told(action, uuid, yes, "-1", ""), none},
		{"id a fraction", told(action, uuid, yes, "1.0", ""), none},
		{"id with exponent", told(action, uuid, yes, "1e6", ""), none},
		{"id too long", told(action, uuid, yes, strings.Repeat("1", 21), ""), none},
		{"id in a list", told(action, uuid, yes, "[1]", ""), none},
		{"nothing", `{}`, none},
		{"names with brackets", told(action, uuid, yes, id, `"x[y]":"z"`), none},
		{"names without characters", told(action, uuid, yes, id, `"x":{"":1}`), none},
		{"name with half a bracket", told(action, uuid, yes, id, `"x]":1`), none},
	} {
		e, err := receive(t, rc, c.body)
		if e != c.want || (err == nil) != (c.want != none) || err != nil && !errors.Is(err, push.ErrMeaningless) {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
		silent(t, err)
	}
}

// One signature fits every body that has the same names and values; none of
// these may say anything else than the genuine one (R-153, T-44).
func TestOtherBodiesUnderOneSignature(t *testing.T) {
	t.Parallel()
	rc := receiver(t, hookKey)
	body := told(`"approval_request_status"`, `"`+ref+`"`, `"denied"`, asked, hidden(`"s1"`)+`,"n":null`)
	want := push.Event{Ref: ref, Subject: asked, Session: "s1", Decision: push.Denied}
	signature := oracle{}.sign(hookKey, "1700000001", "POST", hookURL, body)
	for _, c := range []struct {
		name, body string
		want       push.Event
	}{
		{"genuine", body, want},
		{"white space", strings.ReplaceAll(body, ",", " ,\n"), want},
		{"null as empty text", strings.Replace(body, "null", `""`, 1), want},
		{"number as text", strings.Replace(body, asked, `"`+asked+`"`, 1), want},
		{"something empty more", strings.Replace(body, "{", `{"x":{},"y":[],`, 1), want},
		{"session hidden in a name", strings.Replace(body, hidden(`"s1"`), `"approval_request[transaction][hidden_details][session]":"s1"`, 1), push.Event{}},
		{"session hidden half-way", strings.Replace(body, hidden(`"s1"`), `"approval_request":{"transaction][hidden_details":{"session":"s1"}}`, 1), push.Event{}},
		{"session hidden behind", strings.Replace(body, hidden(`"s1"`), `"approval_request[transaction":{"hidden_details":{"session":"s1"}}`, 1), push.Event{}},
	} {
		e, err := rc.Receive(hookURL, delivery("POST", "1700000001", signature), []byte(c.body))
		if e != c.want || (err == nil) != (e != push.Event{}) {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
		silent(t, err)
	}
}

// What no genuine callback looks like is refused although it is signed, and soon
// (R-153, R-155, T-48).
func TestBodiesThatAreNotRead(t *testing.T) {
	t.Parallel()
	good := told("", `"`+ref+`"`, `"approved"`, asked, "")
	plus := func(rest string) string { return good[:len(good)-1] + "," + rest + "}" }
	nested := func(n int) string { return `"x":` + strings.Repeat(`{"x":`, n) + "1" + strings.Repeat("}", n) }
	list := func(n int) string { return `"x":[` + strings.Repeat("1,", n-1) + "1]" }
	rc := receiver(t, hookKey)
	for _, c := range []struct {
		name, body string
		read       bool
	}{
		{"as it should be", good, true},
		{"status twice", plus(`"status":"denied"`), false},
		{"the same twice", plus(`"status":"approved"`), false},
		{"status twice, spelt otherwise", plus(`"st\u0061tus":"denied"`), false},
		{"twice, deep inside", plus(`"x":[{"y":{"z":1,"z":1}}]`), false},
		{"twice, once empty", plus(`"x":{},"x":1`), false},
		{"31 deep", plus(nested(31)), true},
		{"32 deep", plus(nested(32)), false},
		{"200 deep", plus(nested(200)), false},
		{"lists, 200 deep", plus(`"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)), false},
		{"2048 values", plus(list(2043)), true},
		{"2049 values", plus(list(2044)), false},
		{"64 KiB", plus(`"x":"` + strings.Repeat("x", 64<<10-len(good)-len(`,"x":""`)) + `"`), true},
		{"64 KiB and one", plus(`"x":"` + strings.Repeat("x", 64<<10-len(good)-len(`,"x":""`)+1) + `"`), false},
		{"long name, many values", plus(`"` + strings.Repeat("é", 100) + `":[` + strings.Repeat("1,", 1499) + "1]"), true},
		{"longer name, many values", plus(`"` + strings.Repeat("é", 150) + `":[` + strings.Repeat("1,", 1499) + "1]"), false},
		{"not UTF-8", plus("\"x\":\"\xff\""), false},
	} {
		e, err := receive(t, rc, c.body)
		if !c.read {
			forged(t, c.name, e, err)
		} else if err != nil || e != approval {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
	}
}

// What is no object of JSON is refused even under the signature that a lenient
// reader would find right.
func TestBodiesThatAreNotJSON(t *testing.T) {
	t.Parallel()
	good := told("", `"`+ref+`"`, `"approved"`, asked, "")
	open := good[:len(good)-1]
	signature := oracle{}.sign(hookKey, "1700000001", "POST", hookURL, good)
	empty := oracle{}.sign(hookKey, "1700000001", "POST", hookURL, "{}")
	rc := receiver(t, hookKey)
	for _, body := range []string{
		good + good, good + "]", good + "x", open, open + ",}", open + "]", "{," + good[1:], "\ufeff" + good,
		good + "/**/", strings.ReplaceAll(good, ",", ",,"), strings.ReplaceAll(good, ",", " "), strings.ReplaceAll(good, ":", " "),
		strings.ReplaceAll(good, `"`, "'"), strings.ReplaceAll(good, asked, "0"+asked), strings.ReplaceAll(good, asked, "+"+asked),
		"[" + good + "]", `"approved"`, "null", "", "[]", "status=approved",
	} {
		for _, s := range []string{signature, empty} {
			e, err := rc.Receive(hookURL, delivery("POST", "1700000001", s), []byte(body))
			forged(t, body, e, err)
		}
	}
}

// Nobody makes a signature without the key.
func FuzzReceive(f *testing.F) {
	for _, v := range vectors {
		f.Add("POST", v.url, v.nonce, v.signature, []byte(v.body))
	}
	f.Add("GET", "", "", "", []byte(`{"a":{"b":[{},[],null,"\ud800",1e400]}}`))
	f.Add("POST", "x", "1|POST|x|", strings.Repeat("A", 43)+"=", []byte(strings.Repeat("[", 100)))
	rc := receiver(f, "anothercanarykey")
	f.Fuzz(func(t *testing.T, method, url, nonce, signature string, body []byte) {
		e, err := rc.Receive(url, delivery(method, nonce, signature), body)
		if e != (push.Event{}) || !errors.Is(err, push.ErrForged) {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// For every body within bounds the signed text is the oracle's; what comes of it
// has the right shape.
func FuzzQuery(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.body)
	}
	for _, s := range []string{`{}`, `{"a":[[],{},[{}],null]}`, `{"":{"":""}}`, `{"a":1,"a":2}`, `{"a":"map[]","b":"[]"}`, `{"\ud800":"\ufffd"}`, `{"a":{"b":{}}}x`, `{"a":1e999}`} {
		f.Add(s)
	}
	rc := receiver(f, hookKey)
	f.Fuzz(func(t *testing.T, body string) {
		v := oracle{}.read(body)
		if v == nil || len(body) > 400 && !strings.Contains(body, ref) || len(body) > 2000 {
			t.Skip()
		}
		e, err := receive(t, rc, body)
		refused := !utf8.ValidString(body) || oracle{}.twice(body) || oracle{}.depth(v) > 32
		if errors.Is(err, push.ErrForged) != refused {
			t.Errorf("%q: %v", body, err)
		}
		if err == nil && (len(e.Ref) != 36 || e.Subject == "" || e.Decision != push.Approved && e.Decision != push.Denied) {
			t.Errorf("%q: %+v", body, e)
		}
		if err != nil && fmt.Sprint(e) != fmt.Sprint(push.Event{}) {
			t.Errorf("%q: %+v with %v", body, e, err)
		}
	})
}
