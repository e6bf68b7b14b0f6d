package bank

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

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
	Payees           []string
}

func (s *step) form(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	f := transferForm{Seed: session.NewSeed(), Payees: payees}
	return s.answer(w, r, "Send money", content{Show: "form", Caller: c, Form: f}, map[string]any{"payees": payees, "form": f.Seed})
}

// order asks the customer's phone. Who has no device that can be asked has given
// a code a moment ago, which will do.
func (s *step) order(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	v, err := web.Read(r, "form", "to", "amount")
	if err != nil {
		return err
	}
	f := transferForm{To: v["to"], Amount: v["amount"], Payees: payees}
	f.Seed, _, err = session.Seed(r, v["form"])
	if err != nil {
		return err
	}
	refuse := func(p *web.Problem) error {
		return p.On(s.page, web.View{Title: "Send money", SignedIn: true, Data: content{Show: "form", Caller: c, Form: f, Problem: p}})
	}
	wrong := f.faults()
	if len(wrong) > 0 {
		return refuse(web.Invalid(wrong...))
	}
	a, err := s.approvals.ask(r.Context(), f.Seed, request{
		User: c.User, Message: "Send money?", Reference: "transfer to " + f.To,
		Details: []detail{{"to", f.To}, {"amount", f.Amount + ".00 EUR"}}, ExpiresIn: 300,
	})
	switch {
	case errors.Is(err, errNoDevice):
		a = approval{Status: "approved", Reference: "transfer to " + f.To}
		return s.answer(w, r, "Sent", content{Show: "transfer", Caller: c, Done: a}, map[string]any{"status": a.Status})
	case err != nil:
		return refuse(web.Unavailable(err))
	}
	return s.site.Next(w, r, "/bank/transfers/"+a.ID, web.NoNotice)
}

func (f transferForm) faults() []web.Field {
	var wrong []web.Field
	if !slices.Contains(payees, f.To) {
		wrong = append(wrong, web.Field{Name: "to", Text: "Choose whom to send money to."})
	}
	n, err := strconv.Atoi(f.Amount)
	if err != nil || n < 1 || n > 10000 {
		wrong = append(wrong, web.Field{Name: "amount", Text: "Enter whole euros, from 1 to 10000."})
	}
	return wrong
}

// show says what became of a transfer, to whose it is and to nobody else.
func (s *step) show(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	a, err := s.approvals.read(r.Context(), r.PathValue("id"))
	if errors.Is(err, errNone) || err == nil && a.UID != c.UID {
		return web.NotFound()
	}
	if err != nil {
		return err
	}
	return s.answer(w, r, "Your transfer", content{Show: "transfer", Caller: c, Done: a}, map[string]any{"status": a.Status, "reference": a.Reference})
}
