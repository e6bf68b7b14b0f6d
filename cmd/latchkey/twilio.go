package main

import (
	"fmt"
	"io"

	"latchkey/shared/authy"
	"latchkey/shared/store"
)

// leftAtTwilio is what a vendor still has of an account. This program asks no
// vendor: it has no vendor's key, and what is left there opens nothing here.
type leftAtTwilio struct {
	Provider string   `json:"provider"`
	Service  string   `json:"service,omitempty"`  // Verify's
	Identity string   `json:"identity,omitempty"` // the account at Verify
	Factors  []string `json:"factors,omitempty"`  // SIDs at Verify
	AuthyID  string   `json:"authy_id,omitempty"`
	Whole    bool     `json:"-"` // the account is deleted, not only its factors
}

// remains are these factors of the user, and for a whole account the account.
func remains(u store.User, factors []store.Factor, getenv func(string) string, whole bool) leftAtTwilio {
	if u.Provider == authy.Name {
		return leftAtTwilio{Provider: u.Provider, AuthyID: u.ProviderRef, Whole: whole}
	}
	r := leftAtTwilio{Provider: u.Provider, Service: getenv("VERIFY_SERVICE_SID"), Identity: u.UID, Whole: whole}
	if r.Service == "" {
		r.Service = "$VERIFY_SERVICE_SID"
	}
	for _, f := range factors {
		if f.SID != "" {
			r.Factors = append(r.Factors, f.SID)
		}
	}
	return r
}

func (r leftAtTwilio) write(w io.Writer) {
	switch {
	case r.Provider == authy.Name:
		r.writeAuthy(w)
	case r.Whole:
		fmt.Fprintf(w, "\nAt Twilio Verify remains the entity with identity %s in the service %s,\n", r.Identity, r.Service)
		fmt.Fprintf(w, "if the person ever enrolled a factor, and with it these factors: %s.\n", listed(r.Factors))
		r.writeRequests(w, "")
	case len(r.Factors) > 0:
		fmt.Fprintf(w, "\nAt Twilio Verify remain, of identity %s in the service %s, these factors,\n", r.Identity, r.Service)
		fmt.Fprintf(w, "which nobody asks any more: %s.\n", listed(r.Factors))
		var paths []string
		for _, sid := range r.Factors {
			paths = append(paths, "/Factors/"+sid)
		}
		r.writeRequests(w, paths...)
	}
}

// writeRequests says how to remove what is at these paths below the identity
// (twilio.com/docs/verify/api/entity and /factor).
func (r leftAtTwilio) writeRequests(w io.Writer, paths ...string) {
	fmt.Fprint(w, "To remove it: console, Verify > Services > that service, or by Twilio's API:\n\n")
	for _, path := range paths {
		fmt.Fprintf(w, "    curl -X DELETE -u \"$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN\" \\\n"+
			"      \"https://verify.twilio.com/v2/Services/%s/Entities/%s%s\"\n", r.Service, r.Identity, path)
	}
}

func (r leftAtTwilio) writeAuthy(w io.Writer) {
	if !r.Whole {
		fmt.Fprintf(w, "\nThe Authy app of user %s is still asked, since it belongs to the phone and not to this table,\n"+
			"until the person has entered the new phone. If the old one is in wrong hands, block the user now:\n"+
			"console, Authy > your application > Users.\n", r.AuthyID)
		return
	}
	fmt.Fprintf(w, "\nAt Authy remains user %s. Accounts with one phone share it, so it is never removed by this program.\n"+
		"If no other account has this phone: console, Authy > your application > Users.\n", r.AuthyID)
}

func listed(sids []string) string {
	if len(sids) == 0 {
		return "none that we know of"
	}
	text := sids[0]
	for _, sid := range sids[1:] {
		text += ", " + sid
	}
	return text
}
