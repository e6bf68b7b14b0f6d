package password_test

import (
	"errors"
	"strings"
	"testing"

	"latchkey/shared/password"
)

// A password is compared whole, and nothing that cannot be one matches
// (parity 31): bcrypt itself would take any suffix after 72 bytes, and anything
// after a NUL.
func TestCompare(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", password.MaxBytes)
	made := map[string]string{}
	for _, p := range []string{"correct horse", long, "e\u0301a la carte"} {
		h, err := password.Hash(p, 4)
		if err != nil {
			t.Fatal(err)
		}
		made[p] = h
	}
	for _, c := range []struct {
		name, of, typed string
		ok              bool
	}{
		{"right", "correct horse", "correct horse", true},
		{"wrong", "correct horse", "correct horsf", false},
		{"a blank more", "correct horse", "correct horse ", false},
		{"empty", "correct horse", "", false},
		{"after NUL", "correct horse", "correct horse\x00x", false},
		{"72 bytes", long, long, true},
		{"73 bytes", long, long + "x", false},
		{"composed", "e\u0301a la carte", "\u00e9a la carte", true},
	} {
		err := password.Compare(made[c.of], c.typed, 4)
		if c.ok && err != nil || !c.ok && !errors.Is(err, password.ErrWrong) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Nobody's password is wrong, whatever it is, and a broken hash is no wrong
// password.
func TestCompareWithoutHash(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"", "-", "correct horse", "latchkeynobody"} {
		err := password.Compare("", p, 4)
		if !errors.Is(err, password.ErrWrong) {
			t.Errorf("%q: %v", p, err)
		}
	}
	err := password.Compare("broken", "correct horse", 4)
	if err == nil || errors.Is(err, password.ErrWrong) {
		t.Errorf("broken hash: %v", err)
	}
}

// What differs in nothing but who exists takes the same work: measured as
// benchmarks, side by side.
func BenchmarkCompare(b *testing.B) {
	const cost = 8
	same, err := password.Hash("correct horse", cost)
	if err != nil {
		b.Fatal(err)
	}
	cheaper, err := password.Hash("correct horse", cost-2)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, hash, typed string }{
		{"right", same, "correct horse"}, {"wrong", same, "wrong horse"}, {"nobody", "", "correct horse"},
		{"cheaper", cheaper, "correct horse"}, {"too long", same, strings.Repeat("x", 100)},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				password.Compare(c.hash, c.typed, cost) //nolint:errcheck // measured only
			}
		})
	}
}
