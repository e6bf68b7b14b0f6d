package flowtest

import (
	"slices"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// atOnce sends one request from twenty windows of a browser, and returns what
// they were answered and what they hold afterwards.
func atOnce(t *testing.T, r *rig.Rig, v *rig.Visitor, path string, fields map[string]string) ([]rig.Answer, []*rig.Visitor) {
	t.Helper()
	windows, answers := make([]*rig.Visitor, 20), make([]rig.Answer, 20)
	for i := range windows {
		windows[i] = window(t, r, v)
	}
	together(len(windows), func(i int) { answers[i] = windows[i].Post(path, fields) })
	return answers, windows
}

// same checks that all were answered as wanted, and hold the same cookies.
func same(t *testing.T, r *rig.Rig, v *rig.Visitor, answers []rig.Answer, windows []*rig.Visitor, next string) {
	t.Helper()
	for i, a := range answers {
		if a.Status != moved(v) || a.Next != next {
			t.Errorf("request %d: %d %q %s", i, a.Status, a.Next, a.Code())
		}
		if w := windows[i]; w.Cookie() != windows[0].Cookie() || step(t, r, w) != step(t, r, windows[0]) {
			t.Errorf("request %d holds other cookies", i)
		}
	}
}

// verifyAlone is eachOnce where the vendor does not matter.
func verifyAlone(t *testing.T, test func(t *testing.T, r *rig.Rig, v *rig.Visitor)) {
	t.Helper()
	t.Run("verify/json", func(t *testing.T) {
		r := rig.Start(t, rig.Options{})
		test(t, r, r.Visitor(true))
	})
}

// Twenty equal presses are one text, one effect and one answer (I-11, I-25).
func TestCareAtOnce(t *testing.T) {
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		sent := r.Handset().Stats().SMS
		answers, windows := atOnce(t, r, v, "/login/again", seeded(nil))
		same(t, r, v, answers, windows, "/verify")
		if n := r.Handset().Stats().SMS - sent; n != 1 {
			t.Errorf("%d texts for one proof", n)
		}
		v = windows[3]
		code := map[string]string{"code": r.Handset().Code(adaPhone)}
		answers, windows = atOnce(t, r, v, "/verify", code)
		same(t, r, v, answers, windows, "/account")
		v = windows[7]

		answers, windows = atOnce(t, r, v, "/password", map[string]string{"current": password, "password": another})
		same(t, r, v, answers, windows, "/account")
		if n := warned(r, adaPhone, readsPassword); n != 1 {
			t.Errorf("told %d times of one new password", n)
		}
		checkAccount(t, v)

		answers, windows = atOnce(t, r, v, "/phone", seeded(knowing(another, number(newPhone))))
		same(t, r, v, answers, windows, "/verify")
		if n := len(r.Handset().Messages(newPhone)); n != 1 {
			t.Errorf("%d texts to the new phone", n)
		}
		v = windows[11]
		answers, windows = atOnce(t, r, v, "/verify", map[string]string{"code": r.Handset().Code(newPhone)})
		same(t, r, v, answers, windows, "/account")
		if old, now := warned(r, adaPhone, readsMoved), warned(r, newPhone, readsMoved); old != 1 || now != 0 || phoneOf(t, r) != newPhone {
			t.Errorf("the old phone is told %d times, the new one %d; the account has %s", old, now, phoneOf(t, r))
		}
		if a := windows[19].Get("/account"); a.Status != 200 {
			t.Errorf("not signed in with the new phone: %d", a.Status)
		}
		leaves(t, r, map[string]int{"code_sent": 3, "confirmed": 3, "password_changed": 1, "phone_moved": 1, "code_refused": 0, "delayed": 0})
	})
}

// Twenty equal presses ask one device once.
func TestProofByPushAtOnce(t *testing.T) {
	verifyAlone(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		member(t, r, v, ada, adaPhone)
		r.Clock.Advance(10 * time.Minute)
		texts := r.Handset().Stats().SMS
		answers, windows := atOnce(t, r, v, "/login/again", seeded(map[string]string{"return": "/password"}))
		if n, sent := len(r.Handset().Approvals(adaPhone)), r.Handset().Stats().SMS-texts; n != 1 || sent != 0 {
			t.Fatalf("%d pushes and %d texts", n, sent)
		}
		same(t, r, v, answers, windows, "/status")
		v = windows[5]
		r.Handset().Decide(adaPhone, "approved")
		awaitStatus(t, r, v, "approved")
		answers, windows = atOnce(t, r, v, "/status", nil)
		same(t, r, v, answers, windows, "/password")
		checkAccount(t, windows[9])
	})
}

// A recovery code, entered twenty times at once in one login, is used once and
// told once; of two logins with one code one gets on; of many new sets at once
// the one that was shown is the one that is good.
func TestRecoveryAtOnce(t *testing.T) {
	verifyAlone(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		abreastIn(r, "recovery", 20)
		made, _ := atOnce(t, r, v, "/recovery/codes", knowing(password, nil))
		r.Wire.Break(nil)
		var shown []string
		for _, a := range made {
			shown = append(shown, codesIn(a)...)
			if a.Status != 200 && (a.Status != 429 || len(codesIn(a)) > 0) {
				t.Errorf("making codes: %d %s", a.Status, a.Body)
			}
		}
		if n := warned(r, adaPhone, readsMade); n != 1 {
			t.Errorf("told %d times of one set", n)
		}
		goodCodes(t, "at once", r, shown)

		r.Clock.Advance(time.Hour)
		one, two := r.Visitor(v.JSON), r.Visitor(v.JSON)
		expect(t, one.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		answers, windows := atOnce(t, r, one, "/recovery", map[string]string{"code": shown[0]})
		same(t, r, v, answers, windows, "/phone")
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil || u.RecoveryLeft() != 9 || warned(r, adaPhone, readsUsed) != 1 {
			t.Errorf("%d codes left, told %d times, %v", u.RecoveryLeft(), warned(r, adaPhone, readsUsed), err)
		}

		r.Clock.Advance(time.Hour)
		three := r.Visitor(v.JSON)
		expect(t, two.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		r.Clock.Advance(time.Minute)
		expect(t, three.Post("/login", credentialsOf(ada)), moved(v), "/verify")
		statuses := make([]int, 2)
		together(2, func(i int) {
			statuses[i] = []*rig.Visitor{two, three}[i].Post("/recovery", map[string]string{"code": shown[1]}).Status
		})
		slices.Sort(statuses)
		if statuses[0] == statuses[1] || !slices.Contains(statuses, moved(v)) || statuses[1] != 401 {
			t.Errorf("two logins with one code: %v", statuses)
		}
		if (two.Get("/phone").Status == 200) == (three.Get("/phone").Status == 200) {
			t.Error("not one of them gets on")
		}
		leaves(t, r, map[string]int{"recovery_renewed": 1, "recovery_used": 2, "code_refused": 1})
	})
}
