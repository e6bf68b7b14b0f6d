package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// savedEntities is what the state file keeps of Verify: who has which factors,
// and which phone shows whose codes. Challenges and access tokens end with the
// process.
type savedEntities struct {
	Entities       []*entity              `json:"entities"`
	Authenticators map[string]*totpSecret `json:"authenticators"` // by E.164
}

// saveEntities is what the state file keeps; nil is nothing. Callers hold mu.
func (w *world) saveEntities() json.RawMessage {
	st := savedEntities{Entities: []*entity{}, Authenticators: map[string]*totpSecret{}}
	for _, e := range w.entities {
		if e.SID != "" {
			st.Entities = append(st.Entities, e)
		}
	}
	slices.SortFunc(st.Entities, func(a, b *entity) int { return strings.Compare(a.SID, b.SID) })
	for phone, h := range w.phones {
		if h.totp != nil {
			st.Authenticators[phone] = h.totp
		}
	}
	if len(st.Entities) == 0 && len(st.Authenticators) == 0 {
		return nil
	}
	text, err := json.Marshal(st)
	if err != nil {
		return nil // not with these types
	}
	return text
}

// loadEntities fills a new world.
func (w *world) loadEntities(text json.RawMessage) error {
	var st savedEntities
	err := json.Unmarshal(text, &st)
	if err != nil {
		return fmt.Errorf("decoding entities: %w", err)
	}
	for _, e := range st.Entities {
		if e == nil || e.SID == "" || e.Service == "" || !identityShape.MatchString(e.Identity) {
			return errors.New("decoding entities: one without sid, service or identity")
		}
		for _, f := range e.Factors {
			if f == nil || !f.sound() {
				return errors.New("decoding entities: a factor without sid, name, phone or secret")
			}
			if f.kind() == factorPush {
				w.register(f)
			}
		}
		w.entities[entityKey(e.Service, e.Identity)] = e
	}
	for phone, t := range st.Authenticators {
		if !e164.MatchString(phone) || t.check() != nil {
			return errors.New("decoding entities: an authenticator without phone or secret")
		}
		w.handset(phone).totp = t
	}
	return nil
}

// sound reports whether a factor from the state file can be used.
func (f *factor) sound() bool {
	if f.SID == "" || !friendlyName(f.Name) {
		return false
	}
	if f.TOTP == nil {
		return f.Verified && e164.MatchString(f.Phone)
	}
	return f.TOTP.check() == nil && f.Skew >= 0 && f.Skew <= 2
}
