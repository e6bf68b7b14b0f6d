package rig

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"latchkey/local/dynamodb"

	"latchkey/shared/env"
)

// whereFrom names the address that a visitor calls from. The gateway's door
// takes it off: no step sees it.
const whereFrom = "X-Rig-From"

// From lets the visitor's requests come from another address, such as
// "203.0.113.7". A clone of the visitor's headers is at that address, too.
func (v *Visitor) From(address string) *Visitor {
	v.Header.Set(whereFrom, address)
	return v
}

// elsewhere is the network between the visitors and the gateway, to which every
// caller of one process has one address.
func elsewhere(gateway http.Handler, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := r.Header.Get(whereFrom)
		if address != "" {
			r.RemoteAddr = address + ":40000"
			r.Header.Del(whereFrom)
		}
		if r.Header.Get(whoSigned) != "" {
			err := sign(r, now())
			if err != nil {
				http.Error(w, err.Error(), http.StatusTeapot)
				return
			}
		}
		gateway.ServeHTTP(w, r)
	})
}

// accessKey is the one of the gateway's only principal, and its secret.
const accessKey = "local"

// sign signs a request on its way to the gateway, as its sender's library does.
func sign(r *http.Request, now time.Time) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.Sum256(body)
	r.URL.Host = r.Host
	keys := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: accessKey}
	return v4.NewSigner().SignHTTP(r.Context(), keys, r, hex.EncodeToString(sum[:]), "execute-api", dynamodb.Region, now)
}

// whoSigned names the IAM principal whose signature a visitor's requests bear.
const whoSigned = "X-Rig-Signed"

// Signed lets the visitor's requests bear a signature. The gateway verifies it;
// whose it is, is then this principal's.
func (v *Visitor) Signed(arn string) *Visitor {
	v.Header.Set(whoSigned, arn)
	return v
}

// signed adds to an event what the gateway says of one that was signed.
func signed(event []byte) ([]byte, error) {
	var e struct{ Headers map[string]string }
	err := json.Unmarshal(event, &e)
	arn := e.Headers["x-rig-signed"]
	if err != nil || arn == "" {
		return event, err
	}
	var doc map[string]any
	err = json.Unmarshal(event, &doc)
	if err != nil {
		return nil, err
	}
	doc["requestContext"].(map[string]any)["authorizer"] = map[string]any{"iam": map[string]any{"userArn": arn}}
	return json.Marshal(doc)
}

// Dump is the whole table as it lies there, with binary values in base64.
func (r *Rig) Dump() string {
	r.t.Helper()
	return r.bench.Dump(r.t)
}

// Items are all items of the table, as in Dump.
func (r *Rig) Items() []map[string]any {
	r.t.Helper()
	return r.bench.Items(r.t)
}

// Query are the items of one partition of the table, as in Dump.
func (r *Rig) Query(pk string) []map[string]any {
	r.t.Helper()
	return r.bench.Query(r.t, pk)
}

// Get are those items that are there of some keys, each a pk and an sk.
func (r *Rig) Get(keys ...[2]string) []map[string]any {
	r.t.Helper()
	return r.bench.Get(r.t, keys...)
}

// Drop deletes the table. Nothing works afterwards.
func (r *Rig) Drop() {
	r.t.Helper()
	r.bench.Drop(r.t)
}

// DeleteUser deletes a user's item and nothing else, as an operator does. key is
// the hash of the email.
func (r *Rig) DeleteUser(key string) {
	r.t.Helper()
	r.bench.Delete(r.t, "U#"+key, "U")
}

// Config is what the operator's command is started with.
func (r *Rig) Config() env.Config {
	cfg := r.bench.Config()
	cfg.Now, cfg.HTTP = r.Clock.Now, &http.Client{Transport: r.Wire.From("operator")}
	return cfg
}
