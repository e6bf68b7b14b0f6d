package authy

import (
	"encoding/json"
	"strconv"
)

// answer is the object that Authy answers with, its members undecoded. Authy has
// answered with true and "true", with 60020 and "60020", with 1635 and "1635",
// for the same member; what matters is read as text.
type answer map[string]json.RawMessage

// decode returns the answer, which is empty when data is not a JSON object, such
// as a gateway's page.
func decode(data []byte) answer {
	var a answer
	err := json.Unmarshal(data, &a)
	if err != nil {
		return nil
	}
	return a
}

// text returns a member that is a string, a number or a boolean as text, and ""
// for every other and for none.
func (a answer) text(name string) string {
	raw := a[name]
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		if err != nil {
			return ""
		}
		return s
	case '{', '[', 'n':
		return ""
	default:
		return string(raw)
	}
}

// success is what the answer says of itself. It is not the HTTP status.
func (a answer) success() bool { return a.text("success") == "true" }

// ignored reports whether nothing was sent because the person has the app. The
// member's presence is the signal.
func (a answer) ignored() bool {
	s := a.text("ignored")
	return s != "" && s != "false"
}

// code is Authy's error code, 0 when there is none.
func (a answer) code() int {
	n, err := strconv.Atoi(a.text("error_code"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// user is the id of the person that users/new answers with, "" when it is not a
// number.
func (a answer) user() string {
	id := decode(a["user"]).text("id")
	if !isUser(id) {
		return ""
	}
	return id
}
