package flowtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/flowtest/rig"
	"latchkey/shared/store"
)

// A wrong password, a password that can be none, an unknown address and one that
// is only half way through its sign-up: the same calls of the table, none of a
// vendor, and the same answer (R-007, R-106, I-2A).
func TestRefusedLoginsCostTheSame(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, clone(t, r, v), ada, adaPhone)
		r.Visitor(v.JSON).Post("/signup", rig.Form("half@example.com", "+14155552672"))
		var first string
		for what, c := range map[string]map[string]string{
			"wrong password":   {"email": ada, "password": "wrong horse battery"},
			"too long":         {"email": ada, "password": strings.Repeat("x", 73)},
			"of an old client": {"email": ada, "password": "x"},
			"unknown address":  {"email": "nobody@example.com", "password": password},
			"not proved":       {"email": "half@example.com", "password": password},
		} {
			w := r.Visitor(v.JSON)
			w.Header.Set("User-Agent", "one")
			r.Wire.Reset()
			a := w.Post("/login", c)
			var calls []string
			for _, call := range r.Wire.Calls() {
				calls = append(calls, call.Name)
			}
			slices.Sort(calls)
			got := strings.Join(calls, " ")
			if a.Status != 401 || w.Cookie() != "" || len(r.Wire.Vendors()) > 0 || v.JSON && a.Code() != "bad_credentials" {
				t.Errorf("%s: %d %s, vendors %v", what, a.Status, a.Code(), r.Wire.Vendors())
			}
			if first == "" {
				first = got
			}
			if got != first || got == "" {
				t.Errorf("%s: the table is asked for %q, and for another for %q", what, got, first)
			}
		}
	})
}

// A hash that is none is a fault of ours: not a wrong password, and no way in.
// The log says so.
func TestBrokenHash(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	rehash(t, r, "$2a$04$broken")
	w := r.Visitor(true)
	r.Wire.Reset()
	expect(t, w.Post("/login", credentialsOf(ada)), 503, "unavailable")
	if w.Cookie() != "" || len(r.Wire.Vendors()) > 0 {
		t.Errorf("a cookie %q, vendors %v", w.Cookie(), r.Wire.Vendors())
	}
	if log := r.Log.String(); !strings.Contains(log, `"level":"ERROR","msg":"request failed"`) || strings.Contains(log, "$2a$04") {
		t.Errorf("the log:\n%s", log)
	}
}

// rehash replaces Ada's hash past all steps.
func rehash(t *testing.T, r *rig.Rig, hash string) {
	t.Helper()
	err := r.Table.Rehash(t.Context(), adas(t, r), hash)
	if err != nil {
		t.Fatal(err)
	}
}

func adas(t *testing.T, r *rig.Rig) store.User {
	t.Helper()
	u, err := r.Table.User(t.Context(), key(ada))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A hash that was made cheaper than is asked for now is made anew when its
// password comes, and then only.
func TestHashGrows(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{Env: map[string]string{"BCRYPT_COST": "5"}})
	signUp(t, r, r.Visitor(true), ada, adaPhone)
	cheap, err := bcrypt.GenerateFromPassword([]byte(password), 4)
	if err != nil {
		t.Fatal(err)
	}
	rehash(t, r, string(cheap))
	for _, c := range []struct {
		typed string
		cost  int
	}{{"wrong horse battery", 4}, {password, 5}, {password, 5}} {
		r.Clock.Advance(10 * time.Minute)
		before := adas(t, r).Hash
		r.Visitor(true).Post("/login", map[string]string{"email": ada, "password": c.typed})
		u := adas(t, r)
		cost, err := bcrypt.Cost([]byte(u.Hash))
		if err != nil || cost != c.cost || bcrypt.CompareHashAndPassword([]byte(u.Hash), []byte(password)) != nil {
			t.Errorf("after %q: cost %d %v, want %d", c.typed, cost, err, c.cost)
		}
		grew, err := bcrypt.Cost([]byte(before))
		if err != nil || grew == cost && u.Hash != before {
			t.Errorf("after %q: hashed again without a need", c.typed)
		}
	}
}
