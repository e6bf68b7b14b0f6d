package eventbus

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"latchkey/local/template"
)

const (
	accountID = "123456789012"
	region    = "us-east-1"
)

// entry is one event as PutEvents takes it.
type entry struct {
	Source, DetailType, Detail, EventBusName string
	Resources                                []string
	Time                                     *float64 // seconds since 1970
}

// result is the answer to PutEvents, with an entry for each one sent, in their order.
type result struct {
	FailedEntryCount int
	Entries          []taken
}

type taken struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// fault says why the service would not take the entry, or "".
func (e entry) fault() (code, text string) {
	required := []struct{ name, value string }{{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail}}
	for _, r := range required {
		if r.value == "" {
			return "InvalidArgument", "Parameter " + r.name + " is not valid. Reason: " + r.name + " is a required argument."
		}
	}
	if strings.HasPrefix(e.Source, "aws.") {
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	}
	detail := bytes.TrimSpace([]byte(e.Detail))
	if !json.Valid(detail) || detail[0] != '{' {
		return "MalformedDetail", "Detail is malformed."
	}
	return "", ""
}

// bus is the name of the event bus, also of one called by its ARN.
func (e entry) bus() string {
	if e.EventBusName == "" {
		return template.DefaultBus
	}
	_, name, found := strings.Cut(e.EventBusName, ":event-bus/")
	if found {
		return name
	}
	return e.EventBusName
}

// envelope is what functions get
// (https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html).
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

func (e entry) envelope(id string, now time.Time) envelope {
	at := now
	if e.Time != nil {
		seconds, fraction := math.Modf(*e.Time)
		at = time.Unix(int64(seconds), int64(fraction*1e9))
	}
	resources := e.Resources
	if resources == nil {
		resources = []string{}
	}
	return envelope{
		Version: "0", ID: id, DetailType: e.DetailType, Source: e.Source, Account: accountID,
		Time: at.UTC().Format("2006-01-02T15:04:05Z"), Region: region, Resources: resources, Detail: json.RawMessage(e.Detail),
	}
}

// rule is a rule with the function it invokes.
type rule struct {
	template.Rule
	function string
}

func compile(functions []template.Function) []rule {
	var rules []rule
	for _, f := range functions {
		for _, r := range f.Rules {
			rules = append(rules, rule{Rule: r, function: f.Name()})
		}
	}
	return rules
}

func (r rule) matches(e entry) bool {
	return r.Bus == e.bus() && among(r.Sources, e.Source) && among(r.DetailTypes, e.DetailType)
}

// among: an empty list takes everything.
func among(list []string, value string) bool {
	return len(list) == 0 || slices.Contains(list, value)
}
