package simulator

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
)

// oneTouchCall is the body of Authy's callback. Many members
// are null in recordings and are so here.
type oneTouchCall struct {
	AuthyID   int             `json:"authy_id"`
	DeviceID  uint32          `json:"device_uuid"`
	Action    string          `json:"callback_action"`
	UUID      string          `json:"uuid"`
	Status    string          `json:"status"`
	Request   oneTouchRequest `json:"approval_request"`
	Signature string          `json:"signature"` // the device's, over nothing that is checked
	Device    oneTouchDevice  `json:"device"`
}

type oneTouchRequest struct {
	Transaction oneTouchTransaction `json:"transaction"`
	Expires     int64               `json:"expiration_timestamp"` // 0: never, unconfirmed
	Logos       []logo              `json:"logos"`
	AppID       string              `json:"app_id"`
}

type oneTouchTransaction struct {
	Details          *details `json:"details"`
	DeviceDetails    struct{} `json:"device_details"`
	Geolocation      string   `json:"device_geolocation"`
	SigningTime      int64    `json:"device_signing_time"`
	Encrypted        bool     `json:"encrypted"`
	Flagged          bool     `json:"flagged"`
	HiddenDetails    *details `json:"hidden_details"`
	Message          string   `json:"message"`
	Reason           *string  `json:"reason"`
	RequesterDetails *string  `json:"requester_details"`
	Status           string   `json:"status"`
	UUID             string   `json:"uuid"`
	CreatedAt        int64    `json:"created_at_time"`
	CustomerUUID     int      `json:"customer_uuid"`
}

type oneTouchDevice struct {
	City                 *string  `json:"city"`
	Country              *string  `json:"country"`
	IP                   string   `json:"ip"`
	Region               *string  `json:"region"`
	RegistrationCity     *string  `json:"registration_city"`
	RegistrationCountry  *string  `json:"registration_country"`
	RegistrationIP       *string  `json:"registration_ip"`
	RegistrationMethod   *string  `json:"registration_method"`
	RegistrationRegion   *string  `json:"registration_region"`
	OSType               string   `json:"os_type"`
	LastAccountRecovery  *string  `json:"last_account_recovery_at"`
	ID                   uint32   `json:"id"`
	RegistrationDate     *int64   `json:"registration_date"`
	LastSyncDate         *int64   `json:"last_sync_date"`
	UnlockMethods        []string `json:"enabled_unlock_methods"`
	LastUnlockMethodUsed string   `json:"last_unlock_method_used"`
	LastUnlockDate       int64    `json:"last_unlock_date"`
	Multidevice          bool     `json:"multidevice_enabled"`
	MultideviceUpdated   *int64   `json:"multidevice_updated_at"`
}

// oneTouchCallback tells of the answer to a, signed as A.7 has it.
func (s *Simulator) oneTouchCallback(a *approval) callback {
	body, err := json.Marshal(oneTouchCallOf(a))
	if err != nil {
		s.log.Error("authy callback not encoded", "error", err)
	}
	query, err := bodyQuery(body)
	if err != nil {
		s.log.Error("authy callback not signed", "error", err)
	}
	nonce := strconv.FormatInt(s.now().Unix(), 10)
	return callback{
		header: http.Header{
			"Content-Type":            {"application/json"},
			"X-Authy-Signature":       {authySignature(s.opts.AuthyKey, nonce, http.MethodPost, s.opts.CallbackURL, query)},
			"X-Authy-Signature-Nonce": {nonce},
		},
		body: body,
	}
}

func oneTouchCallOf(a *approval) oneTouchCall {
	o := a.oneTouch
	c := oneTouchCall{
		AuthyID:  o.authyID,
		DeviceID: o.deviceID,
		Action:   "approval_request_status",
		UUID:     a.id,
		Status:   a.decision,
		Request: oneTouchRequest{
			Transaction: oneTouchTransaction{
				Details:       orNull(o.details),
				SigningTime:   a.answered.Unix(),
				HiddenDetails: orNull(o.hidden),
				Message:       o.message,
				Status:        a.decision,
				UUID:          a.id,
				CreatedAt:     a.created.Unix(),
				CustomerUUID:  oneTouchAppSerial,
			},
			Logos: o.logos,
			AppID: oneTouchAppID,
		},
		Signature: base64.StdEncoding.EncodeToString(randomBytes(256)),
		Device: oneTouchDevice{
			IP:                   "203.0.113.7",
			OSType:               authyDevice,
			ID:                   o.deviceID,
			UnlockMethods:        []string{"pin", "fingerprint"},
			LastUnlockMethodUsed: "fingerprint",
			LastUnlockDate:       a.answered.Unix(),
		},
	}
	if !a.expires.IsZero() {
		c.Request.Expires = a.expires.Unix()
	}
	return c
}

// orNull is how Authy writes details that were not given.
func orNull(lines details) *details {
	if len(lines) == 0 {
		return nil
	}
	return &lines
}
