package simulator

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// maxMessageBody is in characters.
const maxMessageBody = 1600

// rfc2822 is how Messages writes times, unlike Verify.
const rfc2822 = "Mon, 02 Jan 2006 15:04:05 -0700"

// okSender is the one number that may send (Twilio's test credentials know it
// as the sender that works).
const okSender = "+15005550006"

// maxSent bounds the messages that can be fetched again.
const maxSent = 1000

// messageLog keeps sent messages, oldest first.
type messageLog struct {
	sent []sentMessage
}

type sentMessage struct {
	sid, from, service, to, body string
	created                      time.Time
	arrived                      bool
}

func (l *messageLog) add(m sentMessage) {
	l.sent = append(l.sent, m)
	if n := len(l.sent); n > maxSent {
		l.sent = append([]sentMessage(nil), l.sent[n-maxSent:]...)
	}
}

func (l *messageLog) find(sid string) (sentMessage, bool) {
	for _, m := range l.sent {
		if m.sid == sid {
			return m, true
		}
	}
	return sentMessage{}, false
}

func (s *Simulator) messageRoutes(mux *http.ServeMux) {
	v := s.twilio()
	mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Messages.json", s.front(v, nil, s.createMessage))
	mux.HandleFunc("GET /2010-04-01/Accounts/{account}/Messages/{file}", s.front(v, nil, s.fetchMessage))
	mux.HandleFunc("/2010-04-01/", s.front(v, nil, messagesNotFound))
}

func messagesNotFound(w http.ResponseWriter, r *http.Request) {
	notFoundTwilio(w, r.URL.Path)
}

func (s *Simulator) createMessage(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("account") != s.opts.AccountSID {
		messagesNotFound(w, r)
		return
	}
	m := sentMessage{
		sid:     newSID("SM"),
		from:    r.PostFormValue("From"),
		service: r.PostFormValue("MessagingServiceSid"),
		to:      r.PostFormValue("To"),
		body:    r.PostFormValue("Body"),
		created: s.now(),
	}
	bad, failed := m.refused()
	if failed {
		bad.write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, from, to := m.route()
	m.arrived = s.deliver(kind, from, to, m.body)
	s.world.messages.add(m)
	status := "queued"
	if m.service != "" {
		status = "accepted"
	}
	writeJSON(w, http.StatusCreated, s.messageView(m, status))
}

// refused applies the codes of Twilio's error list that a create can meet, the
// magic numbers of its test credentials included.
func (m sentMessage) refused() (refusal, bool) {
	fail := func(code int, message string) (refusal, bool) {
		return refusal{http.StatusBadRequest, code, message}, true
	}
	switch {
	case m.to == "":
		return fail(21604, "A 'To' phone number is required.")
	case m.from == "" && m.service == "":
		return fail(21603, "A 'From' number or a 'MessagingServiceSid' is required.")
	case m.body == "":
		return fail(21602, "Message body is required.")
	case utf8.RuneCountInString(m.body) > maxMessageBody:
		return fail(21617, "The message body exceeds the limit of 1600 characters.")
	}
	_, from, to := m.route()
	if m.service == "" {
		code := senderFault(from)
		if code != 0 {
			return fail(code, "The 'From' number "+m.from+" cannot be used.")
		}
	}
	code := recipientFault(to)
	if code != 0 {
		return fail(code, "The 'To' number "+m.to+" cannot be reached.")
	}
	if m.service == "" && whatsApp(m.from) != whatsApp(m.to) {
		return fail(21612, "The 'To' number cannot be reached from this 'From'.")
	}
	return refusal{}, false
}

func whatsApp(address string) bool { return strings.HasPrefix(address, "whatsapp:") }

// route returns the kind of message and the bare addresses. A messaging
// service picks its number itself.
func (m sentMessage) route() (kind, from, to string) {
	kind, from, to = kindSMS, m.from, m.to
	if whatsApp(to) {
		kind = kindWhatsApp
	}
	if from == "" {
		from = okSender
	}
	return kind, strings.TrimPrefix(from, "whatsapp:"), strings.TrimPrefix(to, "whatsapp:")
}

func senderFault(from string) int {
	switch from {
	case okSender:
		return 0
	case "+15005550001":
		return 21212
	case "+15005550008":
		return 21611
	}
	if strings.HasPrefix(from, "+") && !e164.MatchString(from) {
		return 21212
	}
	return 21606
}

func recipientFault(to string) int {
	switch to {
	case "+15005550001":
		return 21211
	case "+15005550002":
		return 21612
	case "+15005550003":
		return 21408
	case "+15005550004":
		return 21610
	case "+15005550009":
		return 21614
	}
	if !e164.MatchString(to) {
		return 21211
	}
	return 0
}

func (s *Simulator) fetchMessage(w http.ResponseWriter, r *http.Request) {
	sid, ok := strings.CutSuffix(r.PathValue("file"), ".json")
	s.mu.Lock()
	m, found := s.world.messages.find(sid)
	s.mu.Unlock()
	if !ok || !found || r.PathValue("account") != s.opts.AccountSID {
		messagesNotFound(w, r)
		return
	}
	status := "delivered"
	if !m.arrived {
		status = "sent"
	}
	writeJSON(w, http.StatusOK, s.messageView(m, status))
}
