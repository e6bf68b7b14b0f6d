package env_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
)

func read(vars map[string]string) *env.Vars {
	return env.Read(env.Config{Getenv: func(name string) string { return vars[name] }})
}

// An operator mends everything in one go, so everything is said in one go.
// (parity 38)
func TestAllFaultsTogether(t *testing.T) {
	v := read(map[string]string{
		"MODE": "fast", "COUNT": "6", "WAIT": "1 minute", "WAITS": "1s,2", "ADDRESS": "example.com",
	})
	v.Required("TABLE", "the template sets it")
	v.OneOf("MODE", "slow", "slower")
	v.Int("COUNT", 3, 1, 5)
	v.Duration("WAIT", time.Minute, time.Second, time.Hour)
	v.Durations("WAITS", "1s,2s", time.Second, time.Hour)
	v.URL("ADDRESS", "")
	v.Fault("OTHER", "is %d too many", 2)
	err := v.Err()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines, want one for each of 7 faults:\n%v", len(lines), err)
	}
	for i, name := range []string{"TABLE is not set: the template sets it", "MODE must be one of slow, slower", "COUNT ", "WAIT ", "WAITS ", "ADDRESS ", "OTHER is 2 too many"} {
		if !strings.HasPrefix(lines[i], name) {
			t.Errorf("line %d is %q, want it to begin with %q", i, lines[i], name)
		}
	}
}

// Packages of one step that read the same variable make one fault of it.
func TestOneFaultOnce(t *testing.T) {
	v := read(map[string]string{"COUNT": "6"})
	for range 3 {
		v.Int("COUNT", 3, 1, 5)
		v.Fault("COUNT", "is odd")
	}
	v.Int("COUNT", 3, 1, 4)
	err := v.Err()
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want three faults: %v", err)
	}
}

// What is wrong is named, never shown: it may be a secret in the wrong place.
func TestFaultsDoNotShowValues(t *testing.T) {
	const canary = "canary7"
	v := read(map[string]string{"A": canary, "B": canary, "C": canary, "D": canary, "E": "https://user:" + canary + "@host"})
	v.OneOf("A", "x")
	v.Int("B", 1, 1, 2)
	v.Duration("C", time.Second, time.Second, time.Minute)
	v.Durations("D", "1s", time.Second, time.Minute)
	v.URL("E", "")
	err := v.Err()
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("faults show a value: %v", err)
	}
}

func TestNoFaults(t *testing.T) {
	v := read(nil)
	if v.String("A", "x") != "x" || v.OneOf("B", "x", "y") != "x" || v.Int("C", 3, 1, 5) != 3 ||
		v.Duration("D", time.Minute, time.Second, time.Hour) != time.Minute || v.URL("E", "https://x.example") != "https://x.example" ||
		v.URL("E", "") != "" || len(v.List("F")) != 0 {
		t.Error("an empty variable is not its default")
	}
	if v.Err() != nil {
		t.Errorf("unexpected: %v", v.Err())
	}
}

func TestInt(t *testing.T) {
	for _, c := range []struct {
		set  string
		want int
		ok   bool
	}{
		{"", 3, true}, {"1", 1, true}, {"5", 5, true}, {"0", 3, false}, {"6", 3, false}, {"-1", 3, false},
		{"1.0", 3, false}, {" 1", 3, false}, {"1e0", 3, false}, {"0x2", 3, false}, {"99999999999999999999", 3, false},
	} {
		v := read(map[string]string{"N": c.set})
		got := v.Int("N", 3, 1, 5)
		if got != c.want || (v.Err() == nil) != c.ok {
			t.Errorf("%q: %d %v", c.set, got, v.Err())
		}
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		set  string
		want time.Duration
		ok   bool
	}{
		{"", time.Minute, true}, {"1s", time.Second, true}, {"1h", time.Hour, true}, {"60m", time.Hour, true},
		{"999ms", time.Minute, false}, {"1h1ns", time.Minute, false}, {"-1m", time.Minute, false}, {"60", time.Minute, false},
		{"1 m", time.Minute, false}, {"1d", time.Minute, false},
	} {
		v := read(map[string]string{"D": c.set})
		got := v.Duration("D", time.Minute, time.Second, time.Hour)
		if got != c.want || (v.Err() == nil) != c.ok {
			t.Errorf("%q: %v %v", c.set, got, v.Err())
		}
	}
}

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		set  string
		want []time.Duration
		ok   bool
	}{
		{"", []time.Duration{time.Second, 2 * time.Second}, true},
		{"5s", []time.Duration{5 * time.Second}, true},
		{" 5s , 1m ", []time.Duration{5 * time.Second, time.Minute}, true},
		{"5s,", nil, false}, {",", nil, false}, {"5s;6s", nil, false}, {"0s", nil, false}, {"5s,2h", nil, false},
	} {
		v := read(map[string]string{"D": c.set})
		got := v.Durations("D", "1s,2s", time.Second, time.Hour)
		if (v.Err() == nil) != c.ok || c.ok && !slices.Equal(got, c.want) {
			t.Errorf("%q: %v %v", c.set, got, v.Err())
		}
		if len(got) == 0 {
			t.Errorf("%q: an empty list: callers index it", c.set)
		}
	}
}

func TestList(t *testing.T) {
	for set, want := range map[string][]string{
		"": nil, " , ": nil, "US": {"US"}, "US, GB ,,DE": {"US", "GB", "DE"},
	} {
		if got := read(map[string]string{"L": set}).List("L"); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", set, got, want)
		}
	}
}

// what leaves the machine is encrypted.
func TestURL(t *testing.T) {
	good := map[string]string{
		"https://id.example.com":            "https://id.example.com",
		"https://id.example.com/":           "https://id.example.com",
		"https://id.example.com:8443":       "https://id.example.com:8443",
		"https://id.example.com/base":       "https://id.example.com/base",
		"https://xn--bcher-kva.example":     "https://xn--bcher-kva.example",
		"https://[2001:db8::1]:1":           "https://[2001:db8::1]:1",
		"http://localhost:3000":             "http://localhost:3000",
		"http://127.0.0.1:3000/":            "http://127.0.0.1:3000",
		"http://[::1]:3000":                 "http://[::1]:3000",
		"http://host.docker.internal:8000/": "http://host.docker.internal:8000",
	}
	for set, want := range good {
		v := read(map[string]string{"U": set})
		if got := v.URL("U", ""); got != want || v.Err() != nil {
			t.Errorf("%q: %q %v, want %q", set, got, v.Err(), want)
		}
	}
	for _, set := range []string{
		"http://id.example.com", "http://localhost.example.com", "http://127.0.0.2", "http://example.com#localhost",
		"id.example.com", "//id.example.com", "/path", "https://", "https:///path", "https:id.example.com",
		"https://id.example.com?a=b", "https://id.example.com/#top", "https://user@id.example.com", "https://u:p@id.example.com",
		"ftp://id.example.com", "javascript:alert(1)", "https://id example.com", "https://id.example.com:port", "localhost:3000",
		"https://%zz", "http://localhost@id.example.com", " https://id.example.com", "https://id.example.com\n",
		"https://bücher.example", "https://b%C3%BCcher.example", "http://löcalhost",
	} {
		v := read(map[string]string{"U": set})
		if got := v.URL("U", "https://default.example"); got != "https://default.example" || v.Err() == nil {
			t.Errorf("%q is accepted as %q", set, got)
		}
	}
	v := read(map[string]string{"U": "https://id.bücher.example"})
	if v.URL("U", ""); v.Err() == nil || !strings.Contains(v.Err().Error(), "xn--") {
		t.Errorf("a host beyond ASCII, which no client sends so: %v", v.Err())
	}
}

// Only plain http at the machine's own name makes a laptop: whatever else is
// set, the bounds are a deployed stack's.
func TestLaptop(t *testing.T) {
	for public, want := range map[string]bool{
		"": false, "https://id.example.com": false, "http://id.example.com": false, "https://localhost": false, "http://%zz": false,
		"http://localhost:3000": true, "http://127.0.0.1": true, "http://[::1]:3000": true, "http://localhost.example.com": false,
	} {
		v := env.Read(env.Config{Getenv: func(string) string { return public }})
		if v.Laptop() != want {
			t.Errorf("%q: %v", public, v.Laptop())
		}
	}
}

// FuzzURL lets an operator set any address. One that is taken is https, or this
// machine's own; has no part that is the request's to say; and is itself again
//
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://id.example.com/", "http://localhost:3000", "http://[::1]:3000", "https://id.example.com/base//", "HTTP://localhost", "https://a@b", "https://x:0", "https://x?y", "//x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := read(map[string]string{"U": s})
		got := v.URL("U", "")
		if v.Err() != nil || s == "" {
			if got != "" || s == "" && v.Err() != nil {
				t.Errorf("%q is refused, and yet %q", s, got)
			}
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" || strings.HasSuffix(got, "/") {
			t.Fatalf("%q becomes %q", s, got)
		}
		own := slices.Contains([]string{"localhost", "127.0.0.1", "::1", "host.docker.internal"}, u.Hostname())
		if u.Scheme != "https" && (u.Scheme != "http" || !own) {
			t.Errorf("%q becomes %q", s, got)
		}
		again := read(map[string]string{"U": got})
		if again.URL("U", "") != got || again.Err() != nil {
			t.Errorf("%q becomes %q, and that %q, %v", s, got, again.URL("U", ""), again.Err())
		}
	})
}
