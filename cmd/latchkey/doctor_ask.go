package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"latchkey/shared/outbound"
)

// answer is what somebody answered.
type answer struct {
	status int
	header http.Header
	body   []byte
	tls    *tls.ConnectionState // nil without TLS
}

// into decodes a JSON object. What it holds besides is dropped unseen: an
// account's has the Auth Token in it.
func (a answer) into(doc any) bool {
	err := json.Unmarshal(a.body, doc)
	return err == nil
}

// kind is the content type without its parameters.
func (a answer) kind() string {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	return strings.TrimSpace(kind)
}

// read makes one GET of a vendor's resource. Its errors can be shown: nothing of
// the request is in them.
func (v *checkup) read(ctx context.Context, base, path string, sign func(*http.Request)) (answer, error) {
	call := outbound.Bind(ctx, v.cfg.HTTP, base)
	r, err := http.NewRequest(http.MethodGet, "https://vendor"+path, nil)
	if err != nil {
		return answer{}, call.Err()
	}
	r.Header.Set("Accept", "application/json")
	sign(r)
	res, err := call.HTTP().Do(r)
	if err != nil {
		return answer{status: call.Status()}, plainly(call.Err())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, errors.New("the answer broke off")
	}
	return answer{status: res.StatusCode, header: res.Header, body: body}, nil
}

// fetch makes one request to the live stack and follows no redirect.
func (v *checkup) fetch(ctx context.Context, method, address, body string, change func(*http.Request)) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, errors.New("the address cannot be asked")
	}
	r.Header.Set("User-Agent", "latchkey-doctor")
	change(r)
	res, err := v.cfg.HTTP.Do(r)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return answer{}, plainly(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, outbound.BodyLimit))
	if err != nil {
		return answer{}, plainly(err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: text, tls: res.TLS}, nil
}

// plainly says in a sentence why there is no answer.
func plainly(err error) error {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	var slow net.Error
	switch {
	case errors.As(err, &name):
		return fmt.Errorf("the name %s does not resolve", name.Name)
	case errors.As(err, &cert):
		return fmt.Errorf("the certificate is not to be trusted: %w", cert.Err)
	case errors.Is(err, outbound.ErrRedirect):
		return errors.New("the answer is a redirect, which a vendor does not make")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return errors.New("there was no answer in time")
	}
	return err
}
