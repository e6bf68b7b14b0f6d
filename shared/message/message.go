// Package message sends short texts with Twilio's Messages resource
// (https://www.twilio.com/docs/messaging/api/message-resource): one attempt, no
// waiting for delivery. Codes do not go this way; see packages verify and authy.
//
// It must not know what the texts say, nor steps, sessions or the table.
package message

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"latchkey/shared/chars"
	"latchkey/shared/env"
	"latchkey/shared/outbound"
	"latchkey/shared/outbound/twilio"
	"latchkey/shared/phone"
	"latchkey/shared/testnumbers"
)

// limit is how long Send may take, within the caller's context: a visitor waits
// for the page that follows (parity 136).
const limit = 2 * time.Second

const (
	helpNumber  = "a number of yours stands under Phone Numbers > Manage > Active numbers in the Twilio console, to be written as +15017122661"
	helpService = "make a Messaging Service under Messaging > Services in the Twilio console; its SID begins with MG"
)

// isSender reports whether s is a number in E.164, a short code, or a sender's
// name: letters, digits and blanks, with a letter among them.
func isSender(s string) bool {
	unnamed := func(c byte) bool { return chars.Digit(c) || c == ' ' }
	named := func(c byte) bool { return unnamed(c) || chars.Letter(c) }
	return phone.Number(s).Valid() || chars.Are(s, 3, 8, chars.Digit) || chars.Some(s, named) && !chars.Some(s, unnamed)
}

var (
	// ErrOff: the deployment names no sender.
	ErrOff = errors.New("texts are switched off")
	// ErrRefused: the vendor answered that it will not send this text. After any
	// other error it is not known whether the text is on its way.
	ErrRefused = errors.New("text refused")
)

// Client sends texts from one sender.
type Client struct {
	bind    func(context.Context) (*outbound.Call, *api.ApiService) // holds the secret, out of reach of format verbs
	from    string
	service string
	tests   *testnumbers.Numbers
	now     func() time.Time
}

// New reads TWILIO_MESSAGING_SERVICE_SID or else TWILIO_NUMBER, TWILIO_API_URL,
// the account's variables (see twilio.Read) and the numbers for tests. With
// neither sender texts are switched off and nothing else is read. Faults go to
// vars.
func New(cfg env.Config, vars *env.Vars) *Client {
	c := &Client{}
	const name, serviceName = "TWILIO_NUMBER", "TWILIO_MESSAGING_SERVICE_SID"
	c.from = vars.String(name, "")
	if vars.String(serviceName, "") != "" {
		c.service = twilio.SID(vars, "MG", helpService, serviceName)
	} else if c.from == "" {
		return c
	} else if !isSender(c.from) {
		vars.Fault(name, "is not a sender: %s", helpNumber)
	}
	c.tests, c.now = testnumbers.New(cfg, vars), cfg.Now
	c.bind = binder(cfg, twilio.Read(vars), vars.URL("TWILIO_API_URL", "https://api.twilio.com"))
	return c
}

// binder is verify's, over another of twilio-go's generated packages, which
// share no interface.
func binder(cfg env.Config, a twilio.Account, url string) func(context.Context) (*outbound.Call, *api.ApiService) {
	if cfg.Warm != nil {
		cfg.Warm(url, 1)
	}
	return func(ctx context.Context) (*outbound.Call, *api.ApiService) {
		call := outbound.Bind(ctx, cfg.HTTP, url)
		c := &client.Client{Credentials: client.NewCredentials(a.User, a.Password), HTTPClient: call.HTTP()}
		c.SetAccountSid(a.SID)
		return call, api.NewApiService(&client.RequestHandler{Client: c})
	}
}

// On reports whether the deployment sends texts at all.
func (c *Client) On() bool { return c.bind != nil }

// Send makes one attempt to send body and never repeats it. Nil means that
// Twilio took the text, not that it arrived. A number for tests is sent nothing,
// and that is nil, too.
func (c *Client) Send(ctx context.Context, to phone.Number, body string) error {
	if !c.On() {
		return ErrOff
	}
	_, test := c.tests.Code(to, c.now())
	if test {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call, service := c.bind(ctx)
	m, err := service.CreateMessage(c.params(to, body))
	if err != nil {
		return fmt.Errorf("sending text: %w", fault(call, err))
	}
	if m.Sid == nil || *m.Sid == "" {
		return errors.New("sending text: message got no identifier")
	}
	return nil
}

func (c *Client) params(to phone.Number, body string) *api.CreateMessageParams {
	p := &api.CreateMessageParams{}
	p.SetTo(string(to))
	p.SetBody(body)
	if c.service != "" {
		p.SetMessagingServiceSid(c.service)
	} else {
		p.SetFrom(c.from)
	}
	return p
}

// fault does not wrap err, which quotes addresses and numbers.
func fault(call *outbound.Call, err error) error {
	if call.Err() != nil {
		return call.Err()
	}
	var refused *client.TwilioRestError
	if !errors.As(err, &refused) {
		return twilio.Refusal("message", call.Status(), 0)
	}
	answer := twilio.Refusal("message", call.Status(), refused.Code)
	if call.Status() >= http.StatusInternalServerError {
		return answer
	}
	return fmt.Errorf("%w: %w", answer, ErrRefused)
}
