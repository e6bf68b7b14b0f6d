package simulator

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	callingCode = regexp.MustCompile(`^\+?[1-9][0-9]{0,2}$`)
	separators  = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "")
	digits      = regexp.MustCompile(`^[0-9]{4,14}$`)
	emailShape  = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// newAuthyUser answers POST users/new. send_install_link_via_sms is accepted
// and has no effect: the phone page's switch installs the app.
func (s *Simulator) newAuthyUser(w http.ResponseWriter, r *http.Request) {
	form, err := authyForm(r)
	if err != nil {
		failAuthy(w, http.StatusBadRequest, "60002", "Invalid request")
		return
	}
	for _, name := range []string{"email", "cellphone", "country_code"} {
		if !form.Has("user[" + name + "]") {
			failAuthy(w, http.StatusBadRequest, "60004", "Invalid parameter: "+name+" - Parameter is required")
			return
		}
	}
	u, faults := authyUserOf(form)
	if len(faults) > 0 {
		writeAuthy(w, http.StatusBadRequest, notValid(faults))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err = s.keepAuthyUser(u)
	if err != nil {
		failAuthy(w, http.StatusServiceUnavailable, "60000", "An error occurred")
		return
	}
	writeAuthy(w, http.StatusOK, map[string]any{
		"message": "User created successfully.",
		"user":    map[string]int{"id": u.ID},
		"success": true,
	})
}

// authyUserOf reads a user and names the fields that are invalid.
func authyUserOf(form url.Values) (*authyUser, []string) {
	u := &authyUser{
		CountryCode: strings.TrimPrefix(form.Get("user[country_code]"), "+"),
		Cellphone:   separators.Replace(form.Get("user[cellphone]")),
		Emails:      []string{form.Get("user[email]")},
	}
	var faults []string
	if !emailShape.MatchString(u.Emails[0]) {
		faults = append(faults, "email")
	}
	if !callingCode.MatchString(u.CountryCode) {
		faults = append(faults, "country_code")
	}
	phoneOK := digits.MatchString(u.Cellphone) && u.phone() != "+15005550001"
	if !phoneOK || (len(faults) == 0 && !e164.MatchString(u.phone())) {
		faults = append(faults, "cellphone")
	}
	return u, faults
}

// notValid repeats each field at the top and in errors, as the vendor does.
func notValid(faults []string) map[string]any {
	body := authyError("60027", "User was not valid")
	inner := map[string]string{"message": "User was not valid"}
	for _, name := range faults {
		body[name], inner[name] = "is invalid", "is invalid"
	}
	body["errors"] = inner
	return body
}

// keepAuthyUser returns the user of that phone, making it if need be. Ids are random,
// so that one from before DELETE /api never comes to mean another phone.
func (s *Simulator) keepAuthyUser(u *authyUser) (*authyUser, error) {
	for _, known := range s.world.authy {
		if known.phone() != u.phone() {
			continue
		}
		if !slices.Contains(known.Emails, u.Emails[0]) {
			known.Emails = append(known.Emails, u.Emails[0])
		}
		return known, s.save()
	}
	for u.ID == 0 || s.world.authy[u.ID] != nil {
		u.ID = 10_000_000 + int(randomBelow(90_000_000))
	}
	s.world.authy[u.ID] = u
	return u, s.save()
}

func (s *Simulator) removeAuthyUser(w http.ResponseWriter, _ *http.Request, u *authyUser) {
	delete(s.world.authy, u.ID)
	err := s.save()
	if err != nil {
		failAuthy(w, http.StatusServiceUnavailable, "60000", "An error occurred")
		return
	}
	writeAuthy(w, http.StatusOK, map[string]any{"message": "User was added to remove.", "success": true})
}

func (s *Simulator) authyStatus(w http.ResponseWriter, _ *http.Request, u *authyUser) {
	devices := []string{}
	if s.world.hasApp(u.phone()) {
		devices = append(devices, authyDevice)
	}
	country, _ := strconv.Atoi(u.CountryCode)
	tail := u.Cellphone[max(0, len(u.Cellphone)-4):]
	writeAuthy(w, http.StatusOK, map[string]any{
		"status": map[string]any{
			"authy_id":         u.ID,
			"confirmed":        u.Confirmed,
			"registered":       len(devices) > 0,
			"country_code":     country,
			"phone_number":     "XXX-XXX-" + tail,
			"email":            u.Emails[0],
			"devices":          devices,
			"has_hard_token":   false,
			"account_disabled": false,
			"detailed_devices": []any{},
			"deleted_devices":  []any{},
		},
		"message": "User status.",
		"success": true,
	})
}
