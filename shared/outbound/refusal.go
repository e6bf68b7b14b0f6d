package outbound

import "fmt"

// Refusal is a vendor's answer that is not a success, in the words an operator
// reads. The vendor's own words are left out: they quote phone numbers.
type Refusal struct {
	Vendor      string // which door was called, such as "verify"
	Status      int    // HTTP
	Code        int    // the vendor's own, 0 when it gave none that we could read
	Credentials bool   // the vendor does not accept our credentials: an operator's fault, not an outage
	Hint        string // what the operator does about it, where a code says it all
}

// Error is safe to log: "verify answered 429, code 60203".
func (r *Refusal) Error() string {
	text := fmt.Sprintf("%s answered %d", r.Vendor, r.Status)
	if r.Code != 0 {
		text += fmt.Sprintf(", code %d", r.Code)
	}
	if r.Hint != "" {
		text += " (" + r.Hint + ")"
	}
	if r.Credentials {
		return "credentials refused: " + text
	}
	return text
}
