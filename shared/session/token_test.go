package session_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"latchkey/shared/session"
	"latchkey/shared/store"
)

const seed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

func token() session.Token {
	return session.Derive(seed, store.Hash("ada@example.com"), "content")
}

func TestParse(t *testing.T) {
	want := token()
	got, ok := session.Parse(want.Value())
	if !ok || got != want {
		t.Errorf("%q is read as %#v %v", want.Value(), got.Value(), ok)
	}
	v := want.Value()
	for name, value := range map[string]string{
		"empty": "", "cut": v[:len(v)-1], "longer": v + "A", "line feed": v + "\n", "leading blank": " " + v,
		"two parts": v[:strings.LastIndex(v, ".")], "four parts": v + "." + want.Secret, "upper-case id": strings.Replace(v, want.ID, strings.ToUpper(want.ID), 1),
		"standard base64": strings.Replace(v, want.Secret, "+"+want.Secret[1:], 1), "padding": v[:len(v)-1] + "=",
		"NUL": v[:10] + "\x00" + v[11:], "other script": "é" + v[2:], "NULs": strings.Repeat("\x00", len(v)),
	} {
		if got, ok := session.Parse(value); ok || got != (session.Token{}) {
			t.Errorf("%s: %q is read", name, value)
		}
	}
}

// A login's token also names its approval, which is a hint and no more: whoever
// has the token is the same, and the confirmed one has none.
func TestParseWithAnApproval(t *testing.T) {
	t.Parallel()
	plain := token()
	for _, ref := range []string{"authy:9af1c0de-0000-4000-8000-000000000001", "verify:YC" + strings.Repeat("0", 32), "a:b", strings.Repeat("p", 16) + ":" + strings.Repeat("i", 64)} {
		tok := plain
		tok.Ref = ref
		got, ok := session.Parse(tok.Value())
		if !ok || got != tok || got.Ref != ref || !bytes.Equal(got.Hash(), plain.Hash()) {
			t.Errorf("%q is read as %q %v", tok.Value(), got.Value(), ok)
		}
		rotated := tok.Rotated([]byte("salt"))
		if rotated.Ref != "" || rotated != plain.Rotated([]byte("salt")) {
			t.Errorf("%q is rotated to %q", ref, rotated.Value())
		}
	}
	for _, ref := range []string{
		".", ".authy", ".authy:", ".:id", ".Authy:id", ".authy2:id", ".authy:i.d", ".authy:i d", ".authy:id:id", ".authy:id.authy:id", ".authy:id\n",
		".authy:é", ".authy#id", ". authy:id", ".authy:id ", "..authy:id", "." + strings.Repeat("p", 17) + ":id", ".authy:" + strings.Repeat("i", 65),
	} {
		got, ok := session.Parse(plain.Value() + ref)
		if ok || got != (session.Token{}) {
			t.Errorf("%q is read as %q", ref, got.Ref)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(token().Value())
	f.Add(token().Value() + ".authy:9af1c0de-0000-4000-8000-000000000001")
	f.Add(token().Value() + ".verify:YC1.")
	f.Add(token().Value() + ".")
	f.Add("..")
	f.Fuzz(func(t *testing.T, value string) {
		got, ok := session.Parse(value)
		if !ok {
			if got != (session.Token{}) {
				t.Errorf("%q is refused with %q", value, got.Value())
			}
			return
		}
		again, ok := session.Parse(got.Value())
		ref := store.ParseRef(got.Ref)
		if got.Ref != "" && (ref.String() != got.Ref || ref.Provider == "" || ref.ID == "" || strings.ContainsAny(got.Ref, "#. ")) {
			t.Errorf("%q names the approval %q", value, got.Ref)
		}
		if got.Value() != value || !ok || again != got || len(got.Key) != 43 || len(got.ID) != 32 || len(got.Secret) != 43 {
			t.Errorf("%q becomes %q", value, got.Value())
		}
	})
}

// The same form sent twice is one session, a corrected one another.
func TestDerive(t *testing.T) {
	key := store.Hash("ada@example.com")
	want := session.Derive(seed, key, "content")
	if want != session.Derive(seed, key, "content") {
		t.Error("the same form makes two sessions")
	}
	if _, ok := session.Parse(want.Value()); !ok || want.Key != key {
		t.Errorf("%q is no token", want.Value())
	}
	seen := map[string]string{want.ID: "itself", want.Secret: "itself"}
	for name, other := range map[string]session.Token{
		"another seed":         session.Derive(seed[1:]+"x", key, "content"),
		"a shorter seed":       session.Derive(seed[:32], key, "content"),
		"a longer seed":        session.Derive(seed+"x", key, "content"),
		"a very long seed":     session.Derive(strings.Repeat(seed, 2), key, "content"),
		"another content":      session.Derive(seed, key, "Content"),
		"content with a blank": session.Derive(seed, key, "content "),
		"content with a NUL":   session.Derive(seed, key, "\x00content"),
		"no content":           session.Derive(seed, key, ""),
	} {
		if seen[other.ID] != "" || seen[other.Secret] != "" {
			t.Errorf("%s makes the id or secret of %s", name, seen[other.ID]+seen[other.Secret])
		}
		seen[other.ID], seen[other.Secret] = name, name
	}
	if strings.Contains(want.Secret, want.ID) || want.Secret == string(session.Digest(seed, "content")) {
		t.Error("the id tells the secret")
	}
}

// The id is public and the digest is stored: neither may be a part of the
// secret.
func TestPurposesAreApart(t *testing.T) {
	tok := token()
	digest := fmt.Sprintf("%x", session.Digest(seed, "content"))
	if strings.HasPrefix(digest, tok.ID) {
		t.Error("the digest is the id")
	}
	salt := []byte("salt")
	if bytes.Equal(session.Proof(salt, tok.Secret), session.Digest("salt", tok.Secret)) {
		t.Error("the proof is the digest")
	}
	rotated := tok.Rotated(salt)
	if rotated.Secret == tok.Secret || bytes.Equal(session.Proof(salt, tok.Secret), rotated.Hash()) {
		t.Error("the rotated secret is the old one, or its hash is the proof")
	}
}

func TestRotated(t *testing.T) {
	a, b := session.Random(32), session.Random(32)
	tok := token()
	r, again := tok.Rotated(a), tok.Rotated(a)
	if r != again {
		t.Error("a repeat gets another cookie")
	}
	if r == tok.Rotated(b) {
		t.Error("the salt does not matter")
	}
	if r.Key != tok.Key || r.ID != tok.ID || r.Secret == tok.Secret || bytes.Equal(r.Hash(), tok.Hash()) {
		t.Error("only the secret is to change, and it is to change")
	}
	if _, ok := session.Parse(r.Value()); !ok {
		t.Errorf("%q is no token", r.Value())
	}
	if bytes.Equal(session.Proof(a, "123456"), session.Proof(b, "123456")) || bytes.Equal(session.Proof(a, "123456"), session.Proof(a, "123457")) {
		t.Error("the proof does not depend on salt and code")
	}
}

// the secret is in no text that a program makes of a token by mistake.
func TestTokensPrintNoSecret(t *testing.T) {
	tok := token()
	for name, value := range map[string]any{
		"token": tok, "pointer": &tok, "struct": struct{ T session.Token }{tok}, "slice": []session.Token{tok}, "map": map[string]session.Token{"k": tok},
	} {
		for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%q", "%x"} {
			got := fmt.Sprintf(verb, value)
			if strings.Contains(got, tok.Secret) || strings.Contains(got, fmt.Sprintf("%x", tok.Secret)) {
				t.Errorf("%s with %s prints %q", name, verb, got)
			}
		}
	}
}

func TestSeeds(t *testing.T) {
	a, b := session.NewSeed(), session.NewSeed()
	if a == b || !session.ValidSeed(a) || len(a) != 43 {
		t.Errorf("seeds %q and %q", a, b)
	}
	for s, want := range map[string]bool{
		strings.Repeat("a", 31): false, strings.Repeat("a", 32): true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		"": false, strings.Repeat("A-_9", 8): true, strings.Repeat("a", 40) + "\n": false, strings.Repeat("a", 40) + " ": false,
		strings.Repeat("a", 40) + "+": false, strings.Repeat("a", 40) + "\x00": false, strings.Repeat("é", 20): false,
	} {
		if session.ValidSeed(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"", "", false}, {"", "a", false}, {"a", "", false}} {
		if session.Equal([]byte(c.a), []byte(c.b)) != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, !c.want)
		}
	}
	if session.Equal(nil, nil) {
		t.Error("nothing equals nothing")
	}
}

func TestRandom(t *testing.T) {
	if a, b := session.Random(32), session.Random(32); len(a) != 32 || bytes.Equal(a, b) {
		t.Errorf("%x and %x", a, b)
	}
}
