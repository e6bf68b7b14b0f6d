package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"latchkey/shared/env"
	"latchkey/shared/outbound/twilio"
)

// Where Twilio is asked, unless a variable says otherwise.
const (
	twilioAPI       = "https://api.twilio.com"
	twilioMessaging = "https://messaging.twilio.com"
	twilioVerify    = "https://verify.twilio.com"
)

const (
	whereToken  = "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN stand in the Twilio console, front page, Account Info"
	whereKey    = "TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET: Twilio console, Account > API keys & tokens; a secret is shown once, so make another key"
	whereStatus = "Look at status.twilio.com and at this machine's network, and run it again"
)

// vendors are the checks of all vendors whose credentials are here.
func (v *checkup) vendors() []exam {
	exams := []exam{{"Twilio account", v.account}}
	exams = append(exams, v.services()...)
	return append(exams, exam{"Texts", v.sender}, exam{"Authy", v.authyApplication})
}

// caller is who calls Twilio, as the functions read it. It is false where that is
// not set, or not well-formed, which the configuration's checks say.
func (v *checkup) caller() (twilio.Account, bool) {
	vars := env.Read(v.cfg)
	a := twilio.Read(vars)
	return a, vars.Err() == nil
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

// at is a vendor's address: the variable's, or its own.
func (v *checkup) at(name, own string) string {
	vars := env.Read(v.cfg)
	return vars.URL(name, own)
}

// account reads the account with the Auth Token, and so checks what webhooks are
// signed with. Most API keys may not read an account.
func (v *checkup) account(ctx context.Context) []finding {
	a, ok := v.caller()
	token := v.get("TWILIO_AUTH_TOKEN")
	if !ok && (token == "" || !twilio.IsSID("AC", v.get("TWILIO_ACCOUNT_SID"))) {
		return []finding{found(skipped, "account", whereToken, "it was not asked: no credentials are here, or they are malformed")}
	}
	list := []finding(nil)
	if token == "" {
		list = append(list, v.readAccount(ctx, "API key", a.SID, basic(a.User, a.Password))...)
		if len(list) > 0 && list[0].Level == faulty {
			list[0] = found(unseen, "API key", "If the service below is read, the key is right; else "+whereKey,
				"it may not read the account, as a standard key may not, or it is wrong")
		}
		return list
	}
	sid := v.get("TWILIO_ACCOUNT_SID")
	return v.readAccount(ctx, "Auth Token", sid, basic(sid, token))
}

func (v *checkup) readAccount(ctx context.Context, check, sid string, sign func(*http.Request)) []finding {
	a, err := v.read(ctx, v.at("TWILIO_API_URL", twilioAPI), "/2010-04-01/Accounts/"+sid+".json", sign)
	if err != nil || a.status != http.StatusOK {
		return []finding{unread(check, a, err, whereToken)}
	}
	var doc struct{ Status, Type string }
	if !a.into(&doc) || doc.Status == "" {
		return []finding{garbled(check)}
	}
	list := []finding{good(check, "it is accepted")}
	if doc.Status == "active" {
		list = append(list, good("account", "it is active"))
	} else {
		list = append(list, found(faulty, "account", "The Twilio console says why on its front page", "it is %s: nothing is sent", doc.Status))
	}
	if doc.Type == "Trial" {
		list = append(list, found(warned, "account", "Upgrade it: Twilio console, front page", "it is a trial: it sends only to numbers verified in the console, and puts a prefix before every text"))
	}
	return list
}

// unread is the finding for a resource that was not had; where says where the
// credentials are found.
func unread(check string, a answer, err error, where string) finding {
	if err != nil {
		return found(faulty, check, whereStatus, "%v", err)
	}
	var doc struct{ Code int }
	a.into(&doc)
	r := twilio.Refusal("Twilio", a.status, doc.Code)
	if r.Credentials {
		return found(faulty, check, where, "%v", r)
	}
	return found(faulty, check, whereStatus, "%v", r)
}

func garbled(check string) finding {
	return found(faulty, check, "Look whether something stands between this machine and the vendor", "the answer is not what the vendor documents")
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// sender looks whether what texts come from is the account's and can text.
func (v *checkup) sender(ctx context.Context) []finding {
	service, number := v.get("TWILIO_MESSAGING_SERVICE_SID"), v.get("TWILIO_NUMBER")
	a, ok := v.caller()
	switch {
	case service == "" && number == "":
		return []finding{found(skipped, "sender", "Set TWILIO_NUMBER or TWILIO_MESSAGING_SERVICE_SID to have texts after a sign-up and of changed factors", "none is named, so no texts are sent besides codes")}
	case !ok, service != "" && !twilio.IsSID("MG", service):
		return []finding{found(skipped, "sender", whereToken, "it was not asked: credentials or the sender are missing or malformed")}
	case service != "":
		return v.messagingService(ctx, service, basic(a.User, a.Password))
	case !e164.MatchString(number):
		return []finding{found(unseen, "sender", "Compare it with Phone Numbers or Messaging > Senders in the Twilio console", "it is no number but a short code or a name")}
	}
	return v.number(ctx, a, number)
}

func (v *checkup) messagingService(ctx context.Context, sid string, sign func(*http.Request)) []finding {
	const check, where = "messaging service", "Twilio console, Messaging > Services"
	base := v.at("TWILIO_API_URL", twilioMessaging)
	a, err := v.read(ctx, base, "/v1/Services/"+sid, sign)
	if err == nil && a.status == http.StatusNotFound {
		return []finding{found(faulty, check, where, "the account has no such service")}
	}
	if err != nil || a.status != http.StatusOK {
		return []finding{unread(check, a, err, whereToken)}
	}
	a, err = v.read(ctx, base, "/v1/Services/"+sid+"/PhoneNumbers?PageSize=1", sign)
	if err != nil || a.status != http.StatusOK {
		return []finding{unread(check, a, err, whereToken)}
	}
	var doc struct {
		Numbers []struct{} `json:"phone_numbers"`
	}
	if !a.into(&doc) || doc.Numbers == nil {
		return []finding{garbled(check)}
	}
	if len(doc.Numbers) == 0 {
		return []finding{found(warned, check, "Give it a sender, unless it has a short code or a name: "+where, "it is there, and has no number to send from")}
	}
	return []finding{good(check, "it is there and has a number to send from")}
}

// number wants the account's own list to have this very number: the filter takes
// parts of numbers, too.
func (v *checkup) number(ctx context.Context, who twilio.Account, number string) []finding {
	const check = "sender's number"
	const where = "Take one from Phone Numbers > Manage > Active numbers in the Twilio console"
	path := fmt.Sprintf("/2010-04-01/Accounts/%s/IncomingPhoneNumbers.json?PageSize=20&PhoneNumber=%s", who.SID, url.QueryEscape(number))
	a, err := v.read(ctx, v.at("TWILIO_API_URL", twilioAPI), path, basic(who.User, who.Password))
	if err != nil || a.status != http.StatusOK {
		return []finding{unread(check, a, err, whereToken)}
	}
	var doc struct {
		Numbers []struct {
			Number       string `json:"phone_number"`
			Capabilities struct{ SMS bool }
		} `json:"incoming_phone_numbers"`
	}
	if !a.into(&doc) || doc.Numbers == nil {
		return []finding{garbled(check)}
	}
	for _, n := range doc.Numbers {
		switch {
		case n.Number != number:
		case !n.Capabilities.SMS:
			return []finding{found(faulty, check, where, "it cannot send texts")}
		default:
			return []finding{good(check, "it is the account's and can send texts")}
		}
	}
	return []finding{found(faulty, check, where, "TWILIO_NUMBER is not among the account's numbers")}
}
