package signup

import (
	"regexp"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Longest email address and local part, in bytes (RFC 5321 4.5.3.1).
const (
	maxEmail = 254
	maxLocal = 64
)

// atext is a local part without quotes (RFC 5322 3.2.3, dot-atom). Others exist
// in theory; nobody's mail provider gives them out.
var atext = regexp.MustCompile("^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// normaliseEmail gives the one spelling by which an address is compared: no
// blanks around it, NFC, lower case, the domain in its ASCII form.
// Dots and tags of the local part are kept: what they mean is the mail
// provider's affair. A local part beyond ASCII is refused, since letters that
// look alike would make two accounts of one address.
func normaliseEmail(typed string) (email, wrong string) {
	const again = "Enter an email address such as name@example.com."
	email = strings.ToLower(norm.NFC.String(strings.TrimSpace(typed)))
	if email == "" {
		return "", "Enter your email address."
	}
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return "", again
	}
	local, domain := email[:at], email[at+1:]
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".") || strings.HasPrefix(domain, ".") {
		return "", again
	}
	if !atext.MatchString(local) {
		return "", "Enter an email address whose part before the @ has only plain letters, digits and signs."
	}
	email = local + "@" + domain
	if len(local) > maxLocal || len(email) > maxEmail {
		return "", "Enter a shorter email address: at most 254 characters, 64 of them before the @."
	}
	return email, ""
}
