package flowtest

import (
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

// offer is what the sign-up form says to who can still type a code.
const offer = `<a href="/verify">Enter its code</a>`

// spend types wrong codes until no try is left, and returns the last answer.
func spend(r *rig.Rig, v *rig.Visitor, phone string) rig.Answer {
	var a rig.Answer
	for range 5 {
		a = v.Post("/verify", map[string]string{"code": wrong(r.Handset().Code(phone))})
	}
	return a
}

// spentPages looks at the code page of a session without tries: it says so, and
// leads to a new beginning instead of asking for what is of no use.
func spentPages(t *testing.T, name string, v *rig.Visitor, last rig.Answer, begin string) {
	t.Helper()
	_, refused := looking(t, v)
	way := `<a class="button" href="` + begin + `">Begin again</a>`
	refused(name+", the last code", last, 401, "No tries left", "that was the last try", way)
	a := v.Get("/verify")
	refused(name+", looked at again", a, 410, "No tries left", "all the tries", way)
	for _, body := range []string{last.Body, a.Body} {
		if strings.Contains(body, `name="code"`) || strings.Contains(body, `action="/resend"`) {
			t.Errorf("%s: the page asks for a code, or offers another", name)
		}
	}
	program := *v
	program.JSON = true
	expect(t, program.Get("/verify"), 410, "used_up")
}

// A sign-up whose tries are used up leads nowhere but to the form, and the form
// does not lead back.
func TestSignUpPagesWithoutTries(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	v.Post("/signup", rig.Form(ada, adaPhone))
	lacking(t, "the form", v.Get("/signup").Body, offer)
	lacking(t, "the form with nothing typed", v.Post("/signup", nil).Body, offer)
	spentPages(t, "sign-up", v, spend(r, v, adaPhone), "/signup")
	for name, a := range map[string]rig.Answer{"the form": v.Get("/signup"), "the form with nothing typed": v.Post("/signup", nil)} {
		if strings.Contains(a.Body, offer) || !strings.Contains(a.Body, `action="/signup"`) {
			t.Errorf("%s leads back: %d", name, a.Status)
		}
	}
	r.Clock.Advance(15 * time.Minute)
	signUp(t, r, v, ada, adaPhone)
}

// The same where the account is there: of a login, of another proof, and of a move.
func TestOwnersPagesWithoutTries(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	signUp(t, r, v, ada, adaPhone)
	expect(t, v.Post("/phone", moveTo(newPhone)), 303, "/verify")
	spentPages(t, "move", v, spend(r, v, newPhone), "/phone")
	r.Clock.Advance(time.Hour)
	w := r.Visitor(false)
	expect(t, w.Post("/login", credentialsOf(ada)), 303, "/verify")
	spentPages(t, "login", w, spend(r, w, adaPhone), "/login")
	r.Clock.Advance(time.Hour)
	expect(t, v.Post("/login/again", map[string]string{"return": "/factors"}), 303, "/verify")
	spentPages(t, "proof", v, spend(r, v, adaPhone), "/login/again?return=%2Ffactors")
}

// Who proved the phone, for an address that is taken, is shown the way to log in,
// and is not sent back to the code by the form.
func TestTakenPages(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	signUp(t, r, r.Visitor(false), ada, adaPhone)
	v := r.Visitor(false)
	expect(t, v.Post("/signup", rig.Form(ada, newPhone)), 303, "/verify")
	a := v.Post("/verify", map[string]string{"code": r.Handset().Code(newPhone)})
	if a.Status != 409 {
		t.Errorf("taken: %d", a.Status)
	}
	lacking(t, "taken", a.Body, "<h1>We cannot finish this sign-up</h1>", `<a class="button" href="/login">Log in</a>`)
	if strings.Contains(a.Body, "To the front page") {
		t.Error("another button takes the place of the one to log in")
	}
	if again := v.Get("/verify"); again.Status != 409 {
		t.Errorf("the code page afterwards: %d", again.Status)
	}
	if strings.Contains(v.Get("/signup").Body, offer) {
		t.Error("the form leads back to a code that is of no use")
	}
}
