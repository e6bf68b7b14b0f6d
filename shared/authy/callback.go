package authy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"

	"latchkey/shared/env"
	"latchkey/shared/push"
)

const (
	signatureHeader = "X-Authy-Signature"
	nonceHeader     = "X-Authy-Signature-Nonce"
)

// decisionAction is the one kind of callback that tells of a decision.
const decisionAction = "approval_request_status"

// Receiver reads the callbacks of one Authy application, which the console must
// be told to send by POST. It is safe for concurrent use.
type Receiver struct {
	mac func(signed string) []byte // holds the key, out of reach of format verbs; nil without one
}

// NewReceiver reads AUTHY_API_KEY (or ACCOUNT_SECURITY_API_KEY). Without one, or
// with one that is a fault, which goes to vars, every callback is forged: a
// signature under an empty key is one that anybody can make.
func NewReceiver(vars *env.Vars) push.Receiver {
	key := readKey(vars)
	if !isKey(key) {
		return &Receiver{}
	}
	return &Receiver{mac: func(signed string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		io.WriteString(h, signed)
		return h.Sum(nil)
	}}
}

// Claims reports whether there is a signature of Authy's kind.
func (rc *Receiver) Claims(h http.Header) bool { return len(h.Values(signatureHeader)) > 0 }

// Receive believes a callback whose signature fits the key, address and body
// and reads what the body decides. Its errors hold
// nothing of the request.
func (rc *Receiver) Receive(address string, r *http.Request, body []byte) (push.Event, error) {
	if rc.mac == nil {
		return push.Event{}, fmt.Errorf("no authy key is set: %w", push.ErrForged)
	}
	if r.Method != http.MethodPost {
		return push.Event{}, fmt.Errorf("not a POST: %w", push.ErrForged)
	}
	nonce, signature, ok := stamps(r.Header)
	if !ok {
		return push.Event{}, fmt.Errorf("nonce or signature is missing or malformed: %w", push.ErrForged)
	}
	d, ok := parse(body)
	if !ok {
		return push.Event{}, fmt.Errorf("body is not an object of JSON within bounds: %w", push.ErrForged)
	}
	q, ok := query(d.members)
	if !ok {
		return push.Event{}, fmt.Errorf("body is too large to sign: %w", push.ErrForged)
	}
	if !hmac.Equal(signature, rc.mac(signed(nonce, r.Method, address, q))) {
		return push.Event{}, fmt.Errorf("signature does not fit: %w", push.ErrForged)
	}
	return event(d)
}

// stamps wants each header once. Only one spelling of a signature is accepted:
// base64 in its standard alphabet, padded, nothing in the last bits.
func stamps(h http.Header) (nonce string, signature []byte, ok bool) {
	nonces, signatures := h.Values(nonceHeader), h.Values(signatureHeader)
	if len(nonces) != 1 || nonces[0] == "" || len(signatures) != 1 {
		return "", nil, false
	}
	if len(signatures[0]) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return "", nil, false
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(signatures[0])
	return nonces[0], signature, err == nil
}

// signed is the text under a signature. For a GET, which is not received here,
// query would be the query string as it came.
func signed(nonce, method, address, query string) string {
	return nonce + "|" + method + "|" + address + "|" + query
}

// event reads an authentic body. The members it does not know change over the
// years. The uuid is the outer one, for Authy has sent others inside.
func event(d document) (push.Event, error) {
	if d.ambiguous {
		return push.Event{}, fmt.Errorf("a name can be read in two ways: %w", push.ErrMeaningless)
	}
	action, given := d.members["callback_action"]
	if given && action != decisionAction {
		return push.Event{}, fmt.Errorf("not about a decision: %w", push.ErrMeaningless)
	}
	e := push.Event{Subject: text(d.members["authy_id"])}
	e.Ref, _ = d.members["uuid"].(string)
	if !isRef(e.Ref) || !isUser(e.Subject) {
		return push.Event{}, fmt.Errorf("no id of a request or a person: %w", push.ErrMeaningless)
	}
	status, _ := d.members["status"].(string)
	e.Decision = decisions[status]
	if e.Decision != push.Approved && e.Decision != push.Denied {
		return push.Event{}, fmt.Errorf("status is not a decision: %w", push.ErrMeaningless)
	}
	e.Session, _ = d.in("approval_request").in("transaction").in("hidden_details")["session"].(string)
	return e, nil
}
