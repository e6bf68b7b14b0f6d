package simulator_test

import (
	"strings"
	"testing"
)

const (
	messagesPath = "/2010-04-01/Accounts/" + account + "/Messages"
	sender       = "+15005550006"
)

func messageShape(from, messagingService, status, segments, sent, body string) string {
	return `{"account_sid":"` + account + `","api_version":"2010-04-01","body":` + body + `,
		"date_created":"Wed, 04 Mar 2026 05:06:07 +0000","date_sent":` + sent + `,"date_updated":"Wed, 04 Mar 2026 05:06:07 +0000",
		"direction":"outbound-api","error_code":null,"error_message":null,"from":` + from + `,"messaging_service_sid":` + messagingService + `,
		"num_media":"0","num_segments":"` + segments + `","price":null,"price_unit":null,"sid":"*","status":"` + status + `",
		"subresource_uris":{"media":"*"},"to":"+14155552671","uri":"*"}`
}

func TestMessageShape(t *testing.T) {
	r := newRig(t)
	a := r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", "You are in.").want(201).
		like(messageShape(`"`+sender+`"`, "null", "queued", "1", "null", `"You are in."`))
	sid := a.text("sid")
	if !strings.HasPrefix(sid, "SM") || len(sid) != 34 || a.text("uri") != messagesPath+"/"+sid+".json" {
		t.Errorf("sid %q, uri %q", sid, a.text("uri"))
	}
	r.twilio("GET", a.text("uri")).want(200).
		like(messageShape(`"`+sender+`"`, "null", "delivered", "1", `"Wed, 04 Mar 2026 05:06:07 +0000"`, `"You are in."`))
	got := r.messages(phone)
	if len(got) != 1 || got[0].Kind != "sms" || got[0].From != sender || got[0].Body != "You are in." {
		t.Errorf("phone shows %+v", got)
	}
}

func TestMessageByServiceOrWhatsApp(t *testing.T) {
	r := newRig(t)
	mg := "MG00000000000000000000000000000001"
	r.twilio("POST", messagesPath+".json", "To", phone, "MessagingServiceSid", mg, "Body", "Hello").want(201).
		like(messageShape("null", `"`+mg+`"`, "accepted", "0", "null", `"Hello"`))
	r.twilio("POST", messagesPath+".json", "To", "whatsapp:"+phone, "From", "whatsapp:"+sender, "Body", "Hi").want(201)
	got := r.messages(phone)
	if len(got) != 2 || got[1].Kind != "whatsapp" || got[1].To != phone {
		t.Errorf("phone shows %+v", got)
	}
}

func TestMessageRefusals(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name, to, from, body string
		code                 int
	}{
		{"no To", "", sender, "x", 21604},
		{"no From", phone, "", "x", 21603},
		{"no Body", phone, sender, "", 21602},
		{"long Body", phone, sender, strings.Repeat("é", 1601), 21617},
		{"To malformed", "4155552671", sender, "x", 21211},
		{"To magic invalid", "+15005550001", sender, "x", 21211},
		{"To magic unroutable", "+15005550002", sender, "x", 21612},
		{"To magic country", "+15005550003", sender, "x", 21408},
		{"To magic blocked", "+15005550004", sender, "x", 21610},
		{"To magic landline", "+15005550009", sender, "x", 21614},
		{"From magic invalid", phone, "+15005550001", "x", 21212},
		{"From malformed", phone, "+1", "x", 21212},
		{"From magic foreign", phone, "+15005550007", "x", 21606},
		{"From magic full", phone, "+15005550008", "x", 21611},
		{"From any other", phone, "+14155550000", "x", 21606},
		{"WhatsApp from a plain number", "whatsapp:" + phone, sender, "x", 21612},
	} {
		t.Run(c.name, func(t *testing.T) {
			var form []string
			for _, p := range [][2]string{{"To", c.to}, {"From", c.from}, {"Body", c.body}} {
				if p[1] != "" {
					form = append(form, p[0], p[1])
				}
			}
			r.twilio("POST", messagesPath+".json", form...).want(400).like(twilioFault(400, c.code))
		})
	}
	r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", strings.Repeat("é", 1600)).want(201)
	if n := len(r.messages(phone)); n != 1 {
		t.Errorf("%d messages on the phone, want 1", n)
	}
}

func TestMessageNotFound(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{messagesPath + "/SM1.json", messagesPath + ".json", "/2010-04-01/Accounts/AC2/Messages/SM1.json", "/2010-04-01/x"} {
		r.twilio("GET", path).want(404).like(twilioFault(404, 20404))
	}
	r.twilio("POST", "/2010-04-01/Accounts/AC2/Messages.json", "To", phone, "From", sender, "Body", "x").want(404)
}

func TestMessageSegments(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ body, want string }{
		{strings.Repeat("a", 160), "1"},
		{strings.Repeat("a", 161), "2"},
		{strings.Repeat("a", 307), "3"},
		{strings.Repeat("{", 81), "2"}, // two septets each
		{strings.Repeat("ж", 70), "1"},
		{strings.Repeat("ж", 71), "2"},
		{strings.Repeat("😀", 36), "2"}, // two UTF-16 units each
	} {
		got := r.twilio("POST", messagesPath+".json", "To", phone, "From", sender, "Body", c.body).want(201).text("num_segments")
		if got != c.want {
			t.Errorf("%d times %q: %s segments, want %s", len([]rune(c.body)), c.body[:1], got, c.want)
		}
	}
}
