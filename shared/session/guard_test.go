package session_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
)

const code = "123456"

func profile() store.Profile {
	return store.Profile{Name: "Ada", Email: "ada@example.com", Phone: "+14155552671", Country: "US", CallingCode: "1", Hash: "$2a$04$hash", Provider: "verify"}
}

// begin writes a half session.
func (b *gate) begin(t testing.TB, tok session.Token) store.Session {
	t.Helper()
	s, err := b.CreateSession(t.Context(), b.guard.New(tok, store.Signup, profile()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// enter makes a session with its user, confirmed now.
func (b *gate) enter(t testing.TB) (store.Session, session.Token) {
	t.Helper()
	s := b.begin(t, token())
	_, err := b.CreateUser(t.Context(), store.User{Key: s.Key, UID: s.UID, Epoch: s.Epoch, Profile: profile(), CreatedAt: b.Clock.Now(), VerifiedAt: b.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	rotated, first, err := b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
	if err != nil || !first {
		t.Fatalf("first %v, %v", first, err)
	}
	return s, rotated
}

// with is a request that brings a cookie's value.
func (b *gate) with(value string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if value != "" {
		r.Header.Set("Cookie", b.site.CookieName("session")+"="+value)
	}
	return r
}

func (b *gate) half(t testing.TB, value string) error {
	t.Helper()
	_, _, err := b.guard.Half(t.Context(), b.with(value))
	return err
}

func (b *gate) full(t testing.TB, value string) error {
	t.Helper()
	u, s, err := b.guard.Full(t.Context(), b.with(value))
	if err != nil && (u.Key != "" || s.Key != "") {
		t.Errorf("%v, and yet a user and a session", err)
	}
	return err
}

// strangers are cookies that are nobody's.
func strangers(tok session.Token) map[string]string {
	forged, other, elsewhere := tok, tok, tok
	forged.Secret = session.Derive(seed, tok.Key, "forged").Secret
	other.ID = strings.Repeat("f", 32)
	elsewhere.Key = store.Hash("eve@example.com")
	hash := tok
	hash.Secret = base64.RawURLEncoding.EncodeToString(tok.Hash()) // what a reader of the table knows
	v := tok.Value()
	return map[string]string{
		"none": "", "cut": v[:len(v)-1], "forged": forged.Value(), "other id": other.Value(), "other key": elsewhere.Value(), "the stored hash": hash.Value(),
		"no secret": v[:len(v)-len(tok.Secret)], "more": v + ".x", "nonsense": "nonsense", "the rotated one": tok.Rotated([]byte("salt")).Value(),
	}
}

func TestHalf(t *testing.T) {
	t.Parallel()
	b, tok := open(t), token()
	if got := b.half(t, tok.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("before it is written: %v", got)
	}
	want := b.begin(t, tok)
	s, got, err := b.guard.Half(t.Context(), b.with(tok.Value()))
	if err != nil || got != tok || s.ID != want.ID || s.Email != "ada@example.com" {
		t.Errorf("%v %v", s.ID, err)
	}
	for name, value := range strangers(tok) {
		if got := b.half(t, value); !errors.Is(got, session.ErrNone) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for at, want := range map[time.Duration]error{
		0: nil, 30*time.Minute - time.Millisecond: nil, 30 * time.Minute: session.ErrOver, 30*time.Minute + time.Second: session.ErrOver,
	} {
		b.Clock.Set(start.Add(at))
		if got := b.half(t, tok.Value()); !errors.Is(got, want) {
			t.Errorf("after %v: %v, want %v", at, got, want)
		}
	}
	if got := b.half(t, strangers(tok)["forged"]); !errors.Is(got, session.ErrNone) {
		t.Errorf("a forged cookie learns that a session is over: %v", got)
	}
}

// The confirmed session is another cookie's; the half one's is dead at once.
func TestHalfOnceConfirmed(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, rotated := b.enter(t)
	if got := b.half(t, rotated.Value()); !errors.Is(got, session.ErrConfirmed) {
		t.Errorf("the new cookie: %v", got)
	}
	if got := b.half(t, token().Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("the old cookie: %v", got)
	}
	b.Clock.Set(start.Add(12 * time.Hour))
	if got := b.half(t, rotated.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("the new cookie, when it is over: %v", got)
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	b := open(t)
	tok := token()
	if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("nothing: %v", got)
	}
	s := b.begin(t, tok)
	if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrHalf) {
		t.Errorf("a half session without a user: %v", got)
	}
	_, err := b.CreateUser(t.Context(), store.User{Key: s.Key, UID: s.UID, Epoch: s.Epoch, Profile: profile()})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrHalf) {
		t.Errorf("a half session with a user: %v", got)
	}
	for name, value := range strangers(tok) {
		if got := b.full(t, value); !errors.Is(got, session.ErrNone) {
			t.Errorf("%s, half: %v", name, got)
		}
	}
	rotated, _, err := b.guard.Confirm(t.Context(), s, tok, code, store.FactorCode)
	if err != nil {
		t.Fatal(err)
	}
	u, got, err := b.guard.Full(t.Context(), b.with(rotated.Value()))
	if err != nil || u.Name != "Ada" || got.ID != s.ID {
		t.Errorf("%q %q %v", u.Name, got.ID, err)
	}
	if got := b.full(t, tok.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("the old cookie: %v", got)
	}
	for name, value := range strangers(rotated) {
		if got := b.full(t, value); !errors.Is(got, session.ErrNone) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A half session that is over reaches nothing, with and without a user.
func TestFullWhenHalfIsOver(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := b.begin(t, token())
	b.Clock.Set(s.ValidUntil)
	for range 2 {
		if got := b.full(t, token().Value()); !errors.Is(got, session.ErrNone) {
			t.Errorf("%v", got)
		}
		_, err := b.CreateUser(t.Context(), store.User{Key: s.Key, UID: s.UID, Epoch: s.Epoch})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// both ends, a second before and at them.
func TestFullEnds(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, rotated := b.enter(t)
	b.Clock.Set(start.Add(12*time.Hour + time.Second))
	if got := b.full(t, rotated.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("a second after its idle end: %v", got)
	}
	b.Clock.Set(start.Add(12 * time.Hour))
	if got := b.full(t, rotated.Value()); !errors.Is(got, session.ErrNone) {
		t.Errorf("at its idle end: %v", got)
	}
	end := start.Add(7 * 24 * time.Hour)
	for at := 12*time.Hour - time.Second; start.Add(at).Before(end); at += 11 * time.Hour { // in use, again and again
		b.Clock.Set(start.Add(at))
		if got := b.full(t, rotated.Value()); got != nil {
			t.Fatalf("in use after %v: %v", at, got)
		}
	}
	for at, want := range map[time.Duration]error{-time.Second: nil, 0: session.ErrNone, time.Second: session.ErrNone} {
		b.Clock.Set(end.Add(at))
		if got := b.full(t, rotated.Value()); !errors.Is(got, want) {
			t.Errorf("%v from its last end: %v, want %v", at, got, want)
		}
	}
}

// The user's epoch and id decide over all of its sessions.
func TestFullOfAnotherEpoch(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*store.User){
		"another epoch": func(u *store.User) { u.Epoch = "another" },
		"no epoch":      func(u *store.User) { u.Epoch = "" },
		"another user":  func(u *store.User) { u.UID = strings.Repeat("f", 32) },
	} {
		b := open(t)
		s := b.begin(t, token())
		u := store.User{Key: s.Key, UID: s.UID, Epoch: s.Epoch}
		change(&u)
		_, err := b.CreateUser(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		rotated, _, err := b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.full(t, rotated.Value()); !errors.Is(got, session.ErrNone) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A session in use is written at most every quarter of an hour.
func TestTouch(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, rotated := b.enter(t)
	b.Wire.Reset()
	for minute := range 60 {
		b.Clock.Set(start.Add(time.Duration(minute) * time.Minute))
		if got := b.full(t, rotated.Value()); got != nil {
			t.Fatal(got)
		}
	}
	if n := b.Wire.Count("UpdateItem"); n != 3 { // at 15, 30, 45
		t.Errorf("%d writes in an hour, want 3", n)
	}
	if n := b.Wire.Count("BatchGetItem"); n != 60 || b.Wire.Count("GetItem") != 0 {
		t.Errorf("%d reads for 60 requests", n)
	}
	b.Clock.Set(start.Add(45*time.Minute + 12*time.Hour - time.Second))
	if got := b.full(t, rotated.Value()); got != nil {
		t.Errorf("it was used 12 hours ago: %v", got)
	}
}

// Out of reach is not signed out.
// (parity 35)
func TestTableOutOfReach(t *testing.T) {
	t.Parallel()
	b := open(t)
	s, rotated := b.enter(t)
	for _, operation := range []string{"GetItem", "BatchGetItem", "UpdateItem"} {
		b.Wire.Lose(operation, 100)
		var err error
		switch operation {
		case "GetItem":
			err = b.half(t, rotated.Value())
		case "BatchGetItem":
			err = b.full(t, rotated.Value())
		case "UpdateItem":
			_, _, err = b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
		}
		for _, known := range []error{session.ErrNone, session.ErrOver, session.ErrHalf, session.ErrConfirmed} {
			if err == nil || errors.Is(err, known) {
				t.Errorf("%s: %v", operation, err)
			}
		}
	}
}

// who reads the table gets no cookie, now or later, no password
// and no code.
// (parity 33, 141)
func TestTableHoldsNoSecret(t *testing.T) {
	t.Parallel()
	b := open(t)
	s := b.begin(t, token())
	before := b.Dump(t)
	rotated, _, err := b.guard.Confirm(t.Context(), s, token(), code, store.FactorCode)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{
		"secret": token().Secret, "next secret": rotated.Secret, "code": code, "seed": seed, "content": "content",
	} {
		raw := []byte(secret)
		decoded, err := base64.RawURLEncoding.DecodeString(secret)
		if err != nil {
			decoded = raw
		}
		for _, form := range []string{
			secret, base64.StdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(decoded), base64.RawURLEncoding.EncodeToString(raw), hex.EncodeToString(decoded),
		} {
			if strings.Contains(before+b.Dump(t), strings.TrimRight(form, "=")) {
				t.Errorf("the table holds the %s as %s", name, form)
			}
		}
	}
	if !strings.Contains(before, base64.StdEncoding.EncodeToString(token().Hash())) {
		t.Error("the test is blind: it does not find the hash")
	}
}

// The token travels in a cookie that no script and no other site gets at (R-071;
// parity 78).
func TestCookie(t *testing.T) {
	t.Parallel()
	b, w := open(t), httptest.NewRecorder()
	b.guard.Set(w, httptest.NewRequest("GET", "/", nil), token())
	c := w.Result().Cookies()[0]
	if c.Name != "__Host-latchkey-session" || c.Value != token().Value() || c.MaxAge != 0 || !c.Expires.IsZero() || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("%v", c)
	}
	tok, ok := b.guard.Token(b.with(c.Value))
	if !ok || tok != token() {
		t.Errorf("read back as %v %v", tok, ok)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "latchkey-session", Value: token().Value()})
	_, ok = b.guard.Token(r)
	if ok {
		t.Error("over https, a cookie that another host can set is read")
	}
}

func TestNewGuardHasBounds(t *testing.T) {
	for set, ok := range map[string]bool{
		"": true, "MAX_CHECKS=5": true, "MAX_CHECKS=6": false, "MAX_CHECKS=0": false, "HALF_SESSION=1m": true, "HALF_SESSION=59s": false, "HALF_SESSION=25h": false,
		"SESSION_IDLE=24h": true, "SESSION_IDLE=25h": false, "SESSION_TOTAL=720h": true, "SESSION_TOTAL=721h": false, "SESSION_TOUCH=1s": true, "SESSION_TOUCH=61m": false,
	} {
		name, value, _ := strings.Cut(set, "=")
		v := env.Read(env.Config{Getenv: func(n string) string {
			if n == name {
				return value
			}
			return ""
		}})
		session.NewGuard(env.Config{}, v, nil, nil)
		if (v.Err() == nil) != ok {
			t.Errorf("%s: %v", set, v.Err())
		}
	}
}
