package recovery_test

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"latchkey/shared/recovery"
)

var written = regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$`)

// Every letter stands at every place: all 80 bits are random.
func TestNew(t *testing.T) {
	t.Parallel()
	codes := recovery.New(2000)
	seen := map[string]bool{}
	places := make([]map[byte]bool, 19)
	for _, c := range codes {
		clean, ok := recovery.Clean(c)
		if !written.MatchString(c) || seen[c] || !ok || clean != c {
			t.Fatalf("%q: cleaned %q, seen before: %v", c, clean, seen[c])
		}
		seen[c] = true
		for i := range len(c) {
			if places[i] == nil {
				places[i] = map[byte]bool{}
			}
			places[i][c[i]] = true
		}
	}
	for i, letters := range places {
		want := 32
		if i%5 == 4 {
			want = 1
		}
		if len(letters) != want {
			t.Errorf("place %d: %d letters, want %d", i, len(letters), want)
		}
	}
	if len(codes) != 2000 || len(recovery.New(0)) != 0 {
		t.Error("not as many as were asked for")
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	const code = "7k3m-90xd-w2h1-f5rv"
	for _, typed := range []string{
		code, "7k3m90xdw2h1f5rv", "7K3M 90XD W2H1 F5RV", " 7k3m-90xd-w2h1-f5rv\n", "7k3m--90xd w2h1_f5rv", "7k3m–90xd—w2h1−f5rv.",
		"7k3m-9oxd-w2hl-f5rv", "7K3M-9OXD-W2HI-F5RU", "7k3m-90xd-w2hL-f5rU", "７ｋ３ｍ　９０ｘｄ－ｗ２ｈ１－ｆ５ｒｖ", "7k3m\u00a090xd\u2011w2h1\tf5rv",
	} {
		got, ok := recovery.Clean(typed)
		if got != code || !ok {
			t.Errorf("%q: %q %v", typed, got, ok)
		}
	}
	for _, typed := range []string{
		"", "-", "7k3m-90xd-w2h1-f5r", "7k3m-90xd-w2h1-f5rv0", "7k3m-90xd-w2h1-f5r!", "7k3m-90xd-w2h1-f5ré", "7k3m-90xd-w2h1-f5r\x00",
		"7k3m-90xd-w2h1-f5r\xff", "123456", "7k3m-90xd-w2h1-f5rv" + strings.Repeat(" ", 128), "ⅶk3m-90xd-w2h1-f5rv",
	} {
		got, ok := recovery.Clean(typed)
		if got != "" || ok {
			t.Errorf("%q: %q %v", typed, got, ok)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	code := recovery.New(1)[0]
	const want = "ecda723b8e1f5183664cd182ab3bff55d907db6a7aa201ed6b94aec23e235e9d" // as OpenSSL says: digests are in tables
	if got := hex.EncodeToString(recovery.Digest("00000000000000000000000000000001", "7k3m-9qxd-w2ht-f5rz")); got != want {
		t.Errorf("%s", got)
	}
	d := recovery.Digest("uid", code)
	if len(d) != 32 || !bytes.Equal(d, recovery.Digest("uid", code)) {
		t.Errorf("%x", d)
	}
	if bytes.Equal(d, recovery.Digest("other", code)) || bytes.Equal(d, recovery.Digest("uid", recovery.New(1)[0])) {
		t.Error("another user's or another code has the same digest")
	}
	if bytes.Contains(d, []byte(code)) || bytes.Contains(d, []byte(strings.ReplaceAll(code, "-", ""))) {
		t.Error("the digest holds the code")
	}
}

// Whatever is typed: a code is written as New writes it, and cleaning it again
// changes nothing.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "7k3m-9qxd-w2ht-f5rz", "7K3M9QXDW2HTF5RZ", "oooo iiii llll uuuu", "７ｋ３ｍ", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := recovery.Clean(typed)
		again, fixed := recovery.Clean(code)
		if ok != fixed || again != code || ok != written.MatchString(code) || !ok && code != "" {
			t.Errorf("%q: %q %v, again %q %v", typed, code, ok, again, fixed)
		}
	})
}
