// Package authy sends and checks codes with the Authy API, asks people's devices
// for approvals (OneTouch) and reads the callbacks that tell of their decisions,
// for deployments that hold an old Authy application (Twilio closed it to new
// customers). There is no library for it in Go that is alive; the wire is small.
//
// Three of its habits decide what stands here. It approves any code of a person
// who never passed one, unless asked with force=true. It wants the code in the
// path, so that no error of a request may be shown as it is. And its
// 401 can mean our key or the visitor's code, which the error code alone tells
// apart.
//
// A person who has the Authy app may type the app's token wherever a code is
// asked for; Authy offers no way to tell it from a texted one.
//
// A callback is believed for its signature alone, which covers the method, the
// address that Authy was told and every value in the body, but no time: that a
// decision counts once is for the caller's state to see to.
//
// It must not know steps, sessions or the table.
package authy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"latchkey/shared/chars"
	"latchkey/shared/env"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/push"
)

// Name is how sessions and users name this vendor.
const Name = "authy"

// limit is how long one call may take, within the caller's context. A first
// send makes two, and both fit into a function's ten seconds.
const limit = 4 * time.Second

const helpKey = "the key of an Authy application stands under Authy > Applications > Settings in the Twilio console, as Production API Key"

// Authy's two families of paths.
const (
	protected = "/protected/json/"
	oneTouch  = "/onetouch/json/"
)

// isKey reports whether s may go into a header as it is.
func isKey(s string) bool { return chars.Some(s, chars.Visible) }

// Client is one Authy application.
type Client struct {
	http *http.Client
	url  string
	sign func(http.Header) // holds the key, out of reach of format verbs
}

// New reads AUTHY_API_KEY (or ACCOUNT_SECURITY_API_KEY) and AUTHY_API_URL. It
// returns nil when there is no key and the deployment does not require one: such
// a deployment has no Authy. Every fault goes to vars; the Client is of no use
// then.
func New(cfg env.Config, vars *env.Vars, required bool) *Client {
	key := readKey(vars)
	if key == "" && !required {
		return nil
	}
	if key == "" {
		vars.Required("AUTHY_API_KEY", helpKey)
	}
	c := &Client{
		http: cfg.HTTP,
		url:  vars.URL("AUTHY_API_URL", "https://api.authy.com"),
		sign: func(h http.Header) { h.Set("X-Authy-API-Key", key) },
	}
	if cfg.Warm != nil {
		cfg.Warm(c.url, 1)
	}
	return c
}

// readKey returns "" when there is no key.
func readKey(vars *env.Vars) string {
	key := vars.String("AUTHY_API_KEY", vars.String("ACCOUNT_SECURITY_API_KEY", ""))
	if key != "" && !isKey(key) {
		vars.Fault("AUTHY_API_KEY", "must be one word without blanks: %s", helpKey)
	}
	return key
}

// Signup returns the codes that prove a phone at sign-up: a message is sent even
// to a person who has the Authy app, for it is the number that is to be proved.
func (c *Client) Signup() otp.Codes { return &codes{c: c, force: true} }

// Login returns the codes that are a user's second factor: a person who has the
// Authy app is sent nothing (Sent.App) and reads the code there.
func (c *Client) Login() otp.Codes { return &codes{c: c} }

// Pushes returns the way to ask for approvals in people's Authy apps.
func (c *Client) Pushes() push.Pushes { return &pushes{c: c} }

// call makes one request, with a form unless that is empty, and reads the
// answer. The error is one of transport, safe to log; an answer that is not a
// success is for the caller to judge.
func (c *Client) call(ctx context.Context, method, path, form string) (*outbound.Call, answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	call := outbound.Bind(ctx, c.http, c.url)
	var body io.Reader
	if form != "" {
		body = strings.NewReader(form)
	}
	req, err := http.NewRequest(method, "https://api.authy.com"+path, body)
	if err != nil {
		return call, nil, call.Err()
	}
	c.sign(req.Header)
	req.Header.Set("Accept", "application/json")
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := call.HTTP().Do(req)
	if err != nil {
		return call, nil, call.Err()
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return call, nil, call.Err()
	}
	return call, decode(data), nil
}
