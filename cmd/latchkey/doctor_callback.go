package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"latchkey/shared/push"
	"latchkey/shared/store"
)

// trial is a test callback of one vendor's scheme. It says that somebody denied a
// request whose id the vendor cannot have made, so no login and no action knows
// it; what it leaves is that one item, for a day. It never says that somebody
// approved.
type trial struct {
	scheme string
	ref    store.Ref
	body   string
	kind   string
	stamp  func(h http.Header, forged bool)
}

// callbackExams try each scheme whose key is here, and without any one that
// needs no key: what is forged must be refused all the same.
func (v *checkup) callbackExams() []exam {
	const group = "Callbacks"
	exams := []exam{{group, func(context.Context) []finding {
		return []finding{good("address", "vendors are to call %s", v.callback())}
	}}}
	token, key := v.get("TWILIO_AUTH_TOKEN"), v.authyKey()
	if token != "" {
		exams = append(exams, v.tries(group, v.verifyTrial(token))...)
	} else {
		exams = append(exams, exam{group, untried("Verify's", "TWILIO_AUTH_TOKEN")})
	}
	if key != "" {
		exams = append(exams, v.tries(group, v.authyTrial(key))...)
	} else {
		exams = append(exams, exam{group, untried("Authy's", "AUTHY_API_KEY")})
	}
	if token == "" && key == "" {
		t := v.verifyTrial("no key")
		exams = append(exams, exam{group, func(ctx context.Context) []finding { return v.forge(ctx, t) }})
	}
	return exams
}

func untried(whose, name string) func(context.Context) []finding {
	return func(context.Context) []finding {
		return []finding{found(skipped, whose+" callback", "Set "+name+" or name the secret to try it", "no test callback was signed: its key is not here")}
	}
}

// tries sends a callback as its vendor would, and a forged one. Authy gives an
// address up after three errors in answer to calls of its own; these are not, so
// the refusal that we want does no harm. There is one each, since every forged one
// is an alarm in the stack's log.
func (v *checkup) tries(group string, t trial) []exam {
	return []exam{
		{group, func(ctx context.Context) []finding { return v.send(ctx, t) }},
		{group, func(ctx context.Context) []finding { return v.forge(ctx, t) }},
	}
}

// stamped is the time in the ids of the test's requests, so that each run has its
// own. The rest are noughts: vendors' ids are random.
func (v *checkup) stamped() string { return fmt.Sprintf("%012x", v.cfg.Now().UnixMilli()) }

// verifyTrial is a webhook of Verify's (twilio.com/docs/verify/webhooks).
func (v *checkup) verifyTrial(token string) trial {
	id := "YC" + strings.Repeat("0", 20) + v.stamped()
	form := url.Values{
		"type": {"challenge.denied"}, "challenge_sid": {id}, "factor_sid": {"YF" + strings.Repeat("0", 32)}, "factor_type": {"push"},
		"identity": {"latchkey-doctor"},
	}
	service := v.get("VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE")
	if service != "" {
		form.Set("service_sid", service)
	}
	return trial{
		scheme: "Verify's", ref: store.Ref{Provider: "verify", ID: id}, body: form.Encode(), kind: "application/x-www-form-urlencoded",
		stamp: func(h http.Header, forged bool) {
			h.Set("X-Twilio-Signature", twilioSignature(other(token, forged), v.callback(), form))
		},
	}
}

// authyTrial is a callback of OneTouch's, with a list and a null as real ones have.
func (v *checkup) authyTrial(key string) trial {
	id := "00000000-0000-0000-0000-" + v.stamped()
	doc := map[string]any{
		"authy_id": 0, "device_uuid": 0, "callback_action": "approval_request_status", "uuid": id, "status": "denied",
		"approval_request": map[string]any{
			"transaction": map[string]any{"message": "latchkey doctor", "status": "denied", "uuid": id, "hidden_details": nil, "details": map[string]any{}},
			"logos":       nil,
		},
		"device": map[string]any{"id": 0, "city": nil, "enabled_unlock_methods": []string{"pin", "fingerprint"}},
	}
	body, err := json.Marshal(doc)
	nonce := strconv.FormatInt(v.cfg.Now().Unix(), 10)
	return trial{
		scheme: "Authy's", ref: store.Ref{Provider: "authy", ID: id}, body: string(body), kind: jsonType,
		stamp: func(h http.Header, forged bool) {
			signature, wrong := authySignature(other(key, forged), nonce, v.callback(), body)
			if errors.Join(err, wrong) == nil { // else the callback is refused, and that is said
				h.Set("X-Authy-Signature", signature)
				h.Set("X-Authy-Signature-Nonce", nonce)
			}
		},
	}
}

// other is a key that is not the vendor's, if it is to be.
func other(key string, forged bool) string {
	if forged {
		return key + "0"
	}
	return key
}

func (v *checkup) post(ctx context.Context, t trial, forged bool) (answer, error) {
	return v.fetch(ctx, http.MethodPost, v.callback(), t.body, func(r *http.Request) {
		r.Header.Set("Content-Type", t.kind)
		r.Header.Set("Accept", jsonType) // no vendor asks for it; a refusal is then one that can be told from the edge's
		t.stamp(r.Header, forged)
	})
}

// send wants the authentic one taken, and, where this shell leads to the table,
// kept.
func (v *checkup) send(ctx context.Context, t trial) []finding {
	check := t.scheme + " callback"
	a, err := v.post(ctx, t, false)
	switch {
	case err != nil:
		return []finding{found(faulty, check, whyUnreached(err), "a signed one: %v", err)}
	case a.status == http.StatusForbidden:
		return []finding{found(faulty, check, "Either the stack's PUBLIC_URL is not "+v.public+", or its secret holds another key than is here: the address and the key are what is signed. Its log has an alarm that names the scheme",
			"a signed one is refused as forged (403)")}
	case a.status >= 500:
		return []finding{found(faulty, check, readLog, "a signed one is answered with %d", a.status)}
	case a.status != http.StatusOK:
		return []finding{found(faulty, check, "Check that the template's route POST /onetouch/callback is deployed, and that nothing before the API takes its place", "a signed one is answered with %d, and should be with 200", a.status)}
	}
	return []finding{good(check, "a signed one is taken (200)"), v.kept(ctx, t)}
}

// kept looks for what the callback left.
func (v *checkup) kept(ctx context.Context, t trial) finding {
	check := t.scheme + " callback"
	if v.table == nil {
		return found(skipped, check, "Set TABLE_NAME, AWS_REGION and AWS's keys to see it", "whether the decision came into the table was not looked at")
	}
	a, err := v.table.Approval(ctx, t.ref)
	switch {
	case err == nil && a.Decision == push.Denied:
		return good(check, "its decision is in the table, where it changes nothing and is gone in a day")
	case err == nil || errors.Is(err, store.ErrNotFound):
		return found(faulty, check, "Either TABLE_NAME is not this stack's table, or VERIFY_SERVICE_SID is not its service, or its role lacks dynamodb:UpdateItem: the step's log says which",
			"it was taken, and its decision is not in the table")
	}
	return found(warned, check, "See the table's own check: run `latchkey doctor` without an address", "whether its decision came into the table could not be read")
}

// forge wants the one refused that is signed with another key.
func (v *checkup) forge(ctx context.Context, t trial) []finding {
	check := "forged, " + t.scheme
	a, err := v.post(ctx, t, true)
	var doc struct{ Code string }
	a.into(&doc)
	switch {
	case err != nil:
		return []finding{found(faulty, check, whyUnreached(err), "a forged one: %v", err)}
	case a.status == http.StatusForbidden && doc.Code == "forged":
		return []finding{good(check, "one with a wrong signature is refused (403)")}
	case a.status >= 200 && a.status < 300:
		return []finding{found(faulty, check, "Take the stack out of service: whoever knows a password can approve the login", "one with a wrong signature is taken (%d)", a.status)}
	case a.status >= 500:
		return []finding{found(faulty, check, readLog, "one with a wrong signature is answered with %d", a.status)}
	}
	return []finding{found(faulty, check, "Something before the API refuses callbacks: let POST /onetouch/callback through to it", "one with a wrong signature is answered with %d, and not by the stack", a.status)}
}
