package flowtest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
)

var (
	outward  = regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//|url\(["']?https?:|@import|\son[a-z]+="|\sstyle="`)
	ids      = regexp.MustCompile(`\sid="([^"]+)"`)
	controls = regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	pointing = regexp.MustCompile(`aria-describedby="([^"]+)"`)
)

// sound checks what holds for every page: one title and heading, nothing from
// outside and no inline code, each field with a label, each id once.
func sound(t *testing.T, name, page, title string) {
	t.Helper()
	lacking(t, name, page, "<title>"+title, `<html lang="en">`, `rel="icon"`, `name="viewport"`, "<footer>")
	if m := outward.FindString(page); m != "" {
		t.Errorf("%s reaches outside or runs inline code: %s", name, m)
	}
	if n := strings.Count(page, "<h1>"); n != 1 {
		t.Errorf("%s has %d main headings", name, n)
	}
	var seen []string
	for _, m := range ids.FindAllStringSubmatch(page, -1) {
		if slices.Contains(seen, m[1]) {
			t.Errorf("%s has two elements %q", name, m[1])
		}
		seen = append(seen, m[1])
	}
	for _, c := range controls.FindAllString(page, -1) {
		id := ids.FindStringSubmatch(c)
		hidden := strings.Contains(c, `type="hidden"`) || strings.HasSuffix(c, " hidden>")
		if !hidden && (id == nil || !strings.Contains(page, `<label for="`+id[1]+`"`)) {
			t.Errorf("%s has a field without a label: %s", name, c)
		}
	}
	for _, m := range pointing.FindAllStringSubmatch(page, -1) {
		for id := range strings.FieldsSeq(m[1]) {
			if !slices.Contains(seen, id) {
				t.Errorf("%s describes a field by %q, which is not there", name, id)
			}
		}
	}
}

// looking is how a visitor's pages are looked at: those that are opened, and those
// that say what is wrong.
func looking(t *testing.T, v *rig.Visitor) (page func(name, path, title string, want ...string), refused func(name string, a rig.Answer, status int, title string, want ...string)) {
	page = func(name, path, title string, want ...string) {
		t.Helper()
		a := v.Get(path)
		if a.Status != 200 {
			t.Errorf("%s: %d", name, a.Status)
		}
		sound(t, name, a.Body, title)
		lacking(t, name, a.Body, want...)
	}
	refused = func(name string, a rig.Answer, status int, title string, want ...string) {
		t.Helper()
		if a.Status != status {
			t.Errorf("%s: %d", name, a.Status)
		}
		sound(t, name, a.Body, "Error: "+title)
		lacking(t, name, a.Body, append(want, `role="alert"`)...)
	}
	return page, refused
}

// The pages of account care are made as all others are; password managers find
// what they look for, and no field is filled with a secret (parity 1, 6, 80).
func TestCarePages(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	signUp(t, r, v, ada, adaPhone)
	page, refused := looking(t, v)
	page("password", "/password", "Change your password", `autocomplete="username" value="`+ada+`" hidden`,
		`name="current" type="password" autocomplete="current-password"`, `name="password" type="password" autocomplete="new-password"`, `method="post" action="/password"`)
	a := v.Post("/password", map[string]string{"current": "wrong horse", "password": "one more horse"})
	refused("password, wrong", a, 401, "Change your password", "not your current password")
	refused("password, empty", v.Post("/password", map[string]string{}), 422, "Change your password", `id="current-wrong"`, `id="password-wrong"`)
	if strings.Contains(a.Body, "wrong horse") || strings.Contains(a.Body, "one more horse") {
		t.Error("the page shows a password")
	}
	page("phone", "/phone", "Your new phone", `autocomplete="tel-national"`, `autocomplete="country"`, "ending in 71", `name="form" value="`,
		`autocomplete="username" value="`+ada+`" hidden`, `name="current" type="password" autocomplete="current-password"`, `data-reveal="current"`)
	refused("phone, the same", v.Post("/phone", moveTo(adaPhone)), 422, "Your new phone", `id="phone-wrong"`, `value="4155552671"`)
	refused("phone, no password", v.Post("/phone", number(newPhone)), 422, "Your new phone", `id="current-wrong"`, `value="4155552699"`)
	a = v.Post("/phone", knowing("wrong horse", number("+14155552690")))
	refused("phone, wrong password", a, 401, "Your new phone", "not your current password", `value="4155552690"`)
	if strings.Contains(a.Body, "wrong horse") {
		t.Error("the page shows a password")
	}
	page("codes, none", "/recovery/codes", "Recovery codes", "You have none yet", "Make recovery codes",
		`autocomplete="username" value="`+ada+`" hidden`, `name="current" type="password" autocomplete="current-password"`, `data-reveal="current"`)
	refused("codes, no password", v.Post("/recovery/codes", nil), 422, "Recovery codes", `id="current-wrong"`)
	a = v.Post("/recovery/codes", knowing("wrong horse", nil))
	refused("codes, wrong password", a, 401, "Recovery codes", "not your current password")
	if strings.Contains(a.Body, "wrong horse") {
		t.Error("the page shows a password")
	}
	a = v.Post("/recovery/codes", knowing(password, nil))
	sound(t, "codes, shown", a.Body, "Recovery codes")
	lacking(t, "codes, shown", a.Body, "shown only now", `<ol class="codes">`)
	if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(a.Body, `action="/recovery/codes"`) {
		t.Error("the codes may be kept, or made anew by mistake")
	}
	page("codes, made", "/recovery/codes", "Recovery codes", "You have 10 left", "void then")
	if len(codesIn(v.Get("/recovery/codes"))) > 0 {
		t.Error("codes are shown twice")
	}
	r.Wire.Break(func(c rig.Call) rig.Fault {
		if c.Step == "recovery" && c.Name == "UpdateItem" {
			return rig.Lost
		}
		return rig.None
	})
	refused("codes, with a problem", v.Post("/recovery/codes", knowing(password, nil)), 503, "Recovery codes", "Make new ones")
	r.Wire.Break(nil)
	r.Clock.Advance(10 * time.Minute)
	page("proof", "/login/again?return=%2Fpassword", "Confirm that it is you", `name="return" value="/password"`, "ending in 71", "Send me a code", `name="channel" value="call"`, `href="/account"`)
	if strings.Contains(v.Get("/login/again").Body, `value="sms"`) {
		t.Error("two buttons for one text")
	}
	refused("proof, no such way", v.Post("/login/again", map[string]string{"channel": "pigeon"}), 422, "Confirm that it is you", "Send me a code")
	expect(t, v.Post("/login/again", nil), 303, "/verify")
	page("code of a proof", "/verify", "Confirm that it is you", `autocomplete="one-time-code"`, ">Confirm</button>", `<a href="/account">Not now</a>`, "ending in 71", `href="/account"`)
	expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), 303, "/account")
	expect(t, v.Post("/phone", moveTo(newPhone)), 303, "/verify")
	page("code of a move", "/verify", "Verify your phone", `autocomplete="one-time-code"`, ">Verify</button>", `<a href="/phone">Enter another</a>`, "ending in 99", `>Your account<`)
	recoveryPages(t, r)
}

// recoveryPages are those of a login whose phone is lost.
func recoveryPages(t *testing.T, r *rig.Rig) {
	t.Helper()
	r.Clock.Advance(time.Hour)
	v := r.Visitor(false)
	page, refused := looking(t, v)
	expect(t, v.Post("/login", credentialsOf(ada)), 303, "/verify")
	page("code of a login", "/verify", "Confirm that it is you", `<a href="/recovery">Use a recovery code</a>`)
	page("recovery", "/recovery", "Use a recovery code", `name="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"`, `action="/recovery"`)
	refused("recovery, no code", v.Post("/recovery", map[string]string{"code": "7k3m"}), 422, "Use a recovery code", `id="code-wrong"`)
	a := v.Post("/recovery", map[string]string{"code": "0000-0000-0000-0001"})
	refused("recovery, wrong", a, 401, "Use a recovery code", "4 tries left", "works once")
	if strings.Contains(a.Body, "0000-0000") {
		t.Error("the page shows the code that was typed")
	}
}

// Opening pages of care sends and changes nothing.
func TestCareGetsChangeNothing(t *testing.T) {
	t.Parallel()
	eachOnce(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		signUp(t, r, v, ada, adaPhone)
		r.Wire.Reset()
		for range 5 {
			for _, path := range []string{"/login/again?return=%2F", "/password", "/phone", "/recovery", "/recovery/codes", "/login?return=%2F"} {
				v.Get(path)
			}
		}
		for _, c := range r.Wire.Calls() {
			if !slices.Contains([]string{"GetItem", "BatchGetItem"}, c.Name) {
				t.Fatalf("a GET made the call %s", c.Name)
			}
		}
	})
}
