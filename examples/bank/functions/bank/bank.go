// Package bank is a small product behind latchkey: a page for everybody who is
// signed in, one for auditors, and transfers, which ask for a second factor of
// the last minutes and for an approval on the phone.
//
// It keeps nothing: what becomes of a transfer is what became of its approval.
package bank

import (
	"context"
	"net/http"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/gate"
	"latchkey/shared/web"
)

type step struct {
	site      *web.Site
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

// answer is a page to a person and a document to a program.
func (s *step) answer(w http.ResponseWriter, r *http.Request, v web.View, doc map[string]any) error {
	if web.WantsJSON(r) {
		return s.site.JSON(w, doc)
	}
	return s.site.Page(w, r, v)
}

func (s *step) home(w http.ResponseWriter, r *http.Request, c gate.Caller) error {
	return s.answer(w, r, web.View{Title: "Your bank", SignedIn: true, Main: homePage(c)}, map[string]any{"uid": c.UID, "role": c.Role, "factor": c.Factor})
}

func (s *step) balance(w http.ResponseWriter, _ *http.Request, c gate.Caller) error {
	return s.site.JSON(w, map[string]any{"uid": c.UID, "balance": 1200})
}

func (s *step) ledger(w http.ResponseWriter, r *http.Request, _ gate.Caller) error {
	return s.answer(w, r, web.View{Title: "The ledger", SignedIn: true, Main: ledgerPage()}, map[string]any{"ledger": "balanced"})
}

// factor is how the customer gave the second factor, in words.
func factor(c gate.Caller) string {
	switch c.Factor {
	case factorPush:
		return "your device"
	case factorToken:
		return "your authenticator app"
	}
	return "a code"
}
