// Package verify sends and checks codes, asks devices and keeps factors with
// Twilio Verify v2 (https://www.twilio.com/docs/verify/api). Only the status
// "approved" is a yes here, and "verified" when a factor is confirmed: Verify
// answers a wrong code with 2xx, too.
//
// Codes are checked by the identifier of the verification that the session
// stored, never by the phone: whoever could name a phone could otherwise use a
// code that was sent for another session's sake. Sign-up and login may use two
// services, because a service has one code per phone, and strangers can start a
// sign-up for any phone.
//
// Factors belong to an identity, which is our user's id: opaque, lower case and
// the same for ever. twilio-go puts identities and identifiers into paths as
// they are, so that each is matched before it goes there.
//
// It must not know steps, sessions or the table.
package verify

import (
	"context"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/verify/v2"

	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/outbound/twilio"
	"latchkey/shared/push"
)

// Name is how sessions and users name this vendor.
const Name = "verify"

// limit is how long one call may take, within the caller's context.
const limit = 4 * time.Second

const helpService = "make a Verify service under Verify > Services in the Twilio console; its Service SID begins with VA"

// Client is Verify as one account uses it.
type Client struct {
	bind   func(context.Context) (*outbound.Call, *api.ApiService) // holds the secret, out of reach of format verbs
	signup string                                                  // services, VA…
	login  string
}

// New reads VERIFY_SERVICE_SID (or VERIFICATION_SID, or VERIFY_SERVICE),
// VERIFY_SIGNUP_SERVICE_SID, TWILIO_VERIFY_URL and the account's variables (see
// twilio.Read). It returns nil when no service is named and the deployment does
// not require one: such a deployment has no Verify. Every fault goes to vars;
// the Client is of no use then.
func New(cfg env.Config, vars *env.Vars, required bool) *Client {
	names := serviceNames()
	const signupName = "VERIFY_SIGNUP_SERVICE_SID"
	if !required && !anySet(vars, append(names, signupName)) {
		return nil
	}
	c := &Client{login: twilio.SID(vars, "VA", helpService, names...)}
	c.signup = c.login
	if anySet(vars, []string{signupName}) {
		c.signup = twilio.SID(vars, "VA", helpService, signupName)
	}
	c.bind = binder(cfg, twilio.Read(vars), vars.URL("TWILIO_VERIFY_URL", "https://verify.twilio.com"))
	return c
}

// serviceNames are the variables that may name the login's service.
func serviceNames() []string {
	return []string{"VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE"}
}

func anySet(vars *env.Vars, names []string) bool {
	for _, name := range names {
		if vars.String(name, "") != "" {
			return true
		}
	}
	return false
}

// binder returns a function that makes twilio-go's service for one call, since
// twilio-go knows no context. Making one is cheap. The handler is built by hand:
// the library's constructor takes a region from the environment.
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

// Signup returns the codes that prove a phone at sign-up.
func (c *Client) Signup() otp.Codes { return &codes{bind: c.bind, service: c.signup} }

// Login returns the codes that are a user's second factor. A verification is
// checked in the service that made it: Signup's are unknown here when the
// services differ.
func (c *Client) Login() otp.Codes { return &codes{bind: c.bind, service: c.login} }

// Pushes returns the requests that a user's registered device shows. Devices are
// registered in the login's service.
func (c *Client) Pushes() push.Pushes { return &pushes{bind: c.bind, service: c.login} }

// Factors returns the devices and authenticator apps of users, in the login's
// service.
func (c *Client) Factors() *Factors { return &Factors{bind: c.bind, service: c.login} }
