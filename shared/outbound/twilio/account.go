// Package twilio is the account that Verify and Messages share: where its
// variables are found, what they must look like, and which answers mean that
// the account itself is refused.
//
// It must not know a product's calls; those belong to shared/verify and
// shared/message, the only importers of twilio-go.
package twilio

import (
	"net/http"
	"strings"

	"latchkey/shared/chars"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
)

const (
	helpAccount   = "the Account SID stands in the Account Info box of the Twilio console's first page"
	helpToken     = "the Auth Token stands below the Account SID in the Account Info box of the Twilio console's first page; or set TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET"
	helpKeySID    = "it is the SID of an API key, from Account > API keys & tokens in the Twilio console"
	helpKeySecret = "the console shows an API key's secret once, when the key is made: make another one under Account > API keys & tokens"
)

// isPlain reports whether twilio-go takes a credential: it refuses any other
// itself, and so late that it would look like a failed call.
func isPlain(s string) bool { return chars.Some(s, chars.Alphanumeric) }

// Account is who calls, and how it proves that. It holds a secret; its text
// forms show the account alone.
type Account struct {
	SID      string // AC…
	User     string // of HTTP Basic: the account or an API key, SK…
	Password string
}

// String hides the secret.
func (a Account) String() string { return a.SID }

// GoString hides the secret.
func (a Account) GoString() string { return a.SID }

// Read reads TWILIO_ACCOUNT_SID, and either TWILIO_API_KEY_SID with
// TWILIO_API_KEY_SECRET or else TWILIO_AUTH_TOKEN.
func Read(vars *env.Vars) Account {
	a := Account{SID: SID(vars, "AC", helpAccount, "TWILIO_ACCOUNT_SID")}
	key, secret := vars.String("TWILIO_API_KEY_SID", ""), vars.String("TWILIO_API_KEY_SECRET", "")
	if key == "" && secret == "" {
		a.User, a.Password = a.SID, password(vars, "TWILIO_AUTH_TOKEN", helpToken)
		return a
	}
	a.User = SID(vars, "SK", helpKeySID, "TWILIO_API_KEY_SID")
	a.Password = password(vars, "TWILIO_API_KEY_SECRET", helpKeySecret)
	return a
}

func password(vars *env.Vars, name, help string) string {
	s := vars.Required(name, help)
	if s != "" && !isPlain(s) {
		vars.Fault(name, "must be letters and digits only: %s", help)
	}
	return s
}

// SID returns the identifier that the first set one of the variables names
// holds, with the given two letters in front; one that looks different is a
// fault, and so is none, each with the help that says where it is found.
func SID(vars *env.Vars, prefix, help string, names ...string) string {
	for _, name := range names {
		s := vars.String(name, "")
		if s == "" {
			continue
		}
		if !IsSID(prefix, s) {
			vars.Fault(name, "must be %s and 32 hexadecimal digits: %s", prefix, help)
		}
		return s
	}
	return vars.Required(names[0], help)
}

// IsSID reports whether s is an identifier that begins with these two capital
// letters, with 32 hex digits after them. twilio-go puts identifiers into paths as
// they are, so that every one must pass here first.
func IsSID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && chars.Are(prefix, 2, 2, chars.Upper) && chars.Are(digits, 32, 32, chars.Hex)
}

// unverifiedNumber is what a trial account is told of anybody else's number
// (https://www.twilio.com/docs/api/errors/21608).
const unverifiedNumber = 21608

// Refusal says what an answer was, and whether it refuses the account: any 401,
// code 20003 (Authenticate), and a 403 with a code of the general range or
// none. Products say 403 with codes of their own, for a person's number.
func Refusal(product string, status, code int) *outbound.Refusal {
	forbidden := status == http.StatusForbidden && (code == 0 || code/1000 == 20)
	hint := ""
	if code == unverifiedNumber {
		hint = "a trial account sends only to numbers verified in the console: verify this one, or upgrade the account"
	}
	return &outbound.Refusal{
		Hint:        hint,
		Vendor:      product,
		Status:      status,
		Code:        code,
		Credentials: status == http.StatusUnauthorized || code == 20003 || forbidden,
	}
}
