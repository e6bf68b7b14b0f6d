package authy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"latchkey/shared/chars"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
)

// isCode reports whether a code may go into a path.
func isCode(s string) bool { return chars.Are(s, 6, 10, chars.Digit) }

// isUser reports whether a person's id may go into a path.
func isUser(s string) bool { return chars.Are(s, 1, 20, chars.Digit) }

// paths are Authy's ways to send. It has none over WhatsApp.
var paths = map[otp.Channel]string{otp.SMS: "sms/", otp.Call: "call/"}

// codes is an application's codes, with or without regard for the app.
type codes struct {
	c     *Client
	force bool
}

// Carries reports whether Authy has the channel.
func (c *codes) Carries(channel otp.Channel) bool { return paths[channel] != "" }

// Send registers the phone when the person has no id yet, which is no secret and
// costs nothing, and sends a code. When the latter fails, the id comes with the
// error, so that it can be kept.
func (c *codes) Send(ctx context.Context, to otp.Target, channel otp.Channel) (otp.Sent, error) {
	path, ok := paths[channel]
	if !ok {
		return otp.Sent{User: to.User}, fmt.Errorf("sending code: authy has no such channel: %w", otp.ErrUnreachable)
	}
	if to.User == "" {
		id, err := c.register(ctx, to)
		if err != nil {
			return otp.Sent{}, fmt.Errorf("registering phone: %w", err)
		}
		to.User = id
	}
	sent := otp.Sent{User: to.User}
	app, err := c.send(ctx, path, to.User, c.force || to.Insist)
	if err != nil {
		return sent, fmt.Errorf("sending code: %w", err)
	}
	sent.App = app
	return sent, nil
}

// register is idempotent at Authy: one phone has one id in an application.
func (c *codes) register(ctx context.Context, to otp.Target) (string, error) {
	national := to.Phone.National(to.CountryCode)
	if !to.Phone.Valid() || "+"+to.CountryCode+national != string(to.Phone) {
		return "", fmt.Errorf("number and country code do not fit: %w", otp.ErrUnreachable)
	}
	call, a, err := c.c.call(ctx, http.MethodPost, protected+"users/new", url.Values{
		"user[email]":               {to.Email},
		"user[cellphone]":           {national},
		"user[country_code]":        {to.CountryCode},
		"send_install_link_via_sms": {"false"},
	}.Encode())
	err = sendFault(call, a, err)
	if err != nil {
		return "", err
	}
	id := a.user()
	if id == "" {
		return "", fmt.Errorf("authy gave no id: %w", otp.ErrUnavailable)
	}
	return id, nil
}

// send reports whether nothing was sent because the person has the app.
func (c *codes) send(ctx context.Context, path, user string, force bool) (bool, error) {
	if !isUser(user) {
		return false, fmt.Errorf("stored authy id is not a number: %w", otp.ErrUnavailable)
	}
	call, a, err := c.c.call(ctx, http.MethodGet, protected+path+user+"?force="+strconv.FormatBool(force), "")
	err = sendFault(call, a, err)
	if err != nil {
		return false, err
	}
	if a.ignored() && force {
		return false, fmt.Errorf("authy sent nothing although forced: %w", otp.ErrUnavailable)
	}
	return a.ignored(), nil
}

// Check asks whether this is a code of the person to.User. Authy knows codes by
// person alone; ref is not used.
func (c *codes) Check(ctx context.Context, to otp.Target, _, typed string) error {
	if to.User == "" {
		return fmt.Errorf("checking code: phone is not registered: %w", otp.ErrGone)
	}
	if !isUser(to.User) {
		return fmt.Errorf("checking code: stored authy id is not a number: %w", otp.ErrUnavailable)
	}
	if !isCode(typed) {
		return fmt.Errorf("checking code: not 6 to 10 digits: %w", otp.ErrWrong)
	}
	call, a, err := c.c.call(ctx, http.MethodGet, protected+"verify/"+typed+"/"+to.User+"?force=true", "")
	if err == nil && approved(call, a) {
		return nil
	}
	return fmt.Errorf("checking code: %w", checkFault(call, a, err))
}

// approved wants all three signs at once.
func approved(call *outbound.Call, a answer) bool {
	return call.Status() == http.StatusOK && a.text("token") == "is valid" && a.success()
}
