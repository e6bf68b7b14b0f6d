package password

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// R-007, I-06: whatever comes of it, a comparison does the work of one hash of
// the cost that it is asked for. It is counted, not timed: a busy machine's clock
// proves nothing.
func TestCompareDoesTheSameWork(t *testing.T) {
	t.Parallel()
	const cost = 6
	same, err := Hash("correct horse", cost)
	if err != nil {
		t.Fatal(err)
	}
	cheaper, err := Hash("correct horse", cost-2)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		hash, typed string
		want        error
	}{
		"right": {same, "correct horse", nil}, "wrong": {same, "wrong horse", ErrWrong}, "nobody": {"", "correct horse", ErrWrong},
		"made cheaper": {cheaper, "correct horse", nil}, "made cheaper, and wrong": {cheaper, "wrong horse", ErrWrong},
		"too long": {same, strings.Repeat("x", 100), ErrWrong}, "too short": {same, "x", ErrWrong}, "nobody's, and too short": {"", "x", ErrWrong},
	} {
		done := 0 // rounds of bcrypt
		err := compare(c.hash, c.typed, cost, func(hash, typed []byte) error {
			made, err := bcrypt.Cost(hash)
			if err != nil { // then bcrypt does none
				t.Errorf("%s: work with a hash that is none: %v", name, err)
			}
			done += 1 << made
			return bcrypt.CompareHashAndPassword(hash, typed)
		})
		if !errors.Is(err, c.want) || done != 1<<cost {
			t.Errorf("%s: %v after %d rounds, want %v after %d", name, err, done, c.want, 1<<cost)
		}
	}
}
