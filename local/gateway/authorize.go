package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/local/template"
)

// authorizerTimeout is how long the service waits for an authorizer
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
const authorizerTimeout = 10 * time.Second

// refusal is what a caller is told who may not call.
type refusal struct {
	status int
	text   string
}

// lambdaContext is what an authorizer let a request through with; null if it said nothing.
type lambdaContext struct {
	Lambda json.RawMessage `json:"lambda"`
}

// iamContext is who signed a request.
type iamContext struct {
	IAM iamCaller `json:"iam"`
}

type iamCaller struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"` // null: nobody signs in with Cognito here
	PrincipalOrgID  string  `json:"principalOrgId"`
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

// authorizerEvent is the request of format 2.0 to a Lambda authorizer
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html).
type authorizerEvent struct {
	Version               string            `json:"version"`
	Type                  string            `json:"type"`
	RouteARN              string            `json:"routeArn"`
	IdentitySource        []string          `json:"identitySource"` // null without sources
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	StageVariables        map[string]string `json:"stageVariables,omitempty"`
}

// authorize returns what the event is to say about the caller, nil on a route for everybody,
// or why the request is refused.
func (g *gateway) authorize(r *http.Request, matched *route, e event, body []byte) (any, *refusal) {
	switch {
	case matched.iam:
		return g.verify(r, body)
	case matched.authorizer != nil:
		return g.ask(r, matched, e)
	}
	return nil, nil
}

func (g *gateway) verify(r *http.Request, body []byte) (any, *refusal) {
	err := g.signer.Verify(r, body)
	if err != nil {
		return nil, &refusal{http.StatusForbidden, err.Error()}
	}
	id := "AIDA" + strings.Repeat("0", 17)
	return iamContext{iamCaller{
		AccessKey: g.signer.AccessKey, AccountID: accountID, CallerID: id, PrincipalOrgID: "o-" + strings.Repeat("0", 10),
		UserARN: "arn:aws:iam::" + accountID + ":user/" + g.signer.AccessKey, UserID: id,
	}}, nil
}

// ask invokes the authorizer. A client that goes away does not stop it.
func (g *gateway) ask(r *http.Request, matched *route, e event) (any, *refusal) {
	sources, complete := identity(matched.authorizer, e.Headers)
	if !complete {
		return nil, &refusal{http.StatusUnauthorized, "Unauthorized"}
	}
	encoded, err := json.Marshal(newAuthorizerEvent(e, sources))
	if err != nil {
		return nil, &refusal{http.StatusInternalServerError, "Internal Server Error"}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), min(g.timeout, authorizerTimeout))
	defer cancel()
	answer, err := g.invoker.Invoke(ctx, matched.authorizer.Function, encoded)
	var allowed bool
	var said lambdaContext
	if err == nil {
		allowed, said, err = parseDecision(answer)
	}
	if err != nil {
		g.log.Warn("authorizer failed", "function", matched.authorizer.Function, "route", matched.key, "error", err)
		return nil, &refusal{http.StatusInternalServerError, "Internal Server Error"}
	}
	if !allowed {
		return nil, &refusal{http.StatusForbidden, "Forbidden"}
	}
	return said, nil
}

// identity collects the identity sources. An empty one is missing.
func identity(a *template.Authorizer, headers map[string]string) ([]string, bool) {
	var values []string
	for _, name := range a.Headers {
		value := headers[strings.ToLower(name)]
		if value == "" {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

func newAuthorizerEvent(e event, sources []string) authorizerEvent {
	return authorizerEvent{
		Version:        "2.0",
		Type:           "REQUEST",
		RouteARN:       "arn:aws:execute-api:" + region + ":" + accountID + ":" + apiID + "/" + e.RequestContext.Stage + "/" + e.RequestContext.HTTP.Method + e.RawPath,
		IdentitySource: sources,
		RouteKey:       e.RouteKey,
		RawPath:        e.RawPath,
		RawQueryString: e.RawQueryString,
		Cookies:        e.Cookies,
		Headers:        e.Headers,

		QueryStringParameters: e.QueryStringParameters,
		RequestContext:        e.RequestContext,
		PathParameters:        e.PathParameters,
	}
}

// parseDecision reads a simple response. Only a true isAuthorized lets a request through, and
// anything but a boolean is a fault of the authorizer. The context keeps its types.
func parseDecision(answer []byte) (bool, lambdaContext, error) {
	var members map[string]json.RawMessage // by their exact names
	err := json.Unmarshal(answer, &members)
	if err != nil {
		return false, lambdaContext{}, errors.New("the authorizer's answer is not a JSON object")
	}
	var allowed bool
	switch string(members["isAuthorized"]) {
	case "true":
		allowed = true
	case "false":
	default:
		return false, lambdaContext{}, errors.New("the authorizer's answer has no boolean isAuthorized")
	}
	said := members["context"]
	if said == nil || bytes.Equal(said, []byte("null")) {
		return allowed, lambdaContext{}, nil
	}
	var values map[string]json.RawMessage
	err = json.Unmarshal(said, &values)
	if err != nil {
		return false, lambdaContext{}, errors.New("the context of the authorizer's answer is not a JSON object")
	}
	if len(values) == 0 {
		said = nil
	}
	return allowed, lambdaContext{Lambda: said}, nil
}
