package approvals

import (
	"errors"
	"strings"
	"testing"
	"time"

	"latchkey/shared/providers"
	"latchkey/shared/web"
)

// faultOf is the sentence about a field, "" if there is none.
func faultOf(t *testing.T, d document, vendor, field string) string {
	t.Helper()
	s := &step{shortest: time.Minute}
	err := s.check(d, providers.Limits(vendor))
	var p *web.Problem
	if err != nil && !errors.As(err, &p) {
		t.Fatal(err)
	}
	if p != nil && (p.Status != 422 || len(p.Fields) != 1) {
		t.Errorf("%+v: %+v", d, p)
	}
	return p.Field(field)
}

func labels(list ...string) []detail {
	var details []detail
	for _, l := range list {
		details = append(details, detail{l, "x"})
	}
	return details
}

func TestCheck(t *testing.T) {
	t.Parallel()
	at := func(res, url string) []logo { return []logo{{"default", "https://id.example.com/x"}, {res, url}} }
	for name, c := range map[string]struct {
		field  string
		change func(d *document)
		says   string // "" if nothing is wrong
	}{
		"as it is":                   {"", func(*document) {}, ""},
		"no details":                 {"", func(d *document) { d.Details = nil }, ""},
		"snake case":                 {"", func(d *document) { d.Details = labels("from_account", "to_account_2", "amount") }, ""},
		"emoji and other writing":    {"", func(d *document) { d.Message = "送金しますか？ 💶" }, ""},
		"no message":                 {"message", func(d *document) { d.Message = "" }, "empty"},
		"blank":                      {"message", func(d *document) { d.Message = " \u00a0" }, "empty"},
		"line end":                   {"message", func(d *document) { d.Message = "Pay\n1 €" }, "control character"},
		"right to left":              {"message", func(d *document) { d.Message = "Pay \u202e001 €" }, "direction"},
		"isolate":                    {"details", func(d *document) { d.Details = []detail{{"to", "\u2066Eve"}} }, "Detail 1: the value"},
		"reference with a bell":      {"reference", func(d *document) { d.Reference = "\a" }, "reference holds a control"},
		"no label":                   {"details", func(d *document) { d.Details = labels("") }, "label is empty"},
		"no value":                   {"details", func(d *document) { d.Details = []detail{{"to", ""}} }, "value is empty"},
		"capitals":                   {"details", func(d *document) { d.Details = labels("amount", "To") }, "Detail 2: write the label in lower_snake_case"},
		"kebab":                      {"details", func(d *document) { d.Details = labels("from-account") }, "lower_snake_case"},
		"blank in a label":           {"details", func(d *document) { d.Details = labels("ip address") }, "lower_snake_case"},
		"digit first":                {"details", func(d *document) { d.Details = labels("2fa") }, "lower_snake_case"},
		"score first":                {"details", func(d *document) { d.Details = labels("_a") }, "lower_snake_case"},
		"score last":                 {"details", func(d *document) { d.Details = labels("a_") }, "lower_snake_case"},
		"two scores":                 {"details", func(d *document) { d.Details = labels("a__b") }, "lower_snake_case"},
		"umlaut":                     {"details", func(d *document) { d.Details = labels("empfänger") }, "lower_snake_case"},
		"brackets":                   {"details", func(d *document) { d.Details = labels("a][") }, "lower_snake_case"},
		"twice":                      {"details", func(d *document) { d.Details = labels("to", "to") }, "beginning of another"},
		"prefix":                     {"details", func(d *document) { d.Details = labels("ip_address", "x", "ip") }, "Detail 3: its label ip is the beginning"},
		"long label":                 {"details", func(d *document) { d.Details = labels(strings.Repeat("a", 37)) }, "36 characters"},
		"too many":                   {"details", func(d *document) { d.Details = many(21) }, "20 details"},
		"as many as go":              {"", func(d *document) { d.Details = many(20) }, ""},
		"logos":                      {"", func(d *document) { d.Logos = at("low", "https://id.example.com/y?z=1") }, ""},
		"no default":                 {"logos", func(d *document) { d.Logos = at("low", "https://x")[1:] }, "default"},
		"two defaults":               {"logos", func(d *document) { d.Logos = at("default", "https://x") }, "another of this size"},
		"no such size":               {"logos", func(d *document) { d.Logos = at("huge", "https://x") }, "Logo 2: res must be one of"},
		"plain http":                 {"logos", func(d *document) { d.Logos = at("low", "http://x") }, "https://"},
		"a script":                   {"logos", func(d *document) { d.Logos = at("low", "javascript:x") }, "https://"},
		"no host":                    {"logos", func(d *document) { d.Logos = at("low", "https:///x") }, "https://"},
		"a password":                 {"logos", func(d *document) { d.Logos = at("low", "https://a:b@x/") }, "https://"},
		"long address":               {"logos", func(d *document) { d.Logos = at("low", "https://x/"+strings.Repeat("x", 191)) }, "200 characters"},
		"an hour":                    {"", func(d *document) { d.ExpiresIn = 3600 }, ""},
		"a minute":                   {"", func(d *document) { d.ExpiresIn = 60 }, ""},
		"more than an hour":          {"expires_in", func(d *document) { d.ExpiresIn = 3601 }, "60 to 3600"},
		"less than a minute":         {"expires_in", func(d *document) { d.ExpiresIn = 59 }, "60 to 3600"},
		"never":                      {"expires_in", func(d *document) { d.ExpiresIn = 0 }, "60 to 3600"},
		"before it began":            {"expires_in", func(d *document) { d.ExpiresIn = -300 }, "60 to 3600"},
		"so long that it turns over": {"expires_in", func(d *document) { d.ExpiresIn = 1 << 62 }, "60 to 3600"},
	} {
		for _, vendor := range []string{"verify", "authy"} {
			d := document{Message: "Transfer?", Details: labels("amount", "to"), ExpiresIn: usual}
			c.change(&d)
			got := faultOf(t, d, vendor, c.field)
			if c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("%s, %s: %q", name, vendor, got)
			}
		}
	}
}

// many are n details with labels of which none begins another.
func many(n int) []detail {
	var list []string
	for i := range n {
		list = append(list, "label_"+string(rune('a'+i)))
	}
	return labels(list...)
}

// A retry from the next of a role's machines comes from the same caller; two
// roles, or two users, are two.
func TestPrincipal(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:sts::123456789012:assumed-role/bank/machine-1":     "arn:aws:sts::123456789012:assumed-role/bank",
		"arn:aws:sts::123456789012:assumed-role/bank/a@b.example":   "arn:aws:sts::123456789012:assumed-role/bank",
		"arn:aws-cn:sts::123456789012:assumed-role/bank/x":          "arn:aws-cn:sts::123456789012:assumed-role/bank",
		"arn:aws:iam::123456789012:user/team/bank":                  "arn:aws:iam::123456789012:user/team/bank",
		"arn:aws:iam::123456789012:root":                            "arn:aws:iam::123456789012:root",
		"arn:aws:sts::123456789012:federated-user/bank":             "arn:aws:sts::123456789012:federated-user/bank",
		"arn:aws:iam::123456789012:user/sts:x:assumed-role/bank/me": "arn:aws:iam::123456789012:user/sts:x:assumed-role/bank/me",
	} {
		if got := principal(arn); got != want {
			t.Errorf("%s: %s", arn, got)
		}
	}
	a, b := newID("p", "key"), newID("p", "key")
	if a == b || a[:32] != b[:32] || newID("q", "key")[:32] == a[:32] || newID("p", "yek")[:32] == a[:32] {
		t.Errorf("%s %s", a, b)
	}
}
