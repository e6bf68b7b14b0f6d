package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode"
)

const (
	authyAPI   = "https://api.authy.com"
	whereAuthy = "Twilio console, Authy > your application > Settings, Production API Key"
)

// authyKey is the application's key, "" when there is none that can be sent.
func (v *checkup) authyKey() string {
	key := v.get("AUTHY_API_KEY", "ACCOUNT_SECURITY_API_KEY")
	if strings.ContainsFunc(key, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsGraphic(c) || c == ' ' }) {
		return ""
	}
	return key
}

// truth is a boolean in any of the spellings that Authy has used.
type truth bool

// UnmarshalJSON reads true, "true" and the like.
func (t *truth) UnmarshalJSON(b []byte) error {
	*t = strings.Trim(string(b), `"`) == "true"
	return nil
}

// application is what Authy says of one.
type application struct {
	Name, Plan string
	SMS        *truth `json:"sms_enabled"`
	Calls      *truth `json:"phone_calls_enabled"`
	Push       *truth `json:"onetouch_enabled"`
}

// authyApplication reads the application. Its callback is in no answer of any API.
func (v *checkup) authyApplication(ctx context.Context) []finding {
	const check = "application"
	key := v.authyKey()
	if key == "" {
		return []finding{found(skipped, check, "Set AUTHY_API_KEY if you hold an old application; new ones can no longer be made", "no key is here, or it is malformed")}
	}
	a, err := v.read(ctx, v.at("AUTHY_API_URL", authyAPI), "/protected/json/app/details", func(r *http.Request) { r.Header.Set("X-Authy-API-Key", key) })
	if err != nil {
		return []finding{found(faulty, check, whereStatus, "%v", err)}
	}
	if a.status != http.StatusOK {
		return []finding{authyRefusal(check, a)}
	}
	var doc struct{ App *application }
	if !a.into(&doc) || doc.App == nil {
		return []finding{garbled(check)}
	}
	return append(doc.App.findings(check), v.authyCallback())
}

// authyRefusal tells a wrong key from everything else by Authy's code, which is a
// text, and not by the status.
func authyRefusal(check string, a answer) finding {
	var doc struct {
		Code json.RawMessage `json:"error_code"`
	}
	a.into(&doc)
	switch strings.Trim(string(doc.Code), `"`) {
	case "60001":
		return found(faulty, check, whereAuthy, "Authy does not accept the key (60001)")
	case "60047":
		return found(faulty, check, whereAuthy, "this is a key of Twilio's, not of an Authy application (60047)")
	case "60060", "60061":
		return found(faulty, check, "The Twilio console says why on its front page", "the account or the application is suspended")
	}
	return found(faulty, check, whereStatus, "Authy answered %d", a.status)
}

func (app application) findings(check string) []finding {
	list := []finding{good(check, "the key is accepted: %q, plan %q", app.Name, app.Plan)}
	for _, f := range []struct {
		on         *truth
		what, then string
	}{
		{app.SMS, "texts", "no code is sent by text"},
		{app.Calls, "calls", "no code is told by a call"},
		{app.Push, "OneTouch", "nobody is asked by push, and codes are all there is"},
	} {
		if f.on != nil && !*f.on {
			list = append(list, found(warned, check, "Twilio console, Authy > your application > Settings", "%s are off: %s", f.what, f.then))
		}
	}
	return list
}

func (v *checkup) authyCallback() finding {
	address := v.callback()
	if address == "" {
		address = "PUBLIC_URL and /onetouch/callback"
	}
	return found(unseen, "callback", "Compare it: Twilio console, Authy > your application > OneTouch settings: "+address+", by POST. If it is empty, Authy gave it up after three errors: enter it again",
		"no API tells which address Authy calls")
}
