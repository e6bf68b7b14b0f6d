package simulator

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// messageView is the Message resource: counts are strings, the uri is relative.
type messageView struct {
	AccountSID   string            `json:"account_sid"`
	APIVersion   string            `json:"api_version"`
	Body         string            `json:"body"`
	DateCreated  string            `json:"date_created"`
	DateSent     *string           `json:"date_sent"`
	DateUpdated  string            `json:"date_updated"`
	Direction    string            `json:"direction"`
	ErrorCode    *int              `json:"error_code"`
	ErrorMessage *string           `json:"error_message"`
	From         *string           `json:"from"`
	ServiceSID   *string           `json:"messaging_service_sid"`
	NumMedia     string            `json:"num_media"`
	NumSegments  string            `json:"num_segments"`
	Price        *string           `json:"price"`
	PriceUnit    *string           `json:"price_unit"`
	SID          string            `json:"sid"`
	Status       string            `json:"status"`
	Subresources map[string]string `json:"subresource_uris"`
	To           string            `json:"to"`
	URI          string            `json:"uri"`
}

func (s *Simulator) messageView(m sentMessage, status string) messageView {
	base := "/2010-04-01/Accounts/" + s.opts.AccountSID + "/Messages/" + m.sid
	created := m.created.Format(rfc2822)
	v := messageView{
		AccountSID:   s.opts.AccountSID,
		APIVersion:   "2010-04-01",
		Body:         m.body,
		DateCreated:  created,
		DateUpdated:  created,
		Direction:    "outbound-api",
		NumMedia:     "0",
		NumSegments:  strconv.Itoa(segments(m.body)),
		SID:          m.sid,
		Status:       status,
		Subresources: map[string]string{"media": base + "/Media.json"},
		To:           m.to,
		URI:          base + ".json",
	}
	if m.service != "" {
		v.ServiceSID = &m.service
	} else {
		v.From = &m.from
	}
	if status == "accepted" {
		v.NumSegments = "0"
	}
	if status == "sent" || status == "delivered" {
		v.DateSent = &created
	}
	return v
}

// segments counts SMS parts: 160 characters alone or 153 each in the 7-bit
// alphabet (3GPP TS 23.038), 70 or 67 UTF-16 units otherwise.
func segments(body string) int {
	units, alone, each := 0, 160, 153
	for _, r := range body {
		switch {
		case strings.ContainsRune(gsmExtended, r):
			units += 2
		case strings.ContainsRune(gsmBasic, r):
			units++
		default:
			return parts(len(utf16.Encode([]rune(body))), 70, 67)
		}
	}
	return parts(units, alone, each)
}

func parts(units, alone, each int) int {
	if units <= alone {
		return 1
	}
	return (units + each - 1) / each
}

const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)
