package password_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"latchkey/shared/env"
	"latchkey/shared/password"
	"latchkey/shared/store"
)

// rules are those of a stack at an address.
func rules(t testing.TB, public, blocklist string) password.Rules {
	t.Helper()
	values := map[string]string{"PUBLIC_URL": public, "PASSWORD_BLOCKLIST": blocklist}
	vars := env.Read(env.Config{Getenv: func(name string) string { return values[name] }})
	r := password.NewRules(vars)
	err := vars.Err()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var ada = store.Profile{Name: "Ada Mary Lovelace", Email: "a.lovelace@mail.example", Phone: "+14155552671", CallingCode: "1"}

// Each reason has its own sentence, the same for whatever was typed.
const (
	missing  = "Choose a password."
	short    = "Choose a longer password: at least 8 characters."
	long     = "Choose a shorter password: at most 72 characters, fewer if some have accents."
	control  = "Choose a password without control characters."
	product  = "Choose another password: the name of this service is what strangers try first."
	personal = "Choose another password: your name, email address or phone is what strangers try first."
	common   = "Choose another password: many people use this one, and strangers try it first."
)

var choices = []struct {
	typed, want string
	always      bool // also with the blocklist off
}{
	{"", missing, true}, {"2short2", short, true}, {strings.Repeat("x", 73), long, true}, {"secret\x00word", control, true},
	{"passwor", short, true},

	{"password", common, false}, {"PassWord", common, false}, {"12345678", common, false}, {"!qaz2wsx", common, false}, {"iloveyou", common, false},
	{"qwertyuiop", common, false}, {"password12345", common, false}, {"1Sunshine!", common, false}, {"\u212aickass1", common, false}, // a Kelvin sign
	{"zzzzzzz1", common, false}, {"%%passwo", common, false},

	{"latchkey", product, false}, {"LatchKey2026!!", product, false}, {"!!2026-latch.key", product, false}, {"latchkey 2026 99999999", product, false},
	{"acme-bank123", product, false}, {"https", short, true}, {"id.acme-bank.example", product, false}, {"7id777777", product, false},

	{"a.lovelace@mail.example", personal, false}, {"A.Lovelace@mail.example!1", personal, false}, {"a.lovelace", personal, false}, {"12a.lovelace34", personal, false},
	{"Lovelace", personal, false}, {"1lovelace234", personal, false}, {"AdaMaryLovelace", personal, false}, {"ada mary lovelace!", personal, false},
	{"adamarylovelace1234", personal, false}, {"4155552671", personal, false}, {"+14155552671", personal, false}, {"(415) 555-2671", personal, false}, {"xx4155552671xx", personal, false},
	{"+1-415-555-2671-abcd", personal, false},

	{"latchkeys", "", true}, {"my latchkey is gone", "", true}, {"acme-bank and more", "", true}, {"idea1234", "", true},
	{"1lovelace2345", "", true}, {"lovelace's engine", "", true}, {"xx4155552671xxx", "", true}, {"mary hadalamb", "", true}, {"54155555", "", true},
	{"correct horse", "", true}, {"sunshine superman", "", true}, {"passwordless", "", true}, {strings.Repeat("x", 72), "", true}, {"🔑🔑🔑🔑🔑🔑🔑🔑", "", true}, {"        ", "", true},
}

// what many people, the product or the person themselves are known by.
func TestFault(t *testing.T) {
	t.Parallel()
	on, off := rules(t, "https://id.acme-bank.example:8443", ""), rules(t, "https://id.acme-bank.example:8443", "off")
	for _, c := range choices {
		if got := on.Fault(c.typed, ada.About()...); got != c.want {
			t.Errorf("%q: %q, want %q", c.typed, got, c.want)
		}
		want := c.want
		if !c.always {
			want = ""
		}
		if got := off.Fault(c.typed, ada.About()...); got != want {
			t.Errorf("%q without the blocklist: %q, want %q", c.typed, got, want)
		}
	}
}

// Nothing known of a person, and a stack without an address, forbid nothing.
func TestFaultOfNobody(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"", "http://127.0.0.1:3000", "http://[::1]:3000", "https://example"} {
		r := rules(t, public, "on")
		for _, about := range [][]string{nil, store.Profile{}.About(), {"", " ", "-", "x", "abc", "1"}} {
			if got := r.Fault("8723-0192 abc", about...); got != "" {
				t.Errorf("%q, %q: %s", public, about, got)
			}
		}
	}
}

// A letter with an accent is one letter however it is typed.
func TestFaultIsOfTheComposedForm(t *testing.T) {
	t.Parallel()
	if got := rules(t, "", "").Fault("ZOE\u0308LOUISE", "Zo\u00eb Louise"); got != personal {
		t.Errorf("%q", got)
	}
	if got := rules(t, "", "").Fault("欧阳小龍1234", "欧阳小龍"); got != personal {
		t.Errorf("four letters of twelve bytes, and four more: %q", got)
	}
}

func TestNewRulesFault(t *testing.T) {
	t.Parallel()
	vars := env.Read(env.Config{Getenv: func(name string) string { return map[string]string{"PASSWORD_BLOCKLIST": "yes"}[name] }})
	password.NewRules(vars)
	err := vars.Err()
	if err == nil || !strings.Contains(err.Error(), "PASSWORD_BLOCKLIST must be one of on, off") {
		t.Errorf("%v", err)
	}
}

// lines are the list's.
func lines(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// Every word of the list is found, and its neighbours are not: the list is what
// a binary search needs. All of it could be chosen otherwise (R-003: 3,000 at least).
func TestCommon(t *testing.T) {
	t.Parallel()
	r, list := rules(t, "", ""), lines(t)
	if len(list) < 3000 || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Fatalf("%d lines, not sorted or twice the same", len(list))
	}
	for _, word := range list {
		if password.Check(word) != nil || strings.ToLower(word) != word {
			t.Errorf("%q is in the list for nothing", word)
		}
		for _, typed := range []string{word, strings.ToUpper(word)} {
			if r.Fault(typed) == "" {
				t.Errorf("%q is not found", typed)
			}
		}
		if beside := word + "~~qx"; r.Fault(beside) != "" {
			t.Errorf("%q is found", beside)
		}
	}
}

// Whatever is typed gets one of the sentences, which hold nothing of it.
func FuzzFault(f *testing.F) {
	for _, c := range choices {
		f.Add(c.typed, ada.Name)
	}
	f.Add("\xff\xfe345678", "\xff")
	f.Add("\u0130stanbul", "i\u0307stanbul")
	r := rules(f, "https://id.acme-bank.example", "")
	sentences := []string{"", missing, short, long, control, product, personal, common}
	f.Fuzz(func(t *testing.T, typed, about string) {
		got := r.Fault(typed, about)
		if !slices.Contains(sentences, got) {
			t.Errorf("%q: %q", typed, got)
		}
		if (password.Check(typed) != nil) != slices.Contains(sentences[1:5], got) {
			t.Errorf("%q is refused as %q", typed, got)
		}
		if r.Fault(about, about) == "" && strings.Trim(about, "abcdefghijklmnopqrstuvwxyz") == "" {
			t.Errorf("%q may be the password of whom it is about", about)
		}
	})
}

func BenchmarkFault(b *testing.B) {
	r, about := rules(b, "https://id.acme-bank.example", ""), ada.About()
	b.ReportAllocs()
	for b.Loop() {
		if r.Fault("correct horse battery", about...) != "" {
			b.Fatal("refused")
		}
	}
}

// What a start pays for the rules.
func BenchmarkNewRules(b *testing.B) {
	vars := env.Read(env.Config{Getenv: func(string) string { return "" }})
	for b.Loop() {
		password.NewRules(vars)
	}
}
