// Package bank is a small product behind latchkey: a page for everybody who is
// signed in, one for auditors, and transfers, which ask for a second factor of
// the last minutes and for an approval on the phone.
//
// It keeps nothing: what becomes of a transfer is what became of its approval.
package bank

import (
	"context"
	_ "embed" // the page
	"net/http"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/gate"
	"latchkey/shared/web"
)

//go:embed bank.html
var pageText string

type step struct {
	site      *web.Site
	page      *web.Page
	approvals *approvals
}

// New makes the function from its environment.
func New(_ context.Context, cfg env.Config) (http.Handler, error) {
	vars := env.Read(cfg)
	shortest := time.Minute
	if vars.Laptop() {
		shortest = time.Second // so that one can watch a proof grow old
	}
	fresh := vars.Duration("BANK_FRESH", 5*time.Minute, shortest, time.Hour)
	s := &step{site: web.New(cfg, vars), approvals: newApprovals(cfg, vars)}
	err := vars.Err()
	if err != nil {
		return nil, err
	}
	s.page = s.site.Parse("bank", pageText)
	signedIn := gate.Need{}
	auditor := gate.Need{Role: "auditor"}
	proved := gate.Need{Fresh: fresh, Settled: true, Back: "/bank/transfers"}
	return s.site.Handler(web.Routes{
		"GET /bank":                gate.Require(cfg.Now, signedIn, s.home),
		"GET /bank/balance":        gate.Require(cfg.Now, signedIn, s.balance),
		"GET /bank/ledger":         gate.Require(cfg.Now, auditor, s.ledger),
		"GET /bank/transfers":      gate.Require(cfg.Now, proved, s.form),
		"POST /bank/transfers":     gate.Require(cfg.Now, proved, s.order),
		"GET /bank/transfers/{id}": gate.Require(cfg.Now, signedIn, s.show),
	}), nil
}

// content is what the page shows; Show names the part.
type content struct {
	Show    string
	Caller  gate.Caller
	Form    transferForm
	Done    approval
	Problem *web.Problem
}

func (s *step) answer(w http.ResponseWriter, r *http.Request, title string, c content, doc map[string]any) error {
	if web.WantsJSON(r) {
		return s.site.JSON(w, doc)
	}
	return s.site.Page(w, r, s.page, web.View{Title: title, SignedIn: true, Data: c})
}

func (s *step) home(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	return s.answer(w, r, "Your bank", content{Show: "home", Caller: c}, map[string]any{"uid": c.UID, "role": c.Role, "factor": c.Factor})
}

func (s *step) balance(w http.ResponseWriter, _ *http.Request, c gate.Caller) error {
	return s.site.JSON(w, map[string]any{"uid": c.UID, "balance": 1200})
}

func (s *step) ledger(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	return s.answer(w, r, "The ledger", content{Show: "ledger", Caller: c}, map[string]any{"ledger": "balanced"})
}
