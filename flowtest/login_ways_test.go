package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// A vendor that is out of order or refuses to push ends no login: the code page
// offers every other way, sends nothing by itself, and a code that is asked for
// then signs in (parity 75, 110, 111, 117, 145; F-11).
func TestPushThatCannotBeSent(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		for _, api := range []string{"500", "429"} {
			r.Handset().Weather(`{"api":"` + api + `"}`)
			before := r.Handset().Stats()
			w := r.Visitor(v.JSON)
			a := w.Post("/login", credentialsOf(ada))
			expect(t, a, moved(v), "/verify")
			if after := r.Handset().Stats(); after.SMS != before.SMS || after.Calls != before.Calls {
				t.Errorf("%s: something was sent: %+v, before %+v", api, after, before)
			}
			outside(t, api, w)
			r.Handset().Weather(`{"api":"ok"}`)
			person := clone(t, r, w)
			person.JSON = false
			lacking(t, "the code page", person.Get("/verify").Body, `name="code"`, "Text me a code", "Call me instead", `<a href="/login">Begin again`)
			askForACode(t, r, w)
			checkAccount(t, w)
			r.Clock.Advance(10 * time.Minute)
		}
	})
}

// A stored hash that is none is nobody's password: the login is out of order, and
// not let in (R-009, I-05).
func TestBrokenHashOpensNothing(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Table.Rehash(t.Context(), u, "$2a$04$broken")
		if err != nil {
			t.Fatal(err)
		}
		v, before := r.Visitor(v.JSON), r.Handset().Stats()
		a := v.Post("/login", credentialsOf(ada))
		if a.Status != 503 || v.Cookie() != "" || r.Handset().Stats() != before {
			t.Errorf("%d %s, vendors %+v", a.Status, a.Body, r.Handset().Stats())
		}
	})
}

// A table that fails while the session is written: the login says that it is out
// of order, on its form, the phone is asked and texted nothing for it, and the
// same form goes on when the table is back (parity 76; F-09, F-30).
func TestLoginThatCannotBeKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		silent(t, r, v)
		v = r.Visitor(v.JSON)
		form, before := once(v, ada, "s"), r.Handset().Stats()
		all, _ := sessionsIn(r)
		r.Wire.Break(func(c rig.Call) rig.Fault {
			if c.Step == "login" && c.Name == "PutItem" {
				return rig.Lost
			}
			return rig.None
		})
		a := v.Post("/login", form)
		r.Wire.Break(nil)
		if a.Status != 503 || v.JSON && (a.Code() != "unavailable" || a.Header.Get("Retry-After") == "") || v.Cookie() != "" {
			t.Errorf("without the table: %d %s", a.Status, a.Body)
		}
		if !v.JSON {
			lacking(t, "the form", a.Body, `action="/login"`, ada)
		}
		if now, _ := sessionsIn(r); now != all || r.Handset().Stats() != before {
			t.Errorf("%d sessions more, vendors %+v, before %+v", now-all, r.Handset().Stats(), before)
		}
		expect(t, v.Post("/login", form), moved(v), "/status")
		saying(newest(t, r, adaPhone), "approved").deliver(t, r)
		expect(t, v.Post("/status", nil), moved(v), "/account")
	})
}

// A code is sent again at a login, by text or by a call: not before its time,
// which is told; a vendor's failure is no success; and nobody without a login is
// sent one. A called code signs in like a texted one (parity 114, 115, 142;
//
func TestCodesAtLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		said := func(what string, a rig.Answer, code, sentence string) {
			t.Helper()
			page := ""
			if !v.JSON {
				page = w.Get("/verify").Body
			}
			if v.JSON && a.Code() != code || !v.JSON && (a.Next != "/verify" || !strings.Contains(page, sentence)) {
				t.Errorf("%s: %d %q %s", what, a.Status, a.Next, a.Code())
			}
		}
		sent := r.Handset().Stats()
		a := w.Post("/resend", nil)
		said("too soon", a, "wait", "Please wait")
		if v.JSON && told429(t, a) != 30*time.Second {
			t.Errorf("told to wait %s, want 30 s", told429(t, a))
		}
		if r.Handset().Stats() != sent {
			t.Error("a code was sent too soon")
		}
		r.Clock.Advance(time.Minute)
		r.Handset().Weather(`{"api":"500"}`)
		said("the vendor is down", w.Post("/resend", nil), "unavailable", "could not")
		r.Handset().Weather(`{"api":"ok"}`)
		r.Clock.Advance(time.Minute)
		refused(t, "nobody's", v, r.Visitor(v.JSON).Post("/resend", nil))
		expect(t, w.Post("/resend", map[string]string{"channel": "call"}), moved(v), "/verify")
		list := r.Handset().Messages(adaPhone)
		if last := list[len(list)-1]; last.Kind != "call" {
			t.Errorf("the last message is a %s", last.Kind)
		}
		expect(t, w.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}

// Wrong codes at a login say how many tries are left, five in all; nothing that
// is typed after them counts, and a new login begins anew (parity 112, 138;
//
func TestWrongCodesAtLogin(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(time.Hour)
		w := r.Visitor(v.JSON)
		expect(t, w.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		code := r.Handset().Code(adaPhone)
		for left := 4; left >= 0; left-- {
			a := w.Post("/verify", map[string]string{"code": wrong(code)})
			if a.Status != 401 || v.JSON && (a.Code() != "wrong_code" || a.Doc["tries_left"] != float64(left)) {
				t.Errorf("%d left: %d %s", left, a.Status, a.Body)
			}
			if left == 4 && !v.JSON {
				lacking(t, "the page", a.Body, "4 tries left")
			}
		}
		a := w.Post("/verify", map[string]string{"code": code})
		if v.JSON && (a.Status != 410 || a.Code() != "used_up") || !v.JSON && a.Next != "/login" {
			t.Errorf("the right code after five: %d %q %s", a.Status, a.Next, a.Code())
		}
		outside(t, "after five tries", w)
		r.Clock.Advance(11 * time.Minute)
		again := r.Visitor(v.JSON)
		expect(t, again.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		expect(t, again.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
	})
}
