package simulator

import "time"

// maxMessages and maxPhones bound what is kept; the oldest go first. Phones with
// a secret do not count.
const (
	maxMessages = 500
	maxPhones   = 500
)

// Kinds of message.
const (
	kindSMS      = "sms"
	kindCall     = "call"
	kindWhatsApp = "whatsapp"
)

// handset is one simulated phone.
type handset struct {
	messages []message
	unread   int    // messages that were never listed
	touched  uint64 // number of the last delivery, for order and eviction
	appSeed  []byte // the Authy app's secret, nil: not installed

	factors map[string]bool // sids of the push factors registered here
	totp    *totpSecret     // the authenticator app's last scan, nil: none
	appLast bool            // the Authy app was put here after that scan
}

// message is an entry of GET /api/phones/{e164}/messages.
type message struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	From   string `json:"from"`
	To     string `json:"to"`
	Body   string `json:"body"`
	SentAt string `json:"sent_at"`
}

// handset returns the phone with that number, making it if need be.
func (w *world) handset(phone string) *handset {
	h := w.phones[phone]
	if h == nil {
		h = &handset{}
		w.phones[phone] = h
	}
	return h
}

// hasApp reports whether the Authy app is on the phone.
func (w *world) hasApp(phone string) bool {
	h := w.phones[phone]
	return h != nil && h.appSeed != nil
}

// holdsSecret reports whether a vendor's record speaks of this very phone.
func (h *handset) holdsSecret() bool {
	return h.appSeed != nil || len(h.factors) > 0 || h.totp != nil
}

// deliver counts a text or call as accepted and, in fair weather, brings it to
// the phone. It reports whether it arrived. Callers hold mu.
func (s *Simulator) deliver(kind, from, to, body string) bool {
	w := s.world
	if kind == kindCall {
		w.stats.Calls++
	} else {
		w.stats.SMS++
	}
	if w.weather.SMS == "drop" {
		return false
	}
	w.deliveries++
	h := w.handset(to)
	h.touched = w.deliveries
	h.add(message{ID: newSID("m"), Kind: kind, From: from, To: to, Body: body, SentAt: s.now().Format(time.RFC3339)})
	w.evict()
	return true
}

func (h *handset) add(m message) {
	h.messages = append(h.messages, m)
	if n := len(h.messages); n > maxMessages {
		h.messages = append([]message(nil), h.messages[n-maxMessages:]...)
	}
	h.unread = min(h.unread+1, maxMessages)
}

// evict forgets the messages of the phone that has been quiet longest. A phone
// with a secret stays, for a user's record speaks of it; however many these are,
// there is room for the others.
func (w *world) evict() {
	if len(w.phones) <= maxPhones {
		return
	}
	oldest, others := "", 0
	for phone, h := range w.phones {
		if h.holdsSecret() {
			continue
		}
		others++
		if oldest == "" || h.touched < w.phones[oldest].touched {
			oldest = phone
		}
	}
	if others > maxPhones {
		delete(w.phones, oldest)
	}
}
