package bank

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"latchkey/shared/gate"
	"latchkey/shared/session"
	"latchkey/shared/web"
)

// payees are whom one can send money to. A real bank's customer chooses their
// own; what a phone shows must then be checked with as much care.
var payees = []string{"Acme Ltd", "City Water", "Grace Hopper"}

// transferForm is what was typed.
type transferForm struct {
	Seed, To, Amount string
}

func (s *step) form(w http.ResponseWriter, r *http.Request, _ gate.Caller) error {
	f := transferForm{Seed: session.NewSeed()}
	return s.answer(w, r, f.view(nil), map[string]any{"payees": payees, "form": f.Seed})
}

// view is the form, with what is wrong with it.
func (f transferForm) view(p *web.Problem) web.View {
	return web.View{Title: "Send money", SignedIn: true, Main: formPage(f, p)}
}

// How the authorizer calls the proofs that a device and an authenticator app gave.
const (
	factorPush  = "push"
	factorToken = "totp"
)

// order asks the customer's phone. Who has no device that can be asked has given
// a code a moment ago, which will do.
func (s *step) order(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	v, err := web.Read(r, "form", "to", "amount")
	if err != nil {
		return err
	}
	f := transferForm{To: v["to"], Amount: v["amount"]}
	var key string
	f.Seed, key, err = session.Seed(r, v["form"])
	if err != nil {
		return err
	}
	refuse := func(p *web.Problem) error { return p.On(f.view(p)) }
	amount, wrong := f.read()
	if len(wrong) > 0 {
		return refuse(web.Invalid(wrong...))
	}
	reference := "transfer of " + amount + " to " + f.To
	a, err := s.approvals.ask(r.Context(), f.once(c, key, reference), request{
		User: c.User, Message: "Send money?", Reference: reference,
		Details: []detail{{"to", f.To}, {"amount", amount}}, ExpiresIn: 300,
	})
	noDevice := refusedWith(err) == "no_device"
	switch {
	case noDevice && c.Factor == factorPush: // by a device that is gone since: nothing was asked for this
		return web.Reauth().SendTo(web.Toward("/login/again", "/bank/transfers"), web.ProveAgain)
	case noDevice:
		a = approval{Status: approved, Reference: reference}
		return s.answer(w, r, a.view("Sent"), map[string]any{"status": a.Status, "reference": reference})
	case err != nil:
		return refuse(unasked(err))
	}
	return s.site.Next(w, r, "/bank/transfers/"+a.ID, web.NoNotice)
}

// once is the key under which the phone is asked: the same for the same form sent
// again. Who goes back and corrects the form means another transfer; a program
// that changes the body under its own key is told so. Nobody else's form comes
// near it.
func (f transferForm) once(c gate.Caller, key, reference string) string {
	words := []string{"form", c.UID, f.Seed, reference}
	if key != "" {
		words = []string{"key", c.UID, key}
	}
	sum := sha256.Sum256([]byte(strings.Join(words, "\n")))
	return hex.EncodeToString(sum[:])
}

// unasked says why the phone was not asked.
func unasked(err error) *web.Problem {
	var no refusal
	errors.As(err, &no)
	switch no.code {
	case "cooling":
		return web.Cooling(no.after)
	case "wait":
		return web.Wait(no.after, "Your phone was asked very often in the last hour.")
	case "idempotency":
		return web.Idempotency()
	}
	return web.Unavailable(err)
}

// read is the amount as phone and page show it, and what is wrong with the form.
func (f transferForm) read() (amount string, wrong []web.Field) {
	if !slices.Contains(payees, f.To) {
		wrong = append(wrong, web.Field{Name: "to", Text: "Choose whom to send money to."})
	}
	n, err := strconv.Atoi(f.Amount)
	if err != nil || n < 1 || n > 10000 {
		wrong = append(wrong, web.Field{Name: "amount", Text: "Enter whole euros, from 1 to 10000."})
	}
	return strconv.Itoa(n) + ".00 EUR", wrong
}

// approvalID is what an approval's id may look like: what else a visitor puts into
// the address is not signed and sent on.
var approvalID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// show says what became of a transfer, to whose it is and to nobody else.
func (s *step) show(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	id := r.PathValue("id")
	if !approvalID.MatchString(id) {
		return web.NotFound()
	}
	a, err := s.approvals.read(r.Context(), id)
	if refusedWith(err) == "not_found" || err == nil && a.UID != c.UID {
		return web.NotFound()
	}
	if err != nil {
		return err
	}
	return s.answer(w, r, a.view("Your transfer"), map[string]any{"status": a.Status, "reference": a.Reference})
}

// What became of an approval, in latchkey's words.
const (
	pending  = "pending"
	approved = "approved"
	denied   = "denied"
	expired  = "expired"
)

// view says what became of the transfer. While that is open, the page looks again.
func (a approval) view(title string) web.View {
	v := web.View{Title: title, SignedIn: true, Main: transferPage(a)}
	if a.Status == pending {
		v.Head = lookAgain()
	}
	return v
}
