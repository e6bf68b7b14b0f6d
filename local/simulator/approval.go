package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// maxApprovals bounds what is kept of all phones together; the oldest go
// first.
const maxApprovals = 500

// Decisions of an approval.
const (
	statusPending  = "pending"
	statusApproved = "approved"
	statusDenied   = "denied"
	statusExpired  = "expired"
)

// approval is one push request of either vendor, as the phone shows it.
type approval struct {
	id       string // the vendor's: a OneTouch uuid or a challenge's sid
	phone    string // E.164
	message  string
	details  []detail
	decision string // statusPending until the person answers
	created  time.Time
	expires  time.Time // zero: never
	answered time.Time

	// callback makes what the vendor tells the stack about the answer; nil when
	// nobody is told. It is called with mu held.
	callback func(a *approval) callback

	oneTouch *oneTouch     // what Authy keeps beside, nil for Verify
	number   uint64        // of all approvals, for their order
	told     chan struct{} // closed once the callback has been dealt with
}

// detail is a line of an approval.
type detail struct{ label, value string }

// status is the decision, or that it is too late for one.
func (a *approval) status(now time.Time) string {
	if a.decision == statusPending && !a.expires.IsZero() && !now.Before(a.expires) {
		return statusExpired
	}
	return a.decision
}

// ask puts a new approval on its phone. A zero created or decision is filled
// in. Callers hold mu.
func (s *Simulator) ask(a *approval) {
	w := s.world
	w.stats.Approvals++
	w.asked++
	w.deliveries++
	a.number, a.told = w.asked, make(chan struct{})
	if a.created.IsZero() {
		a.created = s.now()
	}
	if a.decision == "" {
		a.decision = statusPending
	}
	w.approvals[a.id] = a
	w.handset(a.phone).touched = w.deliveries
	w.evict()
	if len(w.approvals) <= maxApprovals {
		return
	}
	oldest := a
	for _, other := range w.approvals {
		if other.number < oldest.number {
			oldest = other
		}
	}
	delete(w.approvals, oldest.id)
}

// decide is the person's answer. It returns 200, or another status and a
// sentence for whoever decided.
func (s *Simulator) decide(phone, id, decision string) (int, string) {
	if decision != statusApproved && decision != statusDenied {
		return http.StatusBadRequest, `Say {"decision":"approved"} or {"decision":"denied"}.`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.world.approvals[id]
	if a == nil || a.phone != phone {
		return http.StatusNotFound, "This phone has no such approval request."
	}
	now := s.now()
	switch a.status(now) {
	case statusPending:
	case statusExpired:
		return http.StatusConflict, "This request has expired."
	default:
		return http.StatusConflict, fmt.Sprintf("This request was %s already.", a.decision)
	}
	a.decision, a.answered = decision, now
	s.tell(a)
	return http.StatusOK, ""
}

// approvalView is an entry of GET /api/phones/{e164}/approvals.
type approvalView struct {
	ID        string  `json:"id"`
	Message   string  `json:"message"`
	Details   details `json:"details"`
	Logos     []logo  `json:"logos,omitempty"` // Authy's
	Status    string  `json:"status"`
	ExpiresAt *string `json:"expires_at"` // null: never
}

// details is a JSON object in the order of its lines.
type details []detail

// MarshalJSON writes the lines as members; a label that comes twice, which
// Verify allows, is numbered.
func (d details) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	seen := map[string]int{}
	for i, line := range d {
		if i > 0 {
			out.WriteByte(',')
		}
		label := line.label
		seen[label]++
		if n := seen[label]; n > 1 {
			label = fmt.Sprintf("%s (%d)", label, n)
		}
		name, err := json.Marshal(label)
		if err != nil {
			return nil, fmt.Errorf("encoding label: %w", err)
		}
		value, err := json.Marshal(line.value)
		if err != nil {
			return nil, fmt.Errorf("encoding value: %w", err)
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// approvalsOf are the requests of a phone, the newest first. Callers hold mu.
func (w *world) approvalsOf(phone string) []*approval {
	var list []*approval
	for _, a := range w.approvals {
		if a.phone == phone {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *approval) int { return int(b.number) - int(a.number) })
	return list
}

// pendingApprovals counts by phone. Callers hold mu.
func (w *world) pendingApprovals(now time.Time) map[string]int {
	count := map[string]int{}
	for _, a := range w.approvals {
		if a.status(now) == statusPending {
			count[a.phone]++
		}
	}
	return count
}

func (s *Simulator) listApprovals(w http.ResponseWriter, _ *http.Request, phone string) {
	views := []approvalView{}
	s.mu.Lock()
	now := s.now()
	for _, a := range s.world.approvalsOf(phone) {
		v := approvalView{ID: a.id, Message: a.message, Details: a.details, Status: a.status(now)}
		if a.oneTouch != nil {
			v.Logos = a.oneTouch.logos
		}
		if !a.expires.IsZero() {
			at := isoTime(a.expires)
			v.ExpiresAt = &at
		}
		views = append(views, v)
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, views)
}

func (s *Simulator) decideApproval(w http.ResponseWriter, r *http.Request, phone string) {
	var req struct{ Decision string }
	if !readJSON(w, r, &req) {
		return
	}
	status, sentence := s.decide(phone, r.PathValue("id"), req.Decision)
	if status != http.StatusOK {
		refuse(w, status, sentence)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": req.Decision})
}
