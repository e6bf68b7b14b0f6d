package sdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// answerLimit is the size in bytes up to which an answer is read: a secret has
// 64 KiB at most, and an answer to a few events is smaller.
const answerLimit = 1 << 20

// Fault is a service's refusal. Its text may quote what was asked.
type Fault struct {
	Status        int
	Code, Message string // such as "ResourceNotFoundException"
}

// Error says what the service said.
func (f *Fault) Error() string { return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message) }

// ErrorCode implements smithy.APIError, by which the SDK tells what to try again.
func (f *Fault) ErrorCode() string { return f.Code }

// ErrorMessage implements smithy.APIError.
func (f *Fault) ErrorMessage() string { return f.Message }

// ErrorFault implements smithy.APIError.
func (f *Fault) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }

// HTTPStatusCode is the answer's status, by which the SDK tells so, too.
func (f *Fault) HTTPStatusCode() int { return f.Status }

// Call has a service do one operation, such as "AWSEvents.PutEvents", and tries
// again as often as the SDK would. It is for those that speak AWS's JSON protocol 1.1
// (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html) and are asked one
// thing: their own clients compile their rules for addresses whenever a function
// starts, 0.2 ms each. It signs as the SDK does. A refusal is a *Fault.
func (s Service) Call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("asking %s: %w", operation, err)
	}
	release := s.Retryer.GetInitialToken() // of the SDK's quota for tries that come again
	for attempt := 1; ; attempt++ {
		err = s.try(ctx, operation, body, out)
		if release(err) != nil || err == nil || attempt >= s.Retryer.MaxAttempts() || !s.Retryer.IsErrorRetryable(err) {
			break
		}
		var spent, unknown error
		var pause time.Duration
		release, spent = s.Retryer.GetRetryToken(ctx, err)
		pause, unknown = s.Retryer.RetryDelay(attempt, err)
		if spent != nil || unknown != nil || !wait(ctx, pause) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("asking %s: %w", operation, err)
	}
	return nil
}

// wait reports whether the pause was over before the context was.
func wait(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try sends a signed request once.
func (s Service) try(ctx context.Context, operation string, body []byte, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", operation)
	keys, err := s.Keys.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), s.Name, s.Region, s.now())
	if err != nil {
		return err
	}
	res, err := s.HTTP.Do(r)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	if res.StatusCode != http.StatusOK {
		return fault(res, text)
	}
	err = json.Unmarshal(text, out)
	if err != nil { // which may quote the answer
		return &Fault{Status: res.StatusCode, Code: "NoJSON", Message: "the answer is not understood"}
	}
	return nil
}

// fault reads a refusal. Its code may come with a namespace before it and an
// address after it, and in either of two places.
func fault(res *http.Response, text []byte) *Fault {
	var said struct {
		Type    string `json:"__type"`
		Message string // in capitals or not
	}
	json.Unmarshal(text, &said) //nolint:errcheck // a gateway's own refusal is no JSON
	code := said.Type
	if code == "" {
		code = res.Header.Get("X-Amzn-Errortype")
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	return &Fault{Status: res.StatusCode, Code: code, Message: said.Message}
}
