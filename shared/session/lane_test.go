package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
)

// remember confirms nothing and gives the browser, which brings these cookies,
// its mark.
func (b *gate) remember(t testing.TB, s store.Session, cookies ...*http.Cookie) *http.Cookie {
	t.Helper()
	r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
	for _, c := range cookies {
		r.AddCookie(c)
	}
	b.guard.Remember(w, r, s)
	if len(w.Result().Cookies()) != 1 {
		t.Fatalf("cookies %v", w.Result().Cookies())
	}
	return w.Result().Cookies()[0]
}

// device reads a browser's mark.
func (b *gate) device(c *http.Cookie, key string) (session.Token, bool) {
	r := httptest.NewRequest("POST", "/", nil)
	r.AddCookie(c)
	return b.guard.Device(r, key)
}

// A browser once known stays itself, for its user and for this epoch; each
// browser is another.
func TestDevice(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := store.Session{Key: store.Hash("ada@example.com"), Epoch: "epoch"}
	c := b.remember(t, s)
	if c.Name != "__Host-latchkey-device" || !c.HttpOnly || !c.Secure || c.MaxAge < 30*24*60*60 || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("%v", c)
	}
	tok, ok := b.device(c, s.Key)
	if !ok || !session.Genuine(tok, "epoch") {
		t.Fatalf("%v %v", tok, ok)
	}
	for _, epoch := range []string{"", "another", "epoch "} {
		if session.Genuine(tok, epoch) {
			t.Errorf("genuine in epoch %q", epoch)
		}
	}
	_, ok = b.device(c, store.Hash("eve@example.com"))
	if ok {
		t.Error("known to another user")
	}
	if again := b.remember(t, s, c); again.Value != c.Value {
		t.Error("a known browser becomes another")
	}
	if other := b.remember(t, s); other.Value == c.Value {
		t.Error("two browsers are one")
	}
	next := s
	next.Epoch = "another"
	renewed, ok := b.device(b.remember(t, next, c), s.Key)
	if !ok || renewed.ID == tok.ID || session.Genuine(renewed, "epoch") || !session.Genuine(renewed, "another") {
		t.Error("after signing out everywhere a browser keeps its mark")
	}
	if tok.Lane() == renewed.Lane() || tok.Lane() == s.Key {
		t.Errorf("lanes %s, %s", tok.Lane(), renewed.Lane())
	}
}

// What nobody was given is not genuine, whatever it looks like.
func TestForgedDevice(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := store.Session{Key: store.Hash("ada@example.com"), Epoch: "epoch"}
	tok, _ := b.device(b.remember(t, s), s.Key)
	other, secret, none := tok, tok, tok
	other.ID, secret.Secret, none.Secret = strings.Repeat("f", 32), session.Derive(seed, s.Key, "forged").Secret, ""
	for name, forged := range map[string]session.Token{"another id": other, "another secret": secret, "no secret": none, "nothing": {}} {
		if session.Genuine(forged, "epoch") {
			t.Errorf("%s is genuine", name)
		}
	}
	for _, value := range []string{"", "x", tok.Value() + "x", tok.Value()[1:], none.Value()} {
		_, ok := b.device(&http.Cookie{Name: b.site.CookieName("device"), Value: value}, s.Key)
		if ok {
			t.Errorf("%q is read", value)
		}
	}
	_, ok := b.device(&http.Cookie{Name: b.site.CookieName("session"), Value: tok.Value()}, s.Key)
	if ok {
		t.Error("a session's cookie is read as a device's")
	}
	if b.half(t, tok.Value()) == nil || b.full(t, tok.Value()) == nil {
		t.Error("the mark opens a session")
	}
}

// Failures are counted by lane, and a confirmation forgets those of its own.
func TestConfirmForgetsFailures(t *testing.T) {
	t.Parallel()
	b := open(t)
	lane := session.Lane{Free: 3, Longest: 15 * time.Minute}
	fail := func(subject string) error {
		var err error
		for i := range 3 {
			err = errors.Join(err, b.guard.Try(t.Context(), lane, subject, fmt.Sprint(i)))
		}
		return err
	}
	tok := token()
	s := b.guard.New(tok, store.Login, profile())
	s.UID, s.Lanes = "uid", []string{tok.Key, session.NetworkLane(tok.Key, "net")}
	s, err := b.CreateSession(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(fail(s.Lanes[0]), fail(s.Lanes[1]), fail(tok.Key+"/device"))
	if err != nil {
		t.Fatal(err)
	}
	var limited *store.Limited
	for _, subject := range []string{s.Lanes[0], s.Lanes[1], tok.Key + "/device"} {
		if got := b.guard.Try(t.Context(), lane, subject, "new"); !errors.As(got, &limited) {
			t.Errorf("%s: %v", subject, got)
		}
	}
	_, first, err := b.guard.Confirm(t.Context(), s, tok, code, store.FactorCode)
	if err != nil || !first {
		t.Fatalf("%v %v", first, err)
	}
	for _, own := range s.Lanes {
		if got := b.guard.Try(t.Context(), lane, own, "again"); got != nil {
			t.Errorf("its own failures are still counted: %v", got)
		}
	}
	if got := b.guard.Try(t.Context(), lane, tok.Key+"/device", "again"); !errors.As(got, &limited) {
		t.Errorf("another lane's failures are forgotten: %v", got)
	}
}

// That failures cannot be forgotten is no reason to refuse a login.
func TestConfirmWithoutForgetting(t *testing.T) {
	t.Parallel()
	b := open(t)
	tok := token()
	s := b.guard.New(tok, store.Login, profile())
	s.Lanes = []string{tok.Key}
	s, err := b.CreateSession(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	b.Wire.Lose("DeleteItem", 100)
	_, first, err := b.guard.Confirm(t.Context(), s, tok, code, store.FactorCode)
	if err != nil || !first || b.Wire.Count("DeleteItem") == 0 {
		t.Errorf("%v %v", first, err)
	}
}

// a token is one use's for ninety seconds, of each user apart.
func TestSpend(t *testing.T) {
	t.Parallel()
	b := open(t)
	for i, c := range []struct {
		uid, token, by string
		at             time.Duration
		want           error
	}{
		{"ada", "123456", "a", 0, nil}, {"ada", "123456", "a", 0, nil}, {"ada", "123456", "b", 0, store.ErrRefused}, {"ada", "123456", "", 0, store.ErrRefused},
		{"ada", "123457", "b", 0, nil}, {"bob", "123456", "b", 0, nil},
		{"ada", "123456", "b", 90*time.Second - time.Millisecond, store.ErrRefused}, {"ada", "123456", "b", 90 * time.Second, nil},
	} {
		err := session.Spend(t.Context(), b.Table.Table, c.uid, c.token, c.by, start.Add(c.at))
		if !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", i, err, c.want)
		}
	}
	if strings.Contains(b.Dump(t), "123456") {
		t.Error("the table holds a token")
	}
	b.Wire.Lose("PutItem", 100)
	err := session.Spend(t.Context(), b.Table.Table, "ada", "999999", "a", start)
	if err == nil || errors.Is(err, store.ErrRefused) {
		t.Errorf("without the table: %v", err)
	}
}

func TestFreshFor(t *testing.T) {
	for set, ok := range map[string]bool{"": true, "1m": true, "59s": false, "1h": true, "61m": false} {
		v := env.Read(env.Config{Getenv: func(n string) string {
			if n == "FRESH_FACTOR" {
				return set
			}
			return ""
		}})
		got := session.FreshFor(v)
		if (v.Err() == nil) != ok || set == "" && got != 15*time.Minute {
			t.Errorf("%q: %v %v", set, got, v.Err())
		}
	}
}
