package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"latchkey/local/template"
)

// Region and AccessKey sign the requests that make the table. DynamoDB Local keeps a table
// per access key and region, so they are those of the functions (lambdaruntime).
const (
	Region    = "us-east-1"
	AccessKey = "local"
)

// ErrOtherTable: there is a table of that name with other keys.
var ErrOtherTable = errors.New("there is a table of that name with other keys; remove the folder .local to begin anew")

// pollEvery is how often a table that is being made is looked at.
const pollEvery = 10 * time.Millisecond

// Wire shapes
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html).
type (
	attribute struct{ AttributeName, AttributeType string }
	key       struct{ AttributeName, KeyType string }
	creation  struct {
		TableName, BillingMode string
		AttributeDefinitions   []attribute
		KeySchema              []key
	}
	description struct {
		Table struct {
			TableStatus string
			KeySchema   []key
		}
	}
	timeToLive struct {
		TableName               string
		TimeToLiveSpecification struct {
			AttributeName string
			Enabled       bool
		}
	}
)

// CreateTable makes the template's table under another name and returns when it can be used.
// A table that is there already is left as it is, if its keys agree. Time to live is switched
// on where the engine knows it: nothing depends on it.
func CreateTable(ctx context.Context, endpoint, name string, t template.Table) error {
	c := creation{TableName: name, BillingMode: "PAY_PER_REQUEST"}
	for _, a := range t.Attributes {
		c.AttributeDefinitions = append(c.AttributeDefinitions, attribute{a.Name, a.Type})
	}
	for _, k := range t.Keys {
		c.KeySchema = append(c.KeySchema, key{k.Name, k.Type})
	}
	err := call(ctx, endpoint, "CreateTable", c, nil)
	var refusal *wireError
	made := err == nil
	if errors.As(err, &refusal) && refusal.kind == "ResourceInUseException" {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("creating table %s: %w", name, err)
	}
	err = waitActive(ctx, endpoint, c)
	if err != nil {
		return fmt.Errorf("creating table %s: %w", name, err)
	}
	if made && t.TTL != "" {
		var ttl timeToLive
		ttl.TableName = name
		ttl.TimeToLiveSpecification.AttributeName, ttl.TimeToLiveSpecification.Enabled = t.TTL, true
		_ = call(ctx, endpoint, "UpdateTimeToLive", ttl, nil)
	}
	return nil
}

func waitActive(ctx context.Context, endpoint string, c creation) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		var d description
		err := call(ctx, endpoint, "DescribeTable", map[string]string{"TableName": c.TableName}, &d)
		if err != nil {
			return err
		}
		if d.Table.TableStatus == "ACTIVE" {
			if !reflect.DeepEqual(d.Table.KeySchema, c.KeySchema) {
				return ErrOtherTable
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wireError is a refusal of the engine.
type wireError struct{ kind, message string }

func (e *wireError) Error() string { return strings.TrimSuffix(e.kind+": "+e.message, ": ") }

// call makes one call of DynamoDB's JSON protocol.
func call(ctx context.Context, endpoint, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sign(request.Header, operation)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return parseRefusal(response.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// sign sets the headers that engines insist on. They read the credential and the form of the
// signature, never its value.
func sign(h http.Header, operation string) {
	const date = "20260101"
	h.Set("Content-Type", "application/x-amz-json-1.0")
	h.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	h.Set("X-Amz-Date", date+"T000000Z")
	h.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+AccessKey+"/"+date+"/"+Region+
		"/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature="+strings.Repeat("0", 64))
}

// parseRefusal takes the kind from "com.amazonaws.dynamodb.v20120810#Kind".
func parseRefusal(status string, body []byte) error {
	var refusal struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	err := json.Unmarshal(body, &refusal)
	if err != nil || refusal.Type == "" {
		return fmt.Errorf("the engine answered %s", status)
	}
	kind := refusal.Type[strings.LastIndexByte(refusal.Type, '#')+1:]
	return &wireError{kind: kind, message: refusal.Message}
}
