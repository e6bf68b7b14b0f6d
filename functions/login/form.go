package login

import (
	"net/http"
	"strconv"

	"latchkey/shared/email"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// fields are the form's, in its order.
var fields = [...]string{"email", "password"}

// form is what was typed.
type form struct {
	Seed     string
	Email    string
	address  string // Email in its one spelling
	password string
	key      string // a program's Idempotency-Key
	Return   string // the path of our own to go to afterwards
	bearer   bool   // a program wants its token in the answer
	device   string // what such a program was told to be known by
}

// read reads a form or a document. A document's seed is its Idempotency-Key, if
// it has one.
func read(r *http.Request) (form, error) {
	v, err := web.Read(r, append([]string{"form", "return", "device", "bearer?"}, fields[:]...)...)
	if err != nil {
		return form{}, err
	}
	f := form{Email: v["email"], password: v["password"], Return: web.LocalPath(v["return"])}
	f.bearer, f.device = v["bearer"] == "true" && web.WantsJSON(r), v["device"]
	f.Seed, f.key, err = session.Seed(r, v["form"])
	if err != nil {
		return form{}, err
	}
	return f, nil
}

// check says what is missing. Whether the two belong to anybody is not looked
// at here (parity 80).
func (f *form) check() []web.Field {
	var wrong []web.Field
	var text string
	f.address, text = email.Normalise(f.Email)
	if text != "" {
		wrong = append(wrong, web.Field{Name: "email", Text: text})
	}
	if f.password == "" {
		wrong = append(wrong, web.Field{Name: "password", Text: "Enter your password."})
	}
	return wrong
}

// content is what makes two forms the same form.
func (f *form) content() string {
	content := "login" + strconv.Quote(f.address) + strconv.Quote(f.password)
	if f.Return != "" || f.bearer {
		content += strconv.Quote(f.Return) + strconv.FormatBool(f.bearer)
	}
	return content
}

func (f *form) token() session.Token {
	return session.Derive(f.Seed, store.Hash(f.address), f.content())
}
