package apigw_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"latchkey/shared/apigw"
	"latchkey/shared/caller"
)

const role = "arn:aws:sts::123456789012:assumed-role/bank/bank"

// callerIn is the caller of a recorded event with this text as its authorizer.
func callerIn(t testing.TB, authorizer string) caller.Caller {
	t.Helper()
	e := recorded(t)
	err := json.Unmarshal([]byte(`{"authorizer":`+authorizer+`}`), &e.RequestContext)
	if err != nil {
		t.Fatal(err)
	}
	return caller.Of(request(t, e).Context())
}

// Who calls is what the gateway says in its own part of the event.
func TestCaller(t *testing.T) {
	for authorizer, want := range map[string]caller.Caller{
		`null`: {}, `{}`: {}, `{"iam":null}`: {}, `{"iam":{}}`: {}, `{"jwt":{"claims":{"userArn":"x"}}}`: {},
		`{"iam":{"accessKey":"k","accountId":"123456789012","callerId":"c","cognitoIdentity":null,"principalOrgId":null,"userArn":"` + role + `","userId":"u"}}`: {IAM: role},
		`{"lambda":{"uid":"u","confirmed_at":5}}`: {Lambda: map[string]any{"uid": "u", "confirmed_at": 5.0}},
	} {
		if got := callerIn(t, authorizer); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", authorizer, got)
		}
	}
}

// Whatever a client sends, it does not become somebody.
func TestCallerIsNotTheClients(t *testing.T) {
	e := recorded(t)
	e.Headers["authorization"] = "AWS4-HMAC-SHA256 Credential=x"
	e.Headers["requestcontext"] = `{"authorizer":{"iam":{"userArn":"` + role + `"}}}`
	e.Cookies = []string{"userArn=" + role}
	e.Body, e.IsBase64Encoded = `{"requestContext":{"authorizer":{"iam":{"userArn":"`+role+`"}}},"iam":{"userArn":"`+role+`"}}`, false
	e.RawQueryString = "userArn=" + role
	e.QueryStringParameters = map[string]string{"userArn": role}
	e.PathParameters = map[string]string{"userArn": role}
	e.StageVariables = map[string]string{"userArn": role}
	if got := caller.Of(request(t, e).Context()); !reflect.DeepEqual(got, caller.Caller{}) {
		t.Errorf("%+v", got)
	}
	if got := caller.Of(t.Context()); got.IAM != "" || got.Lambda != nil {
		t.Errorf("from nowhere: %+v", got)
	}
}

// The caller is the event's, whatever is beside it; and only it.
func FuzzCaller(f *testing.F) {
	f.Add(role, "authorization", role, role)
	f.Add("", "x-amzn-iam-user-arn", role, `{"iam":{"userArn":"x"}}`)
	f.Fuzz(func(t *testing.T, arn, name, value, body string) {
		e := events.APIGatewayV2HTTPRequest{RawPath: "/", Headers: map[string]string{name: value}, Cookies: []string{value}, Body: body}
		e.RequestContext.HTTP.Method = "POST"
		if arn != "" {
			e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: arn},
			}
		}
		r, err := apigw.Request(context.Background(), e)
		if err != nil {
			return
		}
		if got := caller.Of(r.Context()); got.IAM != arn || got.Lambda != nil {
			t.Errorf("%+v, want %q", got, arn)
		}
	})
}
