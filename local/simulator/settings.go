package simulator

import (
	"net/http"
	"strings"
)

// settingsRoutes are what an operator's tool reads before anything is sent: the
// account, a service with its webhooks, a sender, an Authy application. They are
// as the vendors set them up at first, and nothing changes them.
func (s *Simulator) settingsRoutes(mux *http.ServeMux) {
	v := s.twilio()
	mux.HandleFunc("GET /2010-04-01/Accounts/{file}", s.front(v, nil, s.readAccount))
	mux.HandleFunc("GET /2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", s.front(v, nil, s.listNumbers))
	mux.HandleFunc("GET /v2/Services/{service}", s.front(v, nil, s.readService))
	mux.HandleFunc("GET /v2/Services/{service}/Webhooks", s.front(v, nil, s.listWebhooks))
	mux.HandleFunc("GET /v1/Services/{service}", s.front(v, nil, s.readMessagingService))
	mux.HandleFunc("GET /v1/Services/{service}/PhoneNumbers", s.front(v, nil, s.listSenders))
	mux.HandleFunc("/v1/", s.front(v, nil, messagingNotFound))
	mux.HandleFunc("GET /protected/json/app/details", s.front(s.authyFront(), nil, readApplication))
}

// readAccount answers without the auth_token that the vendor's answer holds.
func (s *Simulator) readAccount(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("file") != s.opts.AccountSID+".json" {
		messagesNotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"sid": s.opts.AccountSID, "owner_account_sid": s.opts.AccountSID, "friendly_name": serviceName,
		"status": "active", "type": "Full", "uri": r.URL.Path,
	})
}

// listNumbers has the one number that may send. The filter takes parts of
// numbers, as the vendor's does.
func (s *Simulator) listNumbers(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("account") != s.opts.AccountSID {
		messagesNotFound(w, r)
		return
	}
	numbers := []map[string]any{}
	if strings.Contains(okSender, r.URL.Query().Get("PhoneNumber")) {
		numbers = append(numbers, map[string]any{
			"sid": "PN" + strings.Repeat("0", 31) + "1", "account_sid": s.opts.AccountSID, "phone_number": okSender,
			"capabilities": map[string]bool{"voice": true, "sms": true, "mms": false, "fax": false},
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"incoming_phone_numbers": numbers, "page": 0, "page_size": defaultPage, "uri": r.URL.Path})
}

func (s *Simulator) readService(w http.ResponseWriter, r *http.Request) {
	sid := r.PathValue("service")
	if !s.services[sid] {
		verifyNotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"sid": sid, "account_sid": s.opts.AccountSID, "friendly_name": serviceName, "code_length": verifyDigits,
		"lookup_enabled": false, "psd2_enabled": false, "skip_sms_to_landlines": false, "dtmf_input_required": true,
		"do_not_share_warning_enabled": false, "custom_code_enabled": false,
		"push": map[string]any{"apn_credential_sid": nil, "fcm_credential_sid": nil, "include_date": false},
		"totp": map[string]any{"issuer": serviceName, "time_step": 30, "code_length": 6, "skew": 1},
		"url":  verifyOrigin + r.URL.Path,
	})
}

// listWebhooks has one for each service, where the stack is called back at all.
func (s *Simulator) listWebhooks(w http.ResponseWriter, r *http.Request) {
	sid := r.PathValue("service")
	if !s.services[sid] {
		verifyNotFound(w, r)
		return
	}
	hooks := []map[string]any{}
	if s.opts.CallbackURL != "" {
		hooks = append(hooks, map[string]any{
			"sid": "YW" + strings.Repeat("0", 31) + "1", "service_sid": sid, "account_sid": s.opts.AccountSID, "friendly_name": serviceName,
			"event_types": []string{"challenge.approved", "challenge.denied"}, "webhook_url": s.opts.CallbackURL, "webhook_method": "POST",
			"status": "enabled", "version": "v2",
		})
	}
	writeList(w, r, "webhooks", hooks)
}

func messagingNotFound(w http.ResponseWriter, r *http.Request) {
	notFoundTwilio(w, strings.TrimPrefix(r.URL.Path, "/v1"))
}

// readMessagingService knows any: messages can be sent from any, too.
func (s *Simulator) readMessagingService(w http.ResponseWriter, r *http.Request) {
	sid := r.PathValue("service")
	if !strings.HasPrefix(sid, "MG") {
		messagingNotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"sid": sid, "account_sid": s.opts.AccountSID, "friendly_name": serviceName})
}

func (s *Simulator) listSenders(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.PathValue("service"), "MG") {
		messagingNotFound(w, r)
		return
	}
	writeList(w, r, "phone_numbers", []map[string]any{{"service_sid": r.PathValue("service"), "account_sid": s.opts.AccountSID, "phone_number": okSender, "capabilities": []string{"SMS"}}})
}

func readApplication(w http.ResponseWriter, _ *http.Request) {
	writeAuthy(w, http.StatusOK, map[string]any{
		"app": map[string]any{
			"name": serviceName, "plan": "starter", "sms_enabled": true, "phone_calls_enabled": true, "onetouch_enabled": true, "app_id": 1,
		},
		"message": "Application information.", "success": true,
	})
}
