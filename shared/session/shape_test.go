package session_test

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
	"latchkey/shared/session"
)

// What a cookie and a seed look like, as expressions.
var (
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}\.[0-9a-f]{32}\.[A-Za-z0-9_-]{43}(\.[a-z]{1,16}:[A-Za-z0-9-]{1,64})?$`)
	seedForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{32,128}$`)
)

var (
	aKey    = strings.Repeat("aZ9-_", 9)[:43]
	aToken  = aKey + "." + strings.Repeat("09af", 8) + "." + aKey
	waiting = []string{aToken + ".authy:9af1c0de-0000-4000-8000-000000000001", aToken + ".a:b", aToken + "." + strings.Repeat("z", 16) + ":" + strings.Repeat("Z", 64)}
)

func isToken(s string) bool { _, ok := session.Parse(s); return ok }

func TestShapeOfAToken(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, tokenForm, isToken, append(waiting, aToken), []string{
		"", ".", "..", "...", "." + aToken, aToken + ".", aToken + ".:", aToken + ".authy", aToken + ".authy:", aToken + ".:id", aToken + ".authy:id.authy:id",
		aToken + ".authy:id:id", aToken + "." + strings.Repeat("z", 17) + ":b", aToken + ".a:" + strings.Repeat("Z", 65), aToken + ".authy:i_d", aToken + ".Authy:id",
		aToken + "\n", aToken + ".a:b\n", aToken + "\x00", aToken[:43] + aToken[44:], strings.ToUpper(aToken), aToken + ":a.b",
	})
}

// What is accepted comes apart as the expression's groups say.
func TestPartsOfAToken(t *testing.T) {
	t.Parallel()
	parts := regexp.MustCompile(`^([A-Za-z0-9_-]{43})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{43})(?:\.([a-z]{1,16}:[A-Za-z0-9-]{1,64}))?$`)
	for text := range shapetest.Around(append(waiting, aToken)...) {
		var want session.Token
		m := parts.FindStringSubmatch(text)
		if m != nil {
			want = session.Token{Key: m[1], ID: m[2], Secret: m[3], Ref: m[4]}
		}
		got, ok := session.Parse(text)
		if got != want || ok != (m != nil) {
			t.Fatalf("%q is read as %q %v", text, got.Value(), ok)
		}
	}
}

func TestShapeOfASeed(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, seedForm, session.ValidSeed, []string{aKey, aKey[:32], strings.Repeat("aA0-", 32)}, []string{
		"", aKey[:31], strings.Repeat("aA0-", 32) + "a", aKey[:31] + "\n", aKey + "\n", "\n" + aKey, aKey + "=", aKey + " ", aKey[:31] + "é", aKey[:40] + "\x00" + aKey[:2], strings.Repeat("é", 32), aKey + "\xff",
	})
}

func FuzzToken(f *testing.F) { shapetest.Fuzz(f, tokenForm, isToken, append(waiting, aToken)...) }
