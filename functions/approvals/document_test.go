package approvals

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"latchkey/shared/web"
)

const full = `{"user":"u","message":"m","details":[{"label":"a","value":"1"},{"value":"2","label":"b"}],"logos":[{"res":"default","url":"https://x"}],"reference":"r","expires_in":60}`

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]document{
		full: {
			User: "u", Message: "m", Details: []detail{{"a", "1"}, {"b", "2"}}, Logos: []logo{{"default", "https://x"}}, Reference: "r", ExpiresIn: 60,
		},
		`{}`:                          {ExpiresIn: usual},
		` {"details":[],"logos":[]} `: {ExpiresIn: usual},
		`{"details":[{}]}`:            {Details: []detail{{}}, ExpiresIn: usual},
		`{"message":"\u00e9\ud83d\ude00","expires_in":-1}`: {Message: "é😀", ExpiresIn: -1},
	} {
		got, err := parse([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
}

// What two readers could read differently is refused, at every level, with a
// sentence that quotes nothing of it.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"nothing": "", "no object": `[]`, "a string": `"canary"`, "null": `null`, "two": `{}{}`, "more": `{} x`, "cut": `{"user":"canary"`, "cut in a list": `{"details":[{"label":"a"}`,
		"comma": `{"user":"u",}`, "comment": `{/*canary*/}`, "single quotes": `{'user':'u'}`, "NaN": `{"expires_in":NaN}`,
		"unknown": `{"canary":"u"}`, "another case": `{"User":"u"}`, "twice": `{"user":"u","user":"canary"}`, "twice, spelt differently": `{"user":"u","\u0075ser":"canary"}`,
		"unknown in a detail": `{"details":[{"label":"a","canary":"b"}]}`, "twice in a detail": `{"details":[{"label":"a","label":"canary"}]}`, "case in a detail": `{"details":[{"Label":"a"}]}`,
		"twice in a logo": `{"logos":[{"res":"a","res":"canary"}]}`, "lists twice": `{"details":[],"details":[]}`, "a key with a NUL": `{"user\u0000":"u"}`,
		"number": `{"user":1}`, "bool": `{"message":true}`, "a null": `{"reference":null}`, "null list": `{"details":null}`, "null detail": `{"details":[null]}`, "list in a list": `{"details":[[]]}`,
		"an object": `{"details":{"amount":"canary"}}`, "a detail that is text": `{"details":["canary"]}`, "a value that is a number": `{"details":[{"label":"a","value":1}]}`,
		"seconds as text": `{"expires_in":"300"}`, "seconds with a point": `{"expires_in":300.0}`, "seconds with an exponent": `{"expires_in":3e2}`, "seconds beyond": `{"expires_in":99999999999999999999}`, "seconds null": `{"expires_in":null}`,
		"not UTF-8": "{\"user\":\"\xff\"}", "a lone surrogate": `{"user":"\ud800"}`, "no character": `{"user":"` + "\ufffd" + `"}`, "BOM": "\ufeff{}",
	} {
		got, err := parse([]byte(text))
		var p *web.Problem
		if !errors.As(err, &p) || p.Status != 400 || p.Code != "malformed" || strings.Contains(p.Detail, "canary") || !reflect.DeepEqual(got, document{}) {
			t.Errorf("%s: %+v %v", what, got, err)
		}
	}
}

// What is accepted is JSON to everybody, and says the same when it is written
// again: no other reader sees another document.
func FuzzParse(f *testing.F) {
	for _, s := range []string{full, `{}`, `{"details":[{"label":"a","label":"b"}]}`, `{"expires_in":1e2}`, "{\"user\":\"\xff\"}", `{"logos":[{}]}`, `{"User":"u"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := parse(body)
		if err != nil {
			var p *web.Problem
			if !errors.As(err, &p) {
				t.Errorf("%v is no problem", err)
			}
			return
		}
		var theirs struct {
			User, Message, Reference *string
			Details                  []struct{ Label, Value string }
			Logos                    []struct{ Res, URL string }
			ExpiresIn                *int `json:"expires_in"`
		}
		err = json.Unmarshal(body, &theirs)
		if err != nil {
			t.Fatalf("another reader does not understand %q: %v", body, err)
		}
		differs := func(theirs *string, ours string) bool {
			return theirs != nil && *theirs != ours || theirs == nil && ours != ""
		}
		if differs(theirs.User, doc.User) || differs(theirs.Message, doc.Message) || differs(theirs.Reference, doc.Reference) ||
			theirs.ExpiresIn != nil && *theirs.ExpiresIn != doc.ExpiresIn || len(theirs.Details) != len(doc.Details) || len(theirs.Logos) != len(doc.Logos) {
			t.Errorf("%q: %+v and %+v", body, doc, theirs)
		}
		for i, d := range theirs.Details {
			if detail(d) != doc.Details[i] {
				t.Errorf("%q: detail %+v and %+v", body, d, doc.Details[i])
			}
		}
		if first, again := doc.digest(), doc.digest(); !bytes.Equal(first, again) || len(first) != 32 {
			t.Error("the digest is not one")
		}
	})
}

// Every difference in what is asked is one in the digest.
func TestDigest(t *testing.T) {
	t.Parallel()
	base, err := parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{string(base.digest()): "the same"}
	for name, change := range map[string]func(d *document){
		"user": func(d *document) { d.User = "v" }, "message": func(d *document) { d.Message = "" }, "reference": func(d *document) { d.Reference = "s" },
		"life": func(d *document) { d.ExpiresIn = 61 }, "order": func(d *document) { d.Details = []detail{{"b", "2"}, {"a", "1"}} },
		"fewer": func(d *document) { d.Details = d.Details[:1] }, "split": func(d *document) { d.Details = []detail{{"a", `1","b":"2`}} },
		"logo": func(d *document) { d.Logos = nil }, "res": func(d *document) { d.Logos = []logo{{"low", "https://x"}} },
	} {
		d := base
		change(&d)
		other, twice := seen[string(d.digest())]
		if twice {
			t.Errorf("%s is %s", name, other)
		}
		seen[string(d.digest())] = name
	}
}
