package signup

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"latchkey/shared/email"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// fields are the form's, in its order. They are all a client can set.
var fields = [...]string{"fullName", "email", "password", "countryCode", "phone"}

// maxName bounds a name, in characters.
const maxName = 100

// form is what was typed.
type form struct {
	Seed     string
	Name     string
	Email    string
	Country  string
	Selected string // the country that the page shows as chosen
	Phone    string
	UnderWay bool // the visitor seems to have a sign-up that waits for its code
	password string
	key      string // a program's Idempotency-Key
	bearer   bool   // a program wants its token in the answer
}

// read reads a form or a document. A document's seed is its Idempotency-Key, if
// it has one.
func read(r *http.Request) (form, error) {
	v, err := web.Read(r, append([]string{"form", "bearer?"}, fields[:]...)...)
	if err != nil {
		return form{}, err
	}
	f := form{Name: v["fullName"], Email: v["email"], Country: v["countryCode"], Phone: v["phone"], password: v["password"]}
	f.bearer = v["bearer"] == "true" && web.WantsJSON(r)
	f.Seed, f.key, err = session.Seed(r, v["form"])
	if err != nil {
		return form{}, err
	}
	return f, nil
}

// check turns what was typed into a profile, and says what is wrong with each
// field. The password is only looked at; hashing it takes its own time.
func (s *step) check(f form) (store.Profile, []web.Field) {
	var wrong []web.Field
	note := func(name, text string) {
		if text != "" {
			wrong = append(wrong, web.Field{Name: name, Text: text})
		}
	}
	name, text := checkName(f.Name)
	note("fullName", text)
	address, text := email.Normalise(f.Email)
	note("email", text)
	number, faults := s.plan.Parse(f.Country, f.Phone)
	p := store.Profile{
		Name: name, Email: address, Phone: number.Phone, Country: number.Country, CallingCode: number.CallingCode, Provider: s.provider,
	}
	note("password", s.rules.Fault(f.password, p.About()...))
	return p, append(wrong, faults...)
}

func checkName(typed string) (name, wrong string) {
	name = norm.NFC.String(strings.TrimSpace(typed))
	switch {
	case !strings.ContainsFunc(name, visible):
		return "", "Enter your name."
	case utf8.RuneCountInString(name) > maxName:
		return "", "Enter a name of at most 100 characters."
	case !web.Clean(name):
		return "", "Enter your name without control characters."
	}
	return name, ""
}

// visible tells what can be seen: some letters are blank by design.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !strings.ContainsRune("\u115f\u1160\u2800\u3164\uffa0", r)
}

// content is what makes two forms the same form. Quoting keeps the fields
// apart.
func (f form) content(p store.Profile) string {
	var b strings.Builder
	if f.bearer {
		b.WriteString("bearer")
	}
	for _, v := range []string{p.Name, p.Email, f.password, string(p.Phone)} {
		b.WriteString(strconv.Quote(v))
	}
	return b.String()
}
