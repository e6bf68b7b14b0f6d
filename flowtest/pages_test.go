package flowtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"latchkey/flowtest/rig"
)

// The pages help browsers, password managers and phones, and load nothing from
// anywhere else (parity 1, 6, 7, 11, 12, 50, 149; ).
func TestPages(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, rig.Options{})
	v := r.Visitor(false)
	v.Header.Set("Accept-Language", "de-AT, en;q=0.5")
	signup := v.Get("/signup").Body
	v.Post("/signup", rig.Form(ada, adaPhone))
	pages := map[string]struct {
		body string
		want []string
	}{
		"home": {v.Get("/").Body, []string{"<title>Sign-up with a verified phone", `href="/signup"`}},
		"signup": {signup, []string{
			"<title>Create your account", `name="fullName" autocomplete="name"`, `type="email" autocomplete="email"`,
			`type="password" autocomplete="new-password"`, `autocomplete="tel-national"`, `<option value="AT" selected>Austria (+43)`,
			`<option value="CO">Colombia (+57)`, `<option value="LK">Sri Lanka (+94)`,
		}},
		"verify": {v.Get("/verify").Body, []string{
			"<title>Verify your phone", `inputmode="numeric"`, `autocomplete="one-time-code"`, "pattern=", "ending in 71", `action="/resend"`,
		}},
		"missing": {v.Get("/nope").Body, []string{"<title>Error: There is no such page", "404"}},
	}
	outside := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//|url\(["']?https?:|@import|\son[a-z]+="`)
	for name, p := range pages {
		for _, want := range append(p.want, `<html lang="en">`, `rel="icon"`, "<footer>", `name="viewport"`) {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		if m := outside.FindString(p.body); m != "" {
			t.Errorf("%s reaches outside or runs inline code: %s", name, m)
		}
		if strings.Count(p.body, "<h1>") != 1 {
			t.Errorf("%s has %d main headings", name, strings.Count(p.body, "<h1>"))
		}
	}
	template, err := os.ReadFile(filepath.Join(rig.Root(), "template.yaml"))
	if err != nil || !strings.Contains(string(template), "Outputs:\n  Url:") {
		t.Error("a deployment does not print the page to open")
	}
}

// What is kept of a user, and how (parity 25, 27, 29, 41, 151; R-117).
func TestUserRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		form := rig.Form(" ADA@Example.com", "(415) 555-2671")
		expect(t, v.Post("/signup", form), moved(v), "/verify")
		expect(t, v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)}), moved(v), "/account")
		u, err := r.Table.User(t.Context(), key(ada))
		if err != nil {
			t.Fatal(err)
		}
		if u.Email != ada || string(u.Phone) != adaPhone || u.Country != "US" || u.CallingCode != "1" || u.Role != "user" ||
			len(u.UID) != 32 || len(u.Epoch) != 32 || !u.VerifiedAt.Equal(r.Clock.Now()) || u.CreatedAt.IsZero() {
			t.Errorf("user %+v", u)
		}
		if (u.Provider == "authy") != (u.ProviderRef != "") || !strings.Contains(t.Name(), u.Provider) {
			t.Errorf("provider %q with reference %q", u.Provider, u.ProviderRef)
		}
		if bcrypt.CompareHashAndPassword([]byte(u.Hash), []byte(form["password"])) != nil {
			t.Error("the password does not fit its hash")
		}
		s, err := r.Table.Session(t.Context(), u.Key, u.UID)
		if err != nil || s.Email != "" || s.Hash != "" || s.Phone != "" || s.Name != "" {
			t.Errorf("the confirmed session still carries the profile: %v %+v", err, s)
		}
	})
}

// A GET sends nothing and writes nothing, however often (R-028; parity 143).
func TestGetsChangeNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig.Rig, v *rig.Visitor) {
		get := func() {
			for range 50 {
				for _, path := range []string{"/", "/signup", "/verify", "/account", "/resend", "/nope"} {
					v.Get(path)
				}
			}
		}
		get()
		v.Post("/signup", rig.Form(ada, adaPhone))
		r.Wire.Reset()
		get()
		v.Post("/verify", map[string]string{"code": r.Handset().Code(adaPhone)})
		r.Wire.Reset()
		get()
		for _, c := range r.Wire.Calls() {
			if !slices.Contains([]string{"GetItem", "BatchGetItem"}, c.Name) {
				t.Fatalf("a GET made the call %s", c.Name)
			}
		}
	})
}
