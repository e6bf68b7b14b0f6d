// Package secret reads the one secret of a deployment from AWS Secrets Manager:
// a JSON object that holds the vendors' credentials under the names of the
// variables that they stand for. On a laptop there is none, and the same names
// are plain variables.
//
// It must not know vendors, nor what a step does.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/sdk"
)

// budget bounds one reading with its retries: a function has ten seconds to
// start, and a visitor waits while one that runs reads anew.
const budget = 2500 * time.Millisecond

// Names are the variables that a secret may hold. Nothing else comes from it:
// who may write the secret does not say where the app is or what it allows.
func Names() []string {
	return []string{
		"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET",
		"VERIFY_SERVICE_SID", "VERIFICATION_SID", "VERIFY_SERVICE", "VERIFY_SIGNUP_SERVICE_SID",
		"TWILIO_NUMBER", "TWILIO_MESSAGING_SERVICE_SID",
		"AUTHY_API_KEY", "ACCOUNT_SECURITY_API_KEY",
		"TEST_NUMBERS",
	}
}

// Values are variables by their names.
type Values map[string]string

// Over is a Getenv in which these variables stand before those of the process.
// Those that may not come from a secret do not.
func (v Values) Over(getenv func(string) string) func(string) string {
	return func(name string) string {
		value, ok := v[name]
		if ok && slices.Contains(Names(), name) {
			return value
		}
		return getenv(name)
	}
}

// Unknown are the keys that are no variables of a secret. They are a typing error
// or a later version's, so that a step does without them.
func (v Values) Unknown() []string {
	var list []string
	for name := range v {
		if !slices.Contains(Names(), name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// Parse reads a secret's text. Its errors name keys and never show values.
func Parse(text []byte) (Values, error) {
	var doc map[string]any
	err := json.Unmarshal(text, &doc)
	if err != nil || doc == nil { // the error may quote the text
		return nil, errors.New(`the secret must be one JSON object, such as {"TWILIO_ACCOUNT_SID": "AC…", …}`)
	}
	values := Values{}
	var faults []string
	for name, value := range doc {
		s, ok := value.(string)
		if !ok && slices.Contains(Names(), name) {
			faults = append(faults, fmt.Sprintf("the secret's %s must be a text in quotes", name))
		}
		values[name] = s
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, errors.New(strings.Join(faults, "; "))
	}
	return values, nil
}

// Source is where a deployment's secret is kept.
type Source struct {
	service sdk.Service
	id      string
	life    time.Duration
}

// Open reads where the secret is, and connects to nothing. It returns nil where
// SECRET_ARN names none.
func Open(cfg env.Config, vars *env.Vars) *Source {
	id := vars.String("SECRET_ARN", "")
	life := vars.Duration("SECRET_LIFE", 10*time.Minute, time.Minute, 24*time.Hour)
	s := sdk.Open(cfg, vars, "secretsmanager", "SECRETS_MANAGER", sdk.Tries{Most: 3, Pause: 200 * time.Millisecond})
	if id == "" {
		return nil
	}
	return &Source{service: s, id: id, life: life}
}

// Life is for how long what was fetched is good.
func (s *Source) Life() time.Duration { return s.life }

// Fetch reads the secret's current value. Its errors say what to do, and show
// nothing of it.
func (s *Source) Fetch(ctx context.Context) (Values, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	in := struct{ SecretId string }{s.id}
	var out struct{ SecretString *string }
	err := s.service.Call(ctx, "secretsmanager.GetSecretValue", in, &out)
	if err != nil {
		return nil, explain(err)
	}
	if out.SecretString == nil {
		return nil, errors.New("the secret must be a text, and is binary")
	}
	return Parse([]byte(*out.SecretString))
}

// explain adds what an operator does about an error.
func explain(err error) error {
	var fault *sdk.Fault
	if errors.As(err, &fault) {
		switch fault.Code {
		case "ResourceNotFoundException":
			return fmt.Errorf("the secret that SECRET_ARN names is not in this region, or has no value yet: put one with `aws secretsmanager put-secret-value`: %w", err)
		case "DecryptionFailure":
			return fmt.Errorf("the secret's key does not let this function decrypt it: its role needs kms:Decrypt: %w", err)
		case "AccessDeniedException":
			return fmt.Errorf("this function may not read the secret: its role needs secretsmanager:GetSecretValue on SECRET_ARN: %w", err)
		}
	}
	return fmt.Errorf("the secret could not be read: %w", err)
}
