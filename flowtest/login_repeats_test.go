package flowtest

import (
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// A form that comes again has had its push: what it reserves once more, since that
// one was approved and is on no list any longer, is given back, and the next
// login is asked by push (F-31, I-20c).
func TestRepeatOfAnApprovedLogin(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	member(t, r, r.Visitor(false), ada, adaPhone)
	v, w := r.Visitor(false), r.Visitor(false)
	approved, other := once(v, ada, "a"), once(w, ada, "b")
	expect(t, v.Post("/login", approved), 303, "/status")
	expect(t, w.Post("/login", other), 303, "/verify") // one push at a time
	r.Handset().Decide(adaPhone, "approved")
	r.Clock.Advance(20 * time.Second)
	expect(t, w.Post("/login", other), 303, "/verify")
	expect(t, v.Post("/login", approved), 303, "/status")
	expect(t, r.Visitor(false).Post("/login", credentialsOf(ada)), 303, "/status")
}

// A form of yesterday takes no code of today with it, though the phone's count of
// changes has begun anew meanwhile (F-31, R-111).
func TestRepeatOfYesterdaysLogin(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(false), ada, adaPhone)
	v := r.Visitor(true)
	form := once(v, ada, "a")
	r.Clock.Advance(time.Hour)
	expect(t, v.Post("/login", form), 200, "/verify")
	r.Clock.Advance(25 * time.Hour)
	if a := v.Post("/login", form); a.Status != 410 {
		t.Errorf("a form of yesterday: %d", a.Status)
	}
	before := r.Handset().Stats().SMS
	expect(t, r.Visitor(false).Post("/login", credentialsOf(ada)), 303, "/verify")
	if n := r.Handset().Stats().SMS - before; n != 1 {
		t.Errorf("%d texts for today's login", n)
	}
}

// A login that ended with the account's move to another phone takes no code of
// that phone with it when its form comes again (F-31, I-27).
func TestRepeatOfALoginBeforeTheMove(t *testing.T) {
	t.Parallel()
	const moved = "+14157772671"
	r := rig.Start(t, rig.Options{})
	v, w := r.Visitor(true), r.Visitor(false)
	signUp(t, r, v, ada, adaPhone)
	form := once(w, ada, "a")
	expect(t, w.Post("/login", form), 303, "/verify")
	expect(t, v.Post("/phone", knowing(password, number(moved))), 200, "/verify")
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(moved)}), 200, "/account")
	w.Post("/login", form)
	before := r.Handset().Stats().SMS
	expect(t, r.Visitor(false).Post("/login", credentialsOf(ada)), 303, "/verify")
	if n := r.Handset().Stats().SMS - before; n != 1 {
		t.Errorf("%d texts for the next login", n)
	}
}
