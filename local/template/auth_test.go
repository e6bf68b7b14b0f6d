package template_test

import (
	"strings"
	"testing"

	"latchkey/local/template"
)

const guarded = `
Parameters:
  OwnersAuthorizer: {Type: String, Default: ""}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        EnableIamAuthorizer: true
        DefaultAuthorizer: Session
        Authorizers:
          Session:
            FunctionArn: !GetAtt DoorFunction.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
          Keyed:
            FunctionArn: !Ref OwnersAuthorizer
            AuthorizerPayloadFormatVersion: 2.0
            EnableSimpleResponses: true
            Identity: {Headers: [X-Key, Authorization], ReauthorizeEvery: 0}
  Open: {Type: AWS::Serverless::HttpApi}
  Bus: {Type: AWS::Events::EventBus}
  PagesFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/pages
      Events:
        A: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /a, Method: GET}}
        B: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /b, Method: GET, Auth: {Authorizer: Keyed}}}
        C: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /c, Method: GET, Auth: {Authorizer: NONE}}}
        D: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /d, Method: GET, Auth: {Authorizer: AWS_IAM}}}
        E: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /e, Method: OPTIONS}}
        F: {Type: HttpApi, Properties: {ApiId: !Ref Open, Path: /f, Method: GET}}
        G: {Type: HttpApi, Properties: {ApiId: !Ref Api}}
        H:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [latchkey, !Ref Bus], detail-type: [Approval decided]}}
        I:
          Type: EventBridgeRule
          Properties: {EventBusName: !Ref Bus, Pattern: {detail-type: [x]}, RetryPolicy: {MaximumRetryAttempts: 5}}
  DoorFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: functions/door}
`

func TestAuthorization(t *testing.T) {
	got, err := template.Parse([]byte(guarded))
	if err != nil {
		t.Fatal(err)
	}
	pages := got.Functions[0]
	session := &template.Authorizer{Name: "Session", Function: "door"}
	want := map[string]template.Route{
		"GET /a":     {Method: "GET", Path: "/a", Authorizer: session},
		"GET /b":     {Method: "GET", Path: "/b", Authorizer: &template.Authorizer{Name: "Keyed", Function: "authorizer", Headers: []string{"X-Key", "Authorization"}}},
		"GET /c":     {Method: "GET", Path: "/c"},
		"GET /d":     {Method: "GET", Path: "/d", IAM: true},
		"OPTIONS /e": {Method: "OPTIONS", Path: "/e"},
		"GET /f":     {Method: "GET", Path: "/f"},
		"$default":   {Method: "ANY", Path: "$default", Authorizer: session},
	}
	for _, r := range pages.Routes {
		equal(t, r.Key(), r, want[r.Key()])
	}
	if len(pages.Routes) != len(want) {
		t.Errorf("%d routes, want %d", len(pages.Routes), len(want))
	}
	equal(t, "rules", pages.Rules, []template.Rule{
		{Bus: "default", Sources: []string{"latchkey", "Bus"}, DetailTypes: []string{"Approval decided"}},
		{Bus: "Bus", DetailTypes: []string{"x"}},
	})
}

// guard puts the API's Auth in line 2, an event in line 3 and the function in line 4.
func guard(auth, event string) string {
	return "Resources:\n  Api: {Type: AWS::Serverless::HttpApi, Properties: {Auth: {" + auth + "}}}\n" +
		"  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f, Events: {E: " + event + "}}}\n"
}

func event(auth string) string {
	return "{Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /, Method: GET, Auth: {" + auth + "}}}"
}

func TestAuthorizationRefusals(t *testing.T) {
	const good = "AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true"
	authorizer := func(more string) string { return guard("Authorizers: {A: {"+more+"}}", event("Authorizer: A")) }
	rule := func(properties string) string {
		return guard("", "{Type: EventBridgeRule, Properties: {"+properties+"}}")
	}
	cases := []struct{ name, text, want string }{
		{"unknown authorizer", guard("", event("Authorizer: A")), `line 3: the API has no authorizer "A"`},
		{"unknown default", guard("DefaultAuthorizer: A", event("")), `line 2: the API has no authorizer "A"`},
		{"authorizer of an implicit API", guard("", "{Type: HttpApi, Properties: {Path: /, Method: GET, Auth: {Authorizer: A}}}"), "line 3: the API has no"},
		{"unknown API", guard("", "{Type: HttpApi, Properties: {ApiId: !Ref F, Path: /, Method: GET}}"), "line 3: the ApiId of event E"},
		{"IAM not enabled", guard("", event("Authorizer: AWS_IAM")), "line 3: AWS_IAM needs EnableIamAuthorizer"},
		{"odd flag", guard("EnableIamAuthorizer: perhaps", event("")), "line 2: true or false"},
		{"scopes", guard("", event("AuthorizationScopes: [x]")), "line 3: AuthorizationScopes is not understood"},
		{"unknown part of Auth", guard("ApiKeyRequired: true", event("")), "line 2: ApiKeyRequired is not understood"},
		{"in the Globals", "Globals: {HttpApi: {Auth: {DefaultAuthorizer: A}}}", "line 1: Auth is understood at an HttpApi"},
		{"format 1.0", authorizer("FunctionArn: !GetAtt F.Arn, AuthorizerPayloadFormatVersion: '1.0', EnableSimpleResponses: true"), "line 2: authorizer A needs AuthorizerPayloadFormatVersion"},
		{"policies", authorizer("FunctionArn: !GetAtt F.Arn, AuthorizerPayloadFormatVersion: '2.0'"), "line 2: authorizer A needs EnableSimpleResponses"},
		{"JWT", authorizer("JwtConfiguration: {issuer: x}"), "line 2: JwtConfiguration is not understood"},
		{"no function", authorizer(good), "line 2: authorizer A needs a FunctionArn"},
		{"another ARN", authorizer(good + ", FunctionArn: 'arn:aws:lambda:x'"), "line 2: authorizer A must be a function"},
		{"no function at all", authorizer(good + ", FunctionArn: !GetAtt Api.Arn"), "line 2: Api is not a function"},
		{"cached", authorizer(good + ", FunctionArn: !GetAtt F.Arn, Identity: {ReauthorizeEvery: 60}"), "line 2: answers of an authorizer are not cached"},
		{"identity from the query", authorizer(good + ", FunctionArn: !GetAtt F.Arn, Identity: {QueryStrings: [a]}"), "line 2: QueryStrings is not understood"},
		{"reserved name", guard("Authorizers: {NONE: {}}", event("")), "line 2: an authorizer cannot be named NONE"},
		{"rule without pattern", rule(""), "line 3: event E needs a Pattern"},
		{"rule with an account", rule("Pattern: {account: [x]}"), "line 3: the pattern's account"},
		{"rule with a prefix", rule("Pattern: {source: [{prefix: x}]}"), "line 3: a single value"},
		{"rule without a list", rule("Pattern: {source: x}"), "line 3: source must be a list"},
		{"rule with an empty list", rule("Pattern: {source: []}"), "line 3: source must be a list"},
		{"rule with an input", rule("Pattern: {source: [x]}, Input: '{}'"), "line 3: Input is not understood"},
		{"old kind of rule", guard("", "{Type: CloudWatchEvent, Properties: {Pattern: {source: [x]}}}"), "line 3: event E is of an old kind"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := template.Parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}
