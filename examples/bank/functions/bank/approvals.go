package bank

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"latchkey/shared/env"
)

// refusal is latchkey's answer when it is no approval: a problem document.
type refusal struct {
	status int
	code   string        // what to branch on; "" where the gateway refused
	after  time.Duration // how long to wait, 0 where waiting does not help
}

// Error is for the log.
func (r refusal) Error() string { return fmt.Sprintf("latchkey answered %d %s", r.status, r.code) }

// refusedWith is the code of a refusal, "" for every other error.
func refusedWith(err error) string {
	var r refusal
	errors.As(err, &r)
	return r.code
}

// request is what a phone is to show, and whose.
type request struct {
	User      string   `json:"user"`
	Message   string   `json:"message"`
	Details   []detail `json:"details"`
	Reference string   `json:"reference"`
	ExpiresIn int      `json:"expires_in"` // seconds
}

type detail struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// approval is what latchkey says of a request.
type approval struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	UID       string `json:"uid"`
	Reference string `json:"reference"`
}

// approvals calls latchkey's POST and GET /approvals, signed by the function's
// own role (AWS Signature Version 4).
type approvals struct {
	url    string
	region string
	keys   aws.Credentials
	http   *http.Client
	now    func() time.Time
}

func newApprovals(cfg env.Config, vars *env.Vars) *approvals {
	a := &approvals{url: vars.URL("LATCHKEY_URL", ""), region: vars.String("AWS_REGION", "us-east-1"), http: cfg.HTTP, now: cfg.Now}
	if a.url == "" {
		vars.Fault("LATCHKEY_URL", "is not set: the address of latchkey's API")
	}
	a.keys = aws.Credentials{
		AccessKeyID: vars.String("AWS_ACCESS_KEY_ID", ""), SecretAccessKey: vars.String("AWS_SECRET_ACCESS_KEY", ""),
		SessionToken: vars.String("AWS_SESSION_TOKEN", ""),
	}
	if cfg.Warm != nil {
		cfg.Warm(a.url, 1)
	}
	return a
}

// ask asks a customer's phone. key is the same for a form that is sent twice,
// and then so is the answer, and the phone is asked once.
func (a *approvals) ask(ctx context.Context, key string, q request) (approval, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return approval{}, err
	}
	return a.call(ctx, http.MethodPost, "/approvals", key, body)
}

// read asks what became of a request.
func (a *approvals) read(ctx context.Context, id string) (approval, error) {
	return a.call(ctx, http.MethodGet, "/approvals/"+url.PathEscape(id), "", nil)
}

func (a *approvals) call(ctx context.Context, method, path, key string, body []byte) (approval, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return approval{}, err
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(ctx, a.keys, r, hex.EncodeToString(sum[:]), "execute-api", a.region, a.now())
	if err != nil {
		return approval{}, err
	}
	res, err := a.http.Do(r)
	if err != nil {
		return approval{}, fmt.Errorf("asking latchkey: %w", err)
	}
	defer res.Body.Close()
	d := json.NewDecoder(io.LimitReader(res.Body, 64<<10))
	if res.StatusCode != http.StatusOK {
		return approval{}, refused(res.StatusCode, d)
	}
	var doc approval
	err = d.Decode(&doc)
	if err != nil || doc.ID == "" || doc.Status == "" {
		return approval{}, errors.New("latchkey answered 200 without an approval")
	}
	return doc, nil
}

// refused reads a problem document, whose status is a number and an approval's a
// word. The gateway's own answers have no code.
func refused(status int, d *json.Decoder) error {
	var problem struct {
		Code  string `json:"code"`
		After int    `json:"retry_after"` // seconds
	}
	err := d.Decode(&problem)
	if err != nil {
		return fmt.Errorf("latchkey answered %d without a document", status)
	}
	return refusal{status, problem.Code, time.Duration(problem.After) * time.Second}
}
