package approvals

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/flowtest/shapetest"
)

// The shapes, as expressions.
var (
	userShape  = regexp.MustCompile(`^([A-Za-z0-9_-]{43})\.([0-9a-f]{32})$`)
	labelShape = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	assumed    = regexp.MustCompile(`^(arn:[^:]*:sts:[^:]*:[^:]*:assumed-role/.+)/[^/]*$`)
)

func TestShapeOfALabel(t *testing.T) {
	t.Parallel()
	shapetest.Same(t, labelShape, isLabel, labelled, []string{
		"", "_", "__", "_a", "a_", "a__b", "9", "9_a", "A", "aB", "a-b", "a b", "a\n", "a_\n", "\na", "a\x00", "é", "a_é", "a\xff", "\u212a",
	})
}

var labelled = []string{"a", "z9", "from_account", "a_1_b", "a0_0", "ab_cd_ef_gh"}

func FuzzLabel(f *testing.F) { shapetest.Fuzz(f, labelShape, isLabel, labelled...) }

func TestShapeOfAUser(t *testing.T) {
	t.Parallel()
	key, uid := strings.Repeat("aZ9-_", 9)[:43], strings.Repeat("09af", 8)
	shapetest.Same(t, userShape, func(s string) bool { _, _, ok := document{User: s}.named(); return ok }, []string{key + "." + uid, uid + uid[:11] + "." + uid}, []string{
		"", ".", key, key + ".", "." + uid, key + "." + uid + ".", key + "." + uid + "\n", key + uid, key + "." + strings.ToUpper(uid), key[1:] + "." + uid, key + "a." + uid, key + "." + uid[1:], key + "." + uid + "0",
		key + "." + uid[1:] + "\x00", key[2:] + "é." + uid, key[1:] + "\xff." + uid,
	})
	for text := range shapetest.Around(key + "." + uid) {
		gotKey, gotUID, ok := document{User: text}.named()
		m := userShape.FindStringSubmatch(text)
		if m == nil {
			m = []string{"", "", ""}
		}
		if gotKey != m[1] || gotUID != m[2] || ok != (m[0] != "") {
			t.Fatalf("%q is read as %q and %q, %v", text, gotKey, gotUID, ok)
		}
	}
}

// expected is the principal as the expression finds it.
func expected(arn string) string {
	m := assumed.FindStringSubmatch(arn)
	if m == nil {
		return arn
	}
	return m[1]
}

var arns = []string{
	"", "arn", "arn:::::", "arn::sts:::assumed-role/a/b", "arn:aws:sts::123456789012:assumed-role/bank/machine-1", "arn:aws:sts::123456789012:assumed-role/bank/",
	"arn:aws:sts::1:assumed-role/bank", "arn:aws:sts::1:assumed-role/", "arn:aws:sts::1:assumed-role//", "arn:aws:sts::1:assumed-role//b", "arn:aws:sts::1:assumed-role///b",
	"arn:aws:sts::1:assumed-role/team/bank/x", "arn:aws:sts::1:assumed-role/a:b/c:d", "arn:aws:sts::1:assumed-role/a\nb/c", "arn:aws:sts::1:assumed-role/a/b\nc", "arn:a\nb:sts:\n:\n:assumed-role/a/b",
	"arn:aws:sts::1:assumed-role/a/b\n", "arn:aws:sts::1:assumed-role/\xff/\xff", "arn:\xff:sts::1:assumed-role/é/é", "arn:aws:iam::1:assumed-role/a/b", "arn:aws:sts::1:Assumed-role/a/b",
	"arn:aws:sts::assumed-role/a/b", "arn:aws:sts::1:2:assumed-role/a/b", " arn:aws:sts::1:assumed-role/a/b", "\narn:aws:sts::1:assumed-role/a/b", "arn:aws:sts::1:x/assumed-role/a/b",
	"arn:aws:sts::1:assumed-role/a/assumed-role/b", "arn:aws:sts::1:assumed-role/b/b/b", "arn:aws:sts::1:assumed-role/a/b\x00",
}

func TestPrincipalIsAsTheExpressionSays(t *testing.T) {
	t.Parallel()
	short := 0
	for arn := range shapetest.Around(arns...) {
		want := expected(arn)
		if got := principal(arn); got != want {
			t.Fatalf("%q: %q, want %q", arn, got, want)
		}
		if want != arn {
			short++
		}
	}
	if short < 1000 {
		t.Errorf("only %d are of an assumed role", short)
	}
}

func FuzzPrincipal(f *testing.F) {
	for _, arn := range arns {
		f.Add(arn)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		if got := principal(arn); got != expected(arn) {
			t.Errorf("%q: %q", arn, got)
		}
	})
}
