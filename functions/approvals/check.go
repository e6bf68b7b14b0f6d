package approvals

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/shared/chars"
	"latchkey/shared/push"
	"latchkey/shared/web"
)

// Our own limits; the vendors' are push.Limits.
const (
	referenceLimit = 128 // characters
	logoLimit      = 200 // characters of an address: Authy's
	longest        = time.Hour
)

var sizes = []string{"default", "low", "med", "high"}

// named is whom a document means: the key of the user, and the uid.
//
//	user = key "." uid
//	key  = 43 of A-Z a-z 0-9 - _
//	uid  = 32 of 0-9 a-f
func (d document) named() (key, uid string, ok bool) {
	key, uid, _ = strings.Cut(d.User, ".")
	if !chars.Are(key, 43, 43, chars.Base64URL) || !chars.Are(uid, 32, 32, chars.LowerHex) {
		return "", "", false
	}
	return key, uid, true
}

// isLabel reports whether s is lower_snake_case:
//
//	label = word *( "_" word )   ; the first byte a letter
//	word  = 1 or more of a-z 0-9
func isLabel(s string) bool {
	for word := range strings.SplitSeq(s, "_") {
		if !chars.Some(word, chars.LowerAlphanumeric) {
			return false
		}
	}
	return chars.Lower(s[0])
}

// badUser is a reference that the authorizer never gave out.
func badUser() error {
	return invalid(web.Field{Name: "user", Text: "Send the user as the authorizer's context names it: 43 characters, a dot, and 32 hex digits."})
}

func invalid(fields ...web.Field) *web.Problem {
	p := web.Invalid(fields...)
	p.Title, p.Detail = "Please check the request", "Some of it cannot be shown to this user. Each field says why."
	return p
}

// check holds a document against what the user's vendor shows, and against our
// own limits. It is nil, or names every field that is wrong.
func (s *step) check(d document, l push.Limits) error {
	var fields []web.Field
	add := func(name, text string) {
		if text != "" {
			fields = append(fields, web.Field{Name: name, Text: text})
		}
	}
	add("message", wordsFault("The message", d.Message, l.Message, l.Vendor))
	add("details", detailsFault(d.Details, l))
	add("logos", logosFault(d.Logos))
	if d.Reference != "" {
		add("reference", wordsFault("The reference", d.Reference, referenceLimit, ""))
	}
	life := time.Duration(d.ExpiresIn) * time.Second
	if d.ExpiresIn > int(longest/time.Second) || life < s.shortest {
		add("expires_in", fmt.Sprintf("The request can be open for %d to %d seconds.", int(s.shortest/time.Second), int(longest/time.Second)))
	}
	if fields == nil {
		return nil
	}
	return invalid(fields...)
}

// wordsFault is what is wrong with the owner's words, "" if nothing is. The limit
// is a vendor's, or ours if none is named. Words that reorder or hide what stands
// beside them would let a person approve what they cannot read.
func wordsFault(what, text string, limit int, vendor string) string {
	if vendor != "" {
		vendor = " for this user, whom " + vendor + " asks"
	}
	switch n := utf8.RuneCountInString(text); {
	case strings.TrimSpace(text) == "":
		return what + " is empty."
	case n > limit:
		return fmt.Sprintf("%s may have %d characters%s. This one has %d.", what, limit, vendor, n)
	case !web.Clean(text):
		return what + " holds a control character, such as a line end, or one that changes the direction of text. Leave it out."
	}
	return ""
}

// detailsFault is what is wrong with the first detail that is wrong. The rule for
// labels makes every vendor's client read a callback's signature alike.
func detailsFault(details []detail, l push.Limits) string {
	if len(details) > l.Details {
		return fmt.Sprintf("There may be %d details for this user, whom %s asks. These are %d.", l.Details, l.Vendor, len(details))
	}
	for i, d := range details {
		what := fmt.Sprintf("Detail %d", i+1)
		fault := wordsFault(what+": the label", d.Label, l.Label, l.Vendor)
		if fault == "" && !isLabel(d.Label) {
			fault = what + ": write the label in lower_snake_case: letters a to z and digits, words joined by _, a letter first."
		}
		if fault == "" {
			fault = wordsFault(what+": the value", d.Value, l.Value, l.Vendor)
		}
		if fault != "" {
			return fault
		}
		for j, other := range details {
			if i != j && strings.HasPrefix(other.Label, d.Label) {
				return fmt.Sprintf("%s: its label %s is the beginning of another's. Choose labels of which none begins another.", what, d.Label)
			}
		}
	}
	return ""
}

// logosFault is what is wrong with the logos. They are checked for all users,
// since the owner does not know which vendor one has; Verify shows none.
func logosFault(logos []logo) string {
	seen := map[string]bool{}
	for i, l := range logos {
		what := fmt.Sprintf("Logo %d", i+1)
		u, err := url.Parse(l.URL)
		switch {
		case !slices.Contains(sizes, l.Res):
			return what + ": res must be one of " + strings.Join(sizes, ", ") + "."
		case seen[l.Res]:
			return what + ": there is another of this size already."
		case utf8.RuneCountInString(l.URL) > logoLimit:
			return fmt.Sprintf("%s: the address may have %d characters, which is Authy's limit.", what, logoLimit)
		case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !web.Clean(l.URL) || strings.Contains(l.URL, " "):
			return what + ": the address must be one that begins with https://."
		}
		seen[l.Res] = true
	}
	if len(logos) > 0 && !seen["default"] {
		return "One of the logos must have the res default: Authy insists on it."
	}
	return ""
}
