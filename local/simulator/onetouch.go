package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// What the simulated application is called and numbered; the customer never
// chooses any of it.
const (
	oneTouchAppID     = "5f1c0ffee5f1c0ffee5f1c0f"
	oneTouchAppSerial = 46113
)

// oneTouch is what Authy keeps of an approval request beside the approval.
// What was read from the user stays true when the user is removed.
type oneTouch struct {
	message string
	details []detail
	hidden  []detail
	logos   []logo
	life    int // seconds_to_expire, 0: never

	recordID string // _id
	authyID  int
	email    string
	deviceID uint32 // of the phone's app when it was asked
}

// logo is an image beside the message; the phone page loads none.
type logo struct {
	Res string `json:"res"`
	URL string `json:"url"`
}

func (s *Simulator) oneTouchRoutes(mux *http.ServeMux, v vendor) {
	const base = "/onetouch/json/"
	mux.HandleFunc("POST "+base+"users/{id}/approval_requests", s.front(v, nil, s.createOneTouch))
	mux.HandleFunc("GET "+base+"approval_requests/{uuid}", s.front(v, nil, s.showOneTouch))
	mux.HandleFunc(base, s.front(v, nil, authyNotFound))
}

func (s *Simulator) createOneTouch(w http.ResponseWriter, r *http.Request) {
	list, err := orderedParams(r)
	if err != nil {
		failAuthy(w, http.StatusBadRequest, "60002", "Invalid request")
		return
	}
	var a *approval
	s.withUser(func(w http.ResponseWriter, _ *http.Request, u *authyUser) {
		a = s.askUser(w, u, list)
	})(w, r)
	if a == nil {
		return
	}
	s.held(r, a)
	writeAuthy(w, http.StatusOK, map[string]any{
		"approval_request": map[string]string{"uuid": a.id},
		"success":          true,
	})
}

// askUser puts the request on the user's phone, or answers why not and returns
// nil. The vendor's status for a user without a device is not known; 400 is
// what it gives other refusals of this kind.
func (s *Simulator) askUser(w http.ResponseWriter, u *authyUser, list []param) *approval {
	if !s.world.hasApp(u.phone()) {
		failAuthy(w, http.StatusBadRequest, "60051", "Device not found")
		return nil
	}
	o, fault := oneTouchOf(list)
	if fault != nil {
		failAuthy(w, http.StatusBadRequest, fault.code, fault.message)
		return nil
	}
	o.recordID = hex.EncodeToString(randomBytes(12))
	o.authyID, o.email = u.ID, u.Emails[0]
	o.deviceID = deviceID(s.world.phones[u.phone()].appSeed)
	a := &approval{
		id:       newUUID(),
		phone:    u.phone(),
		message:  o.message,
		details:  o.details,
		decision: statusPending,
		created:  s.now(),
		callback: s.oneTouchCallback,
		oneTouch: o,
	}
	if o.life > 0 {
		a.expires = a.created.Add(time.Duration(o.life) * time.Second)
	}
	s.ask(a)
	return a
}

func newUUID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40 // RFC 9562: version 4, variant 10
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// deviceID is one per installation of the app.
func deviceID(seed []byte) uint32 {
	sum := sha256.Sum256(seed)
	return binary.BigEndian.Uint32(sum[:]) & 0x7fffffff
}

// oneTouchView is approval_request of the poll's answer.
type oneTouchView struct {
	AppName     string  `json:"_app_name"`
	AppSerialID int     `json:"_app_serial_id"`
	AuthyID     int     `json:"_authy_id"`
	ID          string  `json:"_id"`
	UserEmail   string  `json:"_user_email"`
	AppID       string  `json:"app_id"`
	CreatedAt   string  `json:"created_at"`
	Notified    bool    `json:"notified"`
	ProcessedAt *string `json:"processed_at"`
	Life        int     `json:"seconds_to_expire"`
	Status      string  `json:"status"`
	UpdatedAt   string  `json:"updated_at"`
	UserID      string  `json:"user_id"`
	UUID        string  `json:"uuid"`
}

func (s *Simulator) showOneTouch(w http.ResponseWriter, r *http.Request) {
	uuid := r.PathValue("uuid")
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.world.approvals[uuid]
	if a == nil || a.oneTouch == nil {
		body := authyError("60049", "Approval request not found: "+uuid)
		body["errors"] = struct{}{}
		writeAuthy(w, http.StatusNotFound, body)
		return
	}
	writeAuthy(w, http.StatusOK, map[string]any{"approval_request": oneTouchViewOf(a, s.now()), "success": true})
}

func oneTouchViewOf(a *approval, now time.Time) oneTouchView {
	o := a.oneTouch
	v := oneTouchView{
		AppName:     serviceName,
		AppSerialID: oneTouchAppSerial,
		AuthyID:     o.authyID,
		ID:          o.recordID,
		UserEmail:   o.email,
		AppID:       oneTouchAppID,
		CreatedAt:   isoTime(a.created),
		Life:        o.life,
		Status:      a.status(now),
		UpdatedAt:   isoTime(a.created),
		UserID:      fmt.Sprintf("%024x", o.authyID),
		UUID:        a.id,
	}
	if !a.answered.IsZero() {
		v.UpdatedAt = isoTime(a.answered)
		v.ProcessedAt = &v.UpdatedAt
	}
	return v
}
