package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/shared/outbound/twilio"
)

const (
	whereService = "Twilio console, Verify > Services"
	geoVerify    = "https://console.twilio.com/us1/develop/verify/settings/geopermissions"
	geoTexts     = "https://console.twilio.com/us1/develop/sms/settings/geo-permissions"
)

// fewestDigits is the shortest code that five tries guard well enough.
const fewestDigits = 6

// service is what a Verify service is set to, of what matters here.
type service struct {
	Name   string `json:"friendly_name"`
	Digits int    `json:"code_length"`
	PSD2   bool   `json:"psd2_enabled"`
	Push   *struct {
		APN string `json:"apn_credential_sid"`
		FCM string `json:"fcm_credential_sid"`
	}
	TOTP *struct {
		Issuer string
		Step   int `json:"time_step"`
		Digits int `json:"code_length"`
	}
}

// services are the checks of the login's service and of the sign-ups' own.
func (v *checkup) services() []exam {
	login, signup := v.get("VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE"), v.get("VERIFY_SIGNUP_SERVICE_SID")
	if login == "" && signup == "" {
		return []exam{{"Verify", func(context.Context) []finding {
			return []finding{found(skipped, "service", "Set VERIFY_SERVICE_SID ("+whereService+"), unless only Authy is used", "no service is named")}
		}}}
	}
	exams := []exam{
		{"Verify", func(ctx context.Context) []finding { return v.service(ctx, "login", login) }},
		{"Verify", func(ctx context.Context) []finding { return v.webhooks(ctx, login) }},
	}
	if signup != "" && signup != login {
		exams = append(exams, exam{"Verify", func(ctx context.Context) []finding { return v.service(ctx, "sign-up", signup) }})
	}
	return append(exams, exam{"Verify", func(context.Context) []finding {
		return []finding{found(unseen, "geo permissions", "Allow there the countries of ALLOWED_COUNTRIES and no others: "+geoVerify+" and, for texts besides codes, "+geoTexts,
			"no API tells which countries Twilio sends to for you")}
	}})
}

// service reads the service of a flow.
func (v *checkup) service(ctx context.Context, flow, sid string) []finding {
	check := flow + " service"
	a, ok := v.caller()
	if !ok || !twilio.IsSID("VA", sid) {
		return []finding{found(skipped, check, whereToken, "it was not asked: credentials or the service's SID are missing or malformed")}
	}
	got, err := v.read(ctx, v.at("TWILIO_VERIFY_URL", twilioVerify), "/v2/Services/"+sid, basic(a.User, a.Password))
	if err == nil && got.status == http.StatusNotFound {
		return []finding{found(faulty, check, whereService+": its Service SID begins with VA", "the account has no such service")}
	}
	if err != nil || got.status != http.StatusOK {
		return []finding{unread(check, got, err, v.whereCaller())}
	}
	var s service
	if !got.into(&s) || s.Digits == 0 {
		return []finding{garbled(check)}
	}
	list := []finding{good(check, "it is there; its texts come in the name of %q", s.Name)}
	list = append(list, s.codes(check)...)
	if flow == "login" {
		list = append(list, s.devices(), s.authenticators())
	}
	return list
}

func (v *checkup) whereCaller() string {
	if v.get("TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET") != "" {
		return whereKey
	}
	return whereToken
}

func (s service) codes(check string) []finding {
	var list []finding
	if s.Digits < fewestDigits {
		list = append(list, found(faulty, check, "Set at least six: "+whereService+", the service, General", "its codes have %d digits, which five tries find too often", s.Digits))
	} else {
		list = append(list, good(check, "its codes have %d digits", s.Digits))
	}
	if s.PSD2 {
		list = append(list, found(faulty, check, "Turn it off: "+whereService+", the service, General", "PSD2 is on: it wants an amount and a payee for each code, and sends none without"))
	}
	return list
}

func (s service) devices() finding {
	const check = "push"
	switch {
	case s.Push == nil || s.Push.APN == "" && s.Push.FCM == "":
		return found(warned, check, "Give it credentials if your app registers devices: "+whereService+", the service, Push; without an app of yours nobody misses them",
			"no credentials for Apple's or Google's notifications: a device is asked only while its app looks itself")
	case s.Push.APN == "" || s.Push.FCM == "":
		missing := "Apple's"
		if s.Push.FCM == "" {
			missing = "Google's"
		}
		return found(warned, check, whereService+", the service, Push", "no credentials for %s notifications", missing)
	}
	return good(check, "credentials for Apple's and Google's notifications are there")
}

func (s service) authenticators() finding {
	const check = "authenticator apps"
	switch {
	case s.TOTP == nil:
		return good(check, "it says nothing of them, which stands for the vendor's defaults")
	case s.TOTP.Digits < fewestDigits:
		return found(faulty, check, "Set six: "+whereService+", the service, TOTP", "their tokens have %d digits, which five tries find too often", s.TOTP.Digits)
	case s.TOTP.Digits != 6 || s.TOTP.Step != 30:
		return found(warned, check, "Set 6 and 30: "+whereService+", the service, TOTP", "their tokens have %d digits for %d seconds: many apps know six for thirty alone", s.TOTP.Digits, s.TOTP.Step)
	case s.TOTP.Issuer == "":
		return found(warned, check, "Name your product: "+whereService+", the service, TOTP", "no issuer is named: people see in their app an account of nobody's")
	}
	return good(check, "six digits for thirty seconds, of %q", s.TOTP.Issuer)
}

// webhook is where a service tells of decisions.
type webhook struct {
	Events  []string `json:"event_types"`
	URL     string   `json:"webhook_url"`
	Method  string   `json:"webhook_method"`
	Status  string
	Version string
}

// tells reports whether it tells of an event.
func (h webhook) tells(event string) bool {
	return h.Status == "enabled" && (slices.Contains(h.Events, event) || slices.Contains(h.Events, "*"))
}

const makeHook = "Make one for challenge.approved and challenge.denied, version v2, with the address %s: Twilio console, Verify > Services, the service, Webhooks; logins go on meanwhile, since the waiting page asks the vendor"

// webhooks reads where the login's service calls, and compares it with the
// stack's address.
func (v *checkup) webhooks(ctx context.Context, sid string) []finding {
	const check = "webhook"
	a, ok := v.caller()
	if !ok || !twilio.IsSID("VA", sid) {
		return nil // the service's check says so
	}
	got, err := v.read(ctx, v.at("TWILIO_VERIFY_URL", twilioVerify), "/v2/Services/"+sid+"/Webhooks?PageSize=50", basic(a.User, a.Password))
	if err == nil && got.status == http.StatusNotFound {
		return nil
	}
	if err != nil || got.status != http.StatusOK {
		return []finding{unread(check, got, err, v.whereCaller())}
	}
	var doc struct{ Webhooks []webhook }
	if !got.into(&doc) || doc.Webhooks == nil {
		return []finding{garbled(check)}
	}
	return v.judgeHooks(check, doc.Webhooks)
}

func (v *checkup) judgeHooks(check string, hooks []webhook) []finding {
	address := v.callback()
	if address == "" {
		return []finding{found(unseen, check, "After the deployment run `latchkey doctor` with the stack's address", "the stack's address is not known here; the service has %s%s", counted(len(hooks), "webhook"), elsewhere(hooks, ""))}
	}
	do := fmt.Sprintf(makeHook, address)
	var ours []webhook
	for _, h := range hooks {
		if h.URL == address {
			ours = append(ours, h)
		}
	}
	if len(ours) == 0 {
		return []finding{found(warned, check, do, "none of the service's %s is for this stack%s", counted(len(hooks), "webhook"), elsewhere(hooks, address))}
	}
	var missing []string
	for _, event := range []string{"challenge.approved", "challenge.denied"} {
		if !slices.ContainsFunc(ours, func(h webhook) bool { return h.tells(event) }) {
			missing = append(missing, event)
		}
	}
	if len(missing) > 0 {
		return []finding{found(warned, check, do, "the address is right, and nothing enabled there tells of %s", strings.Join(missing, " and "))}
	}
	for _, h := range ours {
		if h.Method != "" && h.Method != http.MethodPost {
			return []finding{found(warned, check, do, "it calls by %s, and must by POST", h.Method)}
		}
		if h.Version == "v1" {
			return []finding{found(warned, check, do, "it is of version v1, whose form is another one")}
		}
	}
	return []finding{good(check, "decisions go to %s", address)}
}

// elsewhere names the hosts that are called instead; an address may hold a key.
func elsewhere(hooks []webhook, address string) string {
	var hosts []string
	for _, h := range hooks {
		u, err := url.Parse(h.URL)
		if err == nil && h.URL != address && !slices.Contains(hosts, u.Host+u.Path) {
			hosts = append(hosts, u.Host+u.Path)
		}
	}
	if len(hosts) == 0 {
		return ""
	}
	return ", they go to " + strings.Join(hosts, ", ")
}
