package main

import (
	"regexp"
	"strings"
	"time"

	"latchkey/shared/announce"
	"latchkey/shared/authy"
	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/knowledge"
	"latchkey/shared/message"
	"latchkey/shared/outbound/twilio"
	words "latchkey/shared/password"
	"latchkey/shared/providers"
	"latchkey/shared/secret"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/verify"
	"latchkey/shared/web"
)

// configuration reads every variable as the functions will, and says all faults
// at once, in their words.
func (v *checkup) configuration() []finding {
	cfg := v.cfg
	cfg.Getenv = func(name string) string {
		s := v.cfg.Getenv(name)
		if s == "" && name == "TABLE_NAME" {
			return "made-by-the-template" // there is none before the first deployment
		}
		return s
	}
	vars := env.Read(cfg)
	table, site := store.Open(cfg, vars), web.New(cfg, vars)
	guard := session.NewGuard(cfg, vars, table, site)
	session.NewCare(vars, guard)
	knowledge.New(cfg, vars, guard)
	words.NewRules(vars)
	providers.New(cfg, vars)
	message.New(cfg, vars)
	budget.New(cfg, vars, table, store.Signup)
	budget.New(cfg, vars, table, store.Login)
	budget.NewGuard(cfg, vars, table)
	announce.Open(cfg, vars)
	authy.NewReceiver(vars)
	verify.NewReceiver(vars)
	secret.Open(cfg, vars)
	settings(vars)
	var list []finding
	err := vars.Err()
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			list = append(list, found(faulty, name, "", "%s", rest))
		}
	} else {
		list = append(list, good("variables", "they can be read, and those that are not set have their defaults"))
	}
	return append(list, v.remarks()...)
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// settings reads what a step reads alone, with the step's bounds. A test holds
// both against each other.
func settings(vars *env.Vars) {
	shortest := time.Minute
	if vars.Laptop() {
		shortest = time.Second
	}
	vars.OneOf("PHONE_CHECKS", "off", "on")
	vars.Int("APPROVALS_PER_HOUR", 30, 1, 1000)
	vars.Duration("APPROVAL_POLL", providers.Patience, time.Second, time.Minute)
	vars.Duration("APPROVAL_LIFE", 5*time.Minute, shortest, 5*time.Minute)
	vars.Int("PUSHES_UNANSWERED", 3, 1, 3)
	vars.Duration("PUSH_WINDOW", 10*time.Minute, shortest, time.Hour)
	vars.Int("PUSHES_PER_DAY", 10, 1, 100)
	vars.Duration("PUSH_PAUSE", time.Hour, shortest, 24*time.Hour)
	if len(vars.String("PUSH_MESSAGE", "")) > 140 {
		vars.Fault("PUSH_MESSAGE", "must be at most 140 bytes, since phones show no more")
	}
	vars.Int("LOGIN_FREE_TRIES", 5, 1, 100)
	vars.Duration("LOGIN_LONGEST_WAIT", 15*time.Minute, time.Second, 15*time.Minute)
	vars.Int("LOGINS_PER_ADDRESS", 60, 1, 1e9)
	for _, code := range vars.List("ALLOWED_COUNTRIES") {
		if !countryCode.MatchString(code) { // which codes exist takes six megabytes to know
			vars.Fault("ALLOWED_COUNTRIES", "names %q, which is not an ISO 3166 code of a country with a calling code, such as US", code)
		}
	}
}

// remark is something that is no fault and should be meant.
type remark struct {
	applies  bool
	name     string
	seen, do string
}

// remarks are what works and is worth a second look.
func (v *checkup) remarks() []finding {
	var list []finding
	for _, r := range v.doubts() {
		if r.applies {
			list = append(list, found(warned, r.name, r.do, "%s", r.seen))
		}
	}
	return list
}

func (v *checkup) doubts() []remark {
	service, second := v.get("VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE"), v.get("VERIFY_SIGNUP_SERVICE_SID")
	public := v.get("PUBLIC_URL")
	doubts := []remark{
		{public == "", "PUBLIC_URL", "is not set: the API's own name will be the address",
			"Set it to the address that visitors use, if there is one, such as https://id.example.com"},
		{strings.HasPrefix(public, "http://"), "PUBLIC_URL", "is plain http: this is a laptop's configuration",
			"Set it to the https address of the deployment"},
		{v.get("ALLOWED_COUNTRIES") == "", "ALLOWED_COUNTRIES", "is not set: phones of every country may sign up, and each country costs money",
			"Set it to the countries that you serve, such as US,GB"},
		{v.get("TEST_NUMBERS") != "", "TEST_NUMBERS", "is set: who knows such a code needs no phone",
			"Take out what is not needed any more (docs/operations.md, Numbers for tests and reviewers)"},
		{service != "" && (second == "" || second == service && twilio.IsSID("VA", second)), "VERIFY_SIGNUP_SERVICE_SID",
			"names no second service: strangers who sign up with a user's phone can use up the five tries of that user's login code",
			"Make another service: Twilio console, Verify > Services"},
		{service != "" && v.get("TWILIO_AUTH_TOKEN") == "", "TWILIO_AUTH_TOKEN", "is not set: Verify's webhooks are signed with it, so all of them will be refused, also where API keys make the calls",
			"It stands in the Twilio console, front page, Account Info"},
		{v.get("TWILIO_NUMBER", "TWILIO_MESSAGING_SERVICE_SID") == "", "TWILIO_NUMBER", "is not set, nor TWILIO_MESSAGING_SERVICE_SID: no confirmation text after a sign-up, and no warning of changed factors",
			"Twilio console, Phone Numbers, or Messaging > Services"},
	}
	for _, name := range []string{"TWILIO_VERIFY_URL", "TWILIO_API_URL", "AUTHY_API_URL"} {
		doubts = append(doubts, remark{v.get(name) != "", name, "is set: the vendor is asked at another address than its own", "Leave it empty in a deployment"})
	}
	return doubts
}
