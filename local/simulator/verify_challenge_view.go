package simulator

import "encoding/json"

// challengeView is the Challenge resource.
type challengeView struct {
	SID             string            `json:"sid"`
	AccountSID      string            `json:"account_sid"`
	ServiceSID      string            `json:"service_sid"`
	EntitySID       string            `json:"entity_sid"`
	Identity        string            `json:"identity"`
	FactorSID       string            `json:"factor_sid"`
	DateCreated     string            `json:"date_created"`
	DateUpdated     string            `json:"date_updated"`
	DateResponded   *string           `json:"date_responded"`
	ExpirationDate  string            `json:"expiration_date"`
	Status          string            `json:"status"`
	RespondedReason string            `json:"responded_reason"`
	Details         *detailsView      `json:"details"` // null for TOTP (unconfirmed)
	HiddenDetails   json.RawMessage   `json:"hidden_details"`
	Metadata        *struct{}         `json:"metadata"`
	FactorType      string            `json:"factor_type"`
	URL             string            `json:"url"`
	Links           map[string]string `json:"links"`
}

type detailsView struct {
	Message string      `json:"message"`
	Date    string      `json:"date"`
	Fields  []fieldView `json:"fields"`
}

type fieldView struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

func (c *challenge) detailsView() *detailsView {
	if c.factor.TOTP != nil {
		return nil
	}
	v := &detailsView{Message: c.message, Date: isoTime(c.created), Fields: []fieldView{}}
	for _, line := range c.details {
		v.Fields = append(v.Fields, fieldView{line.label, line.value})
	}
	return v
}

func (s *Simulator) challengeView(e *entity, c *challenge) challengeView {
	address := e.url() + "/Challenges/" + c.id
	v := challengeView{
		SID:             c.id,
		AccountSID:      s.opts.AccountSID,
		ServiceSID:      e.Service,
		EntitySID:       e.SID,
		Identity:        e.Identity,
		FactorSID:       c.factor.SID,
		DateCreated:     isoTime(c.created),
		DateUpdated:     isoTime(c.created),
		ExpirationDate:  isoTime(c.expires),
		Status:          c.status(s.now()),
		RespondedReason: "none",
		Details:         c.detailsView(),
		HiddenDetails:   c.hidden,
		FactorType:      c.factor.kind(),
		URL:             address,
		Links:           map[string]string{"notifications": address + "/Notifications"},
	}
	if !c.answered.IsZero() {
		at := isoTime(c.answered)
		v.DateUpdated, v.DateResponded = at, &at
	}
	return v
}
