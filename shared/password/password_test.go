package password_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"

	"latchkey/shared/password"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, password string
		want           error
	}{
		{"empty", "", password.ErrShort},
		{"7 letters", strings.Repeat("a", 7), password.ErrShort},
		{"8 letters", strings.Repeat("a", 8), nil},
		{"72 bytes", strings.Repeat("a", 72), nil},
		{"73 bytes", strings.Repeat("a", 73), password.ErrLong},
		{"16 KiB", strings.Repeat("a", 16<<10), password.ErrLong},
		{"blanks count", "        ", nil},
		{"blanks around are kept", " secret ", nil},
		{"no composition rules", "aaaaaaaaaa", nil},
		{"8 emoji, 32 bytes", strings.Repeat("🔑", 8), nil},
		{"7 emoji, 28 bytes", strings.Repeat("🔑", 7), password.ErrShort},
		{"2 emoji, 8 bytes", "🔑🔑", password.ErrShort},
		{"NUL", "secret\x00word", password.ErrControl},
		{"NUL first", "\x00secretword", password.ErrControl},
		{"tab", "secret\tword", password.ErrControl},
		{"line feed at the end", "secretword\n", password.ErrControl},
		{"DEL", "secret\x7fword", password.ErrControl},
		{"C1", "secret\u0085word", password.ErrControl},
		{"18 letters, 72 bytes", strings.Repeat("🔑", 18), nil},
		{"19 letters, 76 bytes", strings.Repeat("🔑", 19), password.ErrLong},
		// Measured in NFC: letters with accents, two code points each as typed, one composed.
		{"8 letters after composing", strings.Repeat("e\u0301", 8), nil},
		{"7 letters after composing", strings.Repeat("e\u0301", 7), password.ErrShort},
		{"72 bytes after composing", strings.Repeat("e\u0301", 36), nil},
		{"74 bytes after composing", strings.Repeat("e\u0301", 37), password.ErrLong},
	} {
		if got := password.Check(c.password); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestHash(t *testing.T) {
	for _, typed := range []string{"correct horse", " spaces around ", strings.Repeat("x", 72), "pässword"} {
		h, err := password.Hash(typed, bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		err = bcrypt.CompareHashAndPassword([]byte(h), []byte(typed))
		if err != nil {
			t.Errorf("%q: %v", typed, err)
		}
		if strings.TrimSpace(typed) != typed && bcrypt.CompareHashAndPassword([]byte(h), []byte(strings.TrimSpace(typed))) == nil {
			t.Errorf("%q is trimmed", typed)
		}
		cost, err := bcrypt.Cost([]byte(h))
		if err != nil || cost != bcrypt.MinCost {
			t.Errorf("cost %d %v", cost, err)
		}
	}
}

// one password, however the keyboard composes its letters.
func TestHashIsOfTheComposedForm(t *testing.T) {
	composed, decomposed := "caf\u00e9 noir", "cafe\u0301 noir"
	h, err := password.Hash(decomposed, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	err = bcrypt.CompareHashAndPassword([]byte(h), []byte(composed))
	if err != nil {
		t.Errorf("the decomposed form's hash does not take the composed one: %v", err)
	}
}

// The same reasons as Check, before any work: a hash at this cost would take
// days.
func TestHashRefusesFirst(t *testing.T) {
	for typed, want := range map[string]error{
		"2short2": password.ErrShort, strings.Repeat("a", 73): password.ErrLong, "secret\x00word": password.ErrControl,
	} {
		h, err := password.Hash(typed, bcrypt.MaxCost)
		if h != "" || !errors.Is(err, want) {
			t.Errorf("%.10q: %q %v, want %v", typed, h, err, want)
		}
		if strings.Contains(err.Error(), typed) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestHashIsSalted(t *testing.T) {
	a, err := password.Hash("correct horse", bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	b, err := password.Hash("correct horse", bcrypt.MinCost)
	if err != nil || a == b {
		t.Errorf("equal hashes %q, %v", a, err)
	}
}

// (parity 29)
func TestHashCost(t *testing.T) {
	h, err := password.Hash("correct horse", bcrypt.MaxCost+1)
	if err == nil || h != "" {
		t.Errorf("cost above bcrypt's: %q", h)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("correct horse")
	f.Add("e\u0301e\u0301e\u0301e\u0301")
	f.Add("secret\x00word")
	f.Fuzz(func(t *testing.T, typed string) {
		if password.Check(typed) != nil {
			return
		}
		h, err := password.Hash(typed, bcrypt.MinCost)
		if err != nil {
			t.Fatalf("%q passed Check, and Hash says %v", typed, err)
		}
		composed := norm.NFC.String(typed)
		if bcrypt.CompareHashAndPassword([]byte(h), []byte(composed)) != nil {
			t.Errorf("%q does not match its own hash", typed)
		}
		// At 72 bytes bcrypt would take any suffix; only Check stands before that.
		if bcrypt.CompareHashAndPassword([]byte(h), []byte(composed+"x")) == nil && password.Check(composed+"x") == nil {
			t.Errorf("%q: a suffix is accepted", typed)
		}
	})
}
