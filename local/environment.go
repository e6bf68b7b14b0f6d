package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	"latchkey/local/template"
)

// Variables that name a vendor's address. A function that declares one talks to that vendor
// and is given its credentials, which are no part of the template.
const (
	messagesURL = "TWILIO_API_URL"
	verifyURL   = "TWILIO_VERIFY_URL"
	authyURL    = "AUTHY_API_URL"
)

// callbackStep is the function that vendors call.
const callbackStep = "onetouch-callback"

// vendors are the addresses of the vendors, each simulated unless the developer's shell names
// another, and the credentials that go with them.
type vendors struct {
	simulated string // address of the simulator
	own       map[string]bool
	account   map[string]string // of Twilio: for Verify and Messages
	verify    map[string]string
	messages  map[string]string
	authy     map[string]string
}

// Credentials by vendor, and the settings that mean something to that vendor's account alone.
func accountNames() []string {
	return []string{"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET"}
}

func verifyNames() []string {
	return []string{"VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE", "VERIFY_SIGNUP_SERVICE_SID"}
}

func messagesNames() []string {
	return []string{"TWILIO_NUMBER", "TWILIO_MESSAGING_SERVICE_SID"}
}

func authyNames() []string {
	return []string{"AUTHY_API_KEY", "ACCOUNT_SECURITY_API_KEY"}
}

// newVendors makes up credentials for the simulator, and takes those of vendors that the
// developer names from the shell. One real Twilio address makes the account a real one for
// both, since Verify and Messages share it. A stand-in on this machine, which has a plain http
// address, is given what the shell has and else what was made up.
func newVendors(getenv func(string) string, simulated string) vendors {
	v := vendors{
		simulated: simulated,
		own:       map[string]bool{},
		account:   map[string]string{"TWILIO_ACCOUNT_SID": "AC" + random(), "TWILIO_AUTH_TOKEN": random()},
		// The same in every run: what people enrolled outlives it, and belongs to a service.
		verify:   map[string]string{"VERIFY_SERVICE_SID": fmt.Sprintf("VA%032d", 1), "VERIFY_SIGNUP_SERVICE_SID": fmt.Sprintf("VA%032d", 2)},
		messages: map[string]string{"TWILIO_NUMBER": "+15005550006"}, // Twilio's own test number
		authy:    map[string]string{"AUTHY_API_KEY": random()},
	}
	for _, name := range []string{messagesURL, verifyURL, authyURL} {
		v.own[name] = getenv(name) != ""
	}
	v.account = credentials(getenv, v.account, accountNames(), verifyURL, messagesURL)
	v.verify = credentials(getenv, v.verify, verifyNames(), verifyURL)
	v.messages = credentials(getenv, v.messages, messagesNames(), messagesURL)
	v.authy = credentials(getenv, v.authy, authyNames(), authyURL)
	return v
}

// credentials are the shell's for a vendor whose address the shell names, else those made up.
func credentials(getenv func(string) string, madeUp map[string]string, names []string, urls ...string) map[string]string {
	given := fromShell(getenv, names)
	for _, url := range urls {
		vendor := strings.HasPrefix(getenv(url), "https://")
		if vendor || getenv(url) != "" && len(given) > 0 {
			return given
		}
	}
	return madeUp
}

// check finds a real vendor without credentials before a function does.
func (v vendors) check() error {
	cases := []struct{ url, needs, value string }{
		{verifyURL, "TWILIO_ACCOUNT_SID", v.account["TWILIO_ACCOUNT_SID"]},
		{messagesURL, "TWILIO_ACCOUNT_SID", v.account["TWILIO_ACCOUNT_SID"]},
		{authyURL, "AUTHY_API_KEY", v.authy["AUTHY_API_KEY"] + v.authy["ACCOUNT_SECURITY_API_KEY"]},
	}
	for _, c := range cases {
		if v.own[c.url] && c.value == "" {
			return fmt.Errorf("%s replaces the simulator: set %s and the vendor's other credentials too", c.url, c.needs)
		}
	}
	return nil
}

func fromShell(getenv func(string) string, names []string) map[string]string {
	values := map[string]string{}
	for _, name := range names {
		if getenv(name) != "" {
			values[name] = getenv(name)
		}
	}
	return values
}

// random is 128 bits in lower-case hex, as Twilio's identifiers and tokens are.
func random() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// laptop are the values of this machine, for every function that declares them: those of the
// examples as well. port is the app's, endpoint the table's, events the event bus's port.
// open are the routes that the examples want visitors let through at.
func laptop(set settings, port int, endpoint string, events int, open string, v vendors) map[string]string {
	return map[string]string{
		"OPEN_ROUTES":                  open,
		"PUBLIC_URL":                   fmt.Sprintf("http://localhost:%d", port),
		"LATCHKEY_URL":                 fmt.Sprintf("http://localhost:%d", port),
		"TABLE_NAME":                   set.table,
		"AWS_ENDPOINT_URL_DYNAMODB":    endpoint,
		"AWS_ENDPOINT_URL_EVENTBRIDGE": fmt.Sprintf("http://127.0.0.1:%d", events),
		"PROVIDER":                     set.provider,
		messagesURL:                    v.simulated,
		verifyURL:                      v.simulated,
		authyURL:                       v.simulated,
		"ALLOWED_COUNTRIES":            "", // all
		// One laptop is one address for everybody, and its texts cost nothing.
		"CHANNELS":           "sms,call,whatsapp",
		"CALL_AFTER":         "0",
		"SENDS_PER_ADDRESS":  "100000",
		"SENDS_PER_PREFIX":   "100000",
		"SENDS_PER_COUNTRY":  "1000000",
		"SENDS_PER_DAY":      "1000000",
		"SIGNUPS_PER_EMAIL":  "1000",
		"LOGINS_PER_ADDRESS": "100000",
		// The guard can be seen here, but only by who means to.
		"GUARD_SENDS":         "1000",
		"GUARD_RATIO":         "10",
		"GUARD_COUNTRY_SENDS": "0",
		// Who only looks around may type something simple.
		"PASSWORD_BLOCKLIST": "off",
	}
}

// environment is that of one function: the names its template declares, each from the
// developer's shell, else this laptop, else the template; and its vendors' credentials. An
// address of AWS that stays empty is left out: not every SDK takes empty for not set.
func environment(f template.Function, here map[string]string, getenv func(string) string, v vendors) map[string]string {
	all := map[string]string{}
	for name, value := range f.Environment {
		local, known := here[name]
		if known {
			value = local
		}
		if getenv(name) != "" && name != secretARN { // a real secret would go over the simulated vendors' credentials
			value = getenv(name)
		}
		if value != "" || !strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
			all[name] = value
		}
	}
	_, texts := f.Environment[messagesURL]
	_, codes := f.Environment[verifyURL]
	_, legacy := f.Environment[authyURL]
	if f.Name() == callbackStep { // calls no vendor, and checks the signatures of all
		codes, legacy = true, true
	}
	if texts || codes {
		maps.Copy(all, v.account)
	}
	if texts {
		maps.Copy(all, v.messages)
	}
	if codes {
		maps.Copy(all, v.verify)
	}
	if legacy {
		maps.Copy(all, v.authy)
	}
	return all
}
