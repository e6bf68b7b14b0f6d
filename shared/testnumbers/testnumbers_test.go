package testnumbers_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/phone"
	"latchkey/shared/testnumbers"
)

const (
	first, second = "+14155550100", "+447400900001"
	one           = first + "=424242 until 2027-01-31"
	two           = second + "=135790 until 2027-01-31"
)

// now is the time at which every test begins.
var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// config has these variables, and a log.
func config(log *bytes.Buffer, set ...string) env.Config {
	vars := map[string]string{"PUBLIC_URL": "http://localhost:3000"}
	for _, s := range set {
		name, value, _ := strings.Cut(s, "=")
		vars[name] = value
	}
	return env.Config{
		Getenv: func(name string) string { return vars[name] }, Now: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func read(set ...string) (*testnumbers.Numbers, error) {
	cfg := config(&bytes.Buffer{}, set...)
	vars := env.Read(cfg)
	n := testnumbers.New(cfg, vars)
	return n, vars.Err()
}

// What may stand in the variable, and how each fault is told: together, by the
// entry's place.
func TestNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value string
		want  []string // beginnings of the faults, after "TEST_NUMBERS is wrong: "
	}{
		"none":               {"", nil},
		"one":                {one, nil},
		"two":                {one + "," + two, nil},
		"blanks":             {" " + first + " = 424242  until  2027-01-31 , " + two + ",", nil},
		"a code twice":       {one + "," + second + "=424242 until 2026-12-01", nil},
		"over":               {first + "=424242 until 2020-02-29", nil},
		"today":              {first + "=424242 until 2026-11-20", nil},
		"a year":             {first + "=424242 until 2027-11-20", nil},
		"more than a year":   {first + "=424242 until 2027-11-21", []string{"entry 1 must end within a year"}},
		"a thousand years":   {first + "=424242 until 9999-12-31", []string{"entry 1 must end within a year"}},
		"no end":             {first + "=424242", []string{"entry 1 must be written as +14155550100="}},
		"no code":            {first + " until 2027-01-31", []string{"entry 1 must be written as"}},
		"words":              {"none", []string{"entry 1 must be written as"}},
		"no such day":        {first + "=424242 until 2027-02-29", []string{"entry 1 must end on a day"}},
		"another date":       {first + "=424242 until 31.01.2027", []string{"entry 1 must end on a day"}},
		"a time":             {first + "=424242 until 2027-01-31T00:00:00Z", []string{"entry 1 must end on a day"}},
		"no plus":            {"14155550100=424242 until 2027-01-31", []string{"entry 1 must begin with a number in E.164"}},
		"short number":       {"+141555=424242 until 2027-01-31", []string{"entry 1 must begin with a number in E.164"}},
		"blanks in a number": {"+1 415 555 0100=424242 until 2027-01-31", []string{"entry 1 must begin with a number in E.164"}},
		"five digits":        {first + "=42424 until 2027-01-31", []string{"entry 1 must have a code of six digits"}},
		"seven digits":       {first + "=4242424 until 2027-01-31", []string{"entry 1 must have a code of six digits"}},
		"letters":            {first + "=42424a until 2027-01-31", []string{"entry 1 must have a code of six digits"}},
		"wide digits":        {first + "=４２４２４２ until 2027-01-31", []string{"entry 1 must have a code of six digits"}},
		"a number twice":     {one + "," + first + "=135790 until 2026-12-01", []string{"entry 2 names a number that stands there before"}},
		"everything": {"no,x=y until z," + one + "," + one + "," + second + "=1 until 2031-01-01", []string{
			"entry 1 must be written", "entry 2 must begin", "entry 2 must have a code", "entry 2 must end on", "entry 4 names a number",
			"entry 5 must have a code", "entry 5 must end within",
		}},
	} {
		_, err := read("TEST_NUMBERS=" + c.value)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d faults, want %d: %v", name, len(got), len(c.want), err)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i], "TEST_NUMBERS is wrong: "+want) {
				t.Errorf("%s: %q, want %q", name, got[i], want)
			}
		}
	}
}

// A number's code counts until its day is over in UTC, and nobody else's.
func TestCode(t *testing.T) {
	t.Parallel()
	n, err := read("TEST_NUMBERS=" + one + "," + second + "=135790 until 2026-11-20")
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		number phone.Number
		at     time.Time
		want   string
	}{
		{first, now, "424242"}, {second, now, "135790"}, {"+14155550101", now, ""}, {"", now, ""},
		{second, end.Add(-1), "135790"}, {second, end.In(time.FixedZone("", -12*3600)), ""}, {second, end, ""}, {first, end, "424242"},
		{first, time.Date(2027, 1, 31, 23, 59, 59, 0, time.UTC), "424242"}, {first, time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC), ""},
	} {
		code, ok := n.Code(c.number, c.at)
		if code != c.want || ok != (c.want != "") {
			t.Errorf("%s at %s: %q %v", string(c.number), c.at, code, ok)
		}
	}
	for _, shown := range []string{fmt.Sprintf("%+v", n), fmt.Sprintf("%#v", n)} {
		if strings.Contains(shown, "424242") {
			t.Errorf("printed with its codes: %s", shown)
		}
	}
	none, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := none.Code(first, now); ok {
		t.Error("a code without the variable")
	}
}

// A deployed stack wants a second word, also for numbers whose time is over, and
// then says once what it does, for as long as it does it.
func TestDeployed(t *testing.T) {
	t.Parallel()
	const over = "TEST_NUMBERS=" + first + "=424242 until 2026-11-19"
	for name, c := range map[string]struct {
		set   []string
		fault string
		lines int
	}{
		"nothing":        {[]string{"PUBLIC_URL=https://id.example.com"}, "", 0},
		"the word alone": {[]string{"PUBLIC_URL=https://id.example.com", "TEST_NUMBERS_DEPLOYED=yes"}, "", 0},
		"a laptop":       {[]string{"TEST_NUMBERS=" + one}, "", 0},
		"deployed":       {[]string{"PUBLIC_URL=https://id.example.com", "TEST_NUMBERS=" + one}, "TEST_NUMBERS makes phones", 0},
		"no address":     {[]string{"PUBLIC_URL=", "TEST_NUMBERS=" + one}, "TEST_NUMBERS makes phones", 0},
		"over":           {[]string{"PUBLIC_URL=", over}, "TEST_NUMBERS makes phones", 0},
		"said no":        {[]string{"PUBLIC_URL=", "TEST_NUMBERS=" + one, "TEST_NUMBERS_DEPLOYED=no"}, "TEST_NUMBERS makes phones", 0},
		"another word":   {[]string{"TEST_NUMBERS_DEPLOYED=true"}, "TEST_NUMBERS_DEPLOYED must be one of no, yes", 0},
		"said":           {[]string{"PUBLIC_URL=", "TEST_NUMBERS=" + one + "," + two, "TEST_NUMBERS_DEPLOYED=yes"}, "", 1},
		"said, and over": {[]string{"PUBLIC_URL=", over, "TEST_NUMBERS_DEPLOYED=yes"}, "", 0},
	} {
		var log bytes.Buffer
		cfg := config(&log, c.set...)
		vars := env.Read(cfg)
		testnumbers.New(cfg, vars).Warn(cfg)
		err := vars.Err()
		if (err == nil) != (c.fault == "") || err != nil && (!strings.HasPrefix(err.Error(), c.fault) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", name, err, c.fault)
		}
		if err == nil && strings.Count(log.String(), "\n") != c.lines || strings.Contains(log.String(), "424242") || strings.Contains(log.String(), first) {
			t.Errorf("%s: log %q", name, log.String())
		}
	}
}

var written = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}) ?= ?([0-9]{6}) until [0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// Whatever stands there, it is either understood to the letter, or refused
// without being shown.
func FuzzNew(f *testing.F) {
	for _, seed := range []string{"", one, one + "," + two, "a=b until c", first + "=987654 until 2027-13-01", first + "==987654 until 2027-01-31 until", ",,", first + "=987654 until 0000-01-01"} {
		f.Add(seed)
	}
	digits := regexp.MustCompile(`[0-9]{5,}`)
	f.Fuzz(func(t *testing.T, value string) {
		n, err := read("TEST_NUMBERS=" + value)
		if err != nil {
			for _, m := range digits.FindAllString(err.Error(), -1) {
				if m != "14155550100" && m != "424242" { // the example's own
					t.Fatalf("%q is refused with %s in it", value, m)
				}
			}
			return
		}
		for _, entry := range strings.Split(value, ",") {
			words := strings.Join(strings.Fields(entry), " ")
			if words == "" {
				continue
			}
			m := written.FindStringSubmatch(words)
			if m == nil {
				t.Fatalf("%q is taken", entry)
			}
			code, ok := n.Code(phone.Number(m[1]), time.Time{}.AddDate(-2, 0, 0))
			if !ok || code != m[2] {
				t.Fatalf("%q: code %q %v", entry, code, ok)
			}
			_, ok = n.Code(phone.Number(m[1]), now.AddDate(1, 0, 2))
			if ok {
				t.Fatalf("%q is on for more than a year", entry)
			}
		}
	})
}
