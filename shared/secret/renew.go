package secret

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/web"
)

// How long after one reading of the secret the next may be made: when a callback
// is not signed as it should be, which Authy forgives twice; by a step that could
// not start; by one whose credentials a vendor refuses, or whose last reading failed.
const (
	atOnce   = 5 * time.Second
	soon     = 15 * time.Second
	notAgain = time.Minute
)

// glance bounds a reading by a step that has a value: a visitor, or a vendor,
// waits for it.
const glance = time.Second

// New makes a step's handler, as functions/<step>.New does.
type New = func(ctx context.Context, cfg env.Config) (http.Handler, error)

// renewed is a step's handler that is made anew when the deployment's secret has
// another value.
type renewed struct {
	step   New
	cfg    env.Config
	source *Source
	doubt  atomic.Bool // somebody answered that our credentials are wrong

	mu      sync.Mutex
	handler http.Handler // nil: it could not be made yet
	values  Values
	said    string    // why it could not be made at the start
	readAt  time.Time // when values were seen to be the current ones
	triedAt time.Time
}

// Renewing makes a step with the secret that SECRET_ARN names over its
// environment, and makes it anew when the secret has another value: after its
// life, and when the old value is refused. So a secret is rotated without a
// deployment, and a step that could not start for want of one starts when it is
// there: with the error comes a handler that answers 503 and tries again.
func Renewing(step New) New {
	return func(ctx context.Context, cfg env.Config) (http.Handler, error) {
		vars := env.Read(cfg)
		source := Open(cfg, vars)
		err := vars.Err()
		if err != nil {
			return nil, err
		}
		if source == nil {
			return step(ctx, cfg)
		}
		f := &renewed{step: step, source: source}
		client := *cfg.HTTP
		client.Transport = doubting{client.Transport, &f.doubt}
		cfg.HTTP = &client
		f.cfg = cfg
		_, err = f.renew(ctx, 0)
		f.cfg.Warm = nil // connections outlive what is made anew
		if err != nil {
			f.triedAt = time.Time{} // the first request may have more luck,
			f.said = err.Error()    // and if it has not, that was said
		}
		return f, err
	}
}

// ServeHTTP answers with the newest handler. What the secret's old value has
// refused, if anything, is tried once more with the new one: an answer of 403
// means that nothing was done.
func (f *renewed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.refresh(r.Context())
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = nil // it is in memory: the adapter's requests do not break off
	}
	answer := f.try(r, body)
	refused := answer.status == http.StatusForbidden
	if f.doubt.Swap(false) || refused {
		pause := notAgain
		if refused {
			pause = atOnce
		}
		changed, err := f.renew(r.Context(), pause)
		if err != nil {
			f.cfg.Log.ErrorContext(r.Context(), "alarm: our credentials may be refused, and the secret could not be read", "error", err.Error())
		}
		if changed && refused {
			answer = f.try(r, body)
		}
	}
	maps.Copy(w.Header(), answer.header)
	w.WriteHeader(answer.status)
	answer.body.WriteTo(w) //nolint:errcheck // the client is gone
}

// try answers a request with the handler of now.
func (f *renewed) try(r *http.Request, body []byte) *answer {
	f.mu.Lock()
	h := f.handler
	f.mu.Unlock()
	a := &answer{header: http.Header{}}
	if h == nil {
		web.Plain(a, r, web.NotSetUp())
		return a
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	h.ServeHTTP(a, again)
	a.WriteHeader(http.StatusOK)
	return a
}

// refresh reads the secret if it is time to. That it cannot be read is no reason
// to stop: the value from before is good as long as nobody refuses it.
func (f *renewed) refresh(ctx context.Context) {
	f.mu.Lock()
	started := f.handler != nil
	due := f.cfg.Now().Sub(f.readAt) >= f.source.Life()
	f.mu.Unlock()
	var err error
	switch {
	case !started:
		_, err = f.renew(ctx, soon)
	case due:
		_, err = f.renew(ctx, notAgain)
	}
	switch {
	case err == nil:
	case started:
		f.cfg.Log.ErrorContext(ctx, "alarm: the secret could not be read anew; the step goes on with the value from before, and new ones cannot start", "error", err.Error())
	case f.news(err):
		f.cfg.Log.ErrorContext(ctx, "this step still cannot start; mend the secret", "error", err.Error())
	}
}

// news reports whether it was not said a moment ago why the step cannot be made.
func (f *renewed) news(err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.said
	f.said = ""
	return err.Error() != was
}

// renew reads the secret, unless that was tried too short a time ago, and makes
// the step anew if it has another value. It reports whether it did.
func (f *renewed) renew(ctx context.Context, pause time.Duration) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Now()
	if !f.triedAt.IsZero() && now.Sub(f.triedAt) < pause {
		return false, nil
	}
	f.triedAt = now
	if f.handler != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, glance)
		defer cancel()
	}
	values, err := f.source.Fetch(ctx)
	if err != nil {
		return false, err
	}
	if f.handler != nil && maps.Equal(values, f.values) {
		f.readAt = now
		return false, nil
	}
	unknown := values.Unknown()
	if len(unknown) > 0 {
		f.cfg.Log.WarnContext(ctx, "the secret holds keys that this version does not know", "keys", unknown)
	}
	cfg := f.cfg
	cfg.Getenv = values.Over(f.cfg.Getenv)
	h, err := f.step(ctx, cfg)
	if err != nil {
		return false, err
	}
	if f.handler != nil {
		f.cfg.Log.InfoContext(ctx, "the secret has another value, which this step uses from now on")
	}
	f.handler, f.values, f.readAt = h, values, now
	return true, nil
}

// answer is one that is held back until it is known to be the last.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's header.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status.
func (a *answer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

// Write adds to the body.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// doubting is a transport that notes when somebody refuses our credentials.
// Authy answers 401 to a visitor's wrong code as well: then the secret is read
// once for nothing, which the pause bounds. AWS's own refusals are others.
type doubting struct {
	next  http.RoundTripper
	doubt *atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (d doubting) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.next.RoundTrip(r)
	if err == nil && (res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden) {
		d.doubt.Store(true)
	}
	return res, err
}
