package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// What a route's Auth may name besides an authorizer of the API.
const (
	nobody = "NONE"
	iam    = "AWS_IAM"
)

// ownAuthorizer is the function behind an authorizer whose ARN is a parameter without a
// default: that of the project, which another stack is given the ARN of.
const ownAuthorizer = "authorizer"

// api is what an HTTP API says about who may call it.
type api struct {
	authorizers map[string]*Authorizer
	standard    string // authorizer of routes that name none, or ""
	iam         bool   // whether routes may name AWS_IAM
}

// decider is an authorizer whose function is known by its logical id only.
type decider struct {
	authorizer *Authorizer
	id         string
	at         *yaml.Node
}

// readAPIs reads the HTTP APIs before the functions, whose routes refer to them.
func (r *reader) readAPIs(root *yaml.Node, resources []entry) error {
	common, err := find(root, "Globals", "HttpApi", "Auth")
	if err != nil {
		return err
	}
	if !empty(common) {
		return wrong(common, "Auth is understood at an HttpApi, not in the Globals")
	}
	for _, e := range resources {
		kind, err := find(e.value, "Type")
		if err != nil {
			return err
		}
		if kind == nil || kind.Value != "AWS::Serverless::HttpApi" {
			continue
		}
		present, err := r.present(e.value)
		if err != nil {
			return err
		}
		if !present {
			continue
		}
		auth, err := find(e.value, "Properties", "Auth")
		if err != nil {
			return err
		}
		r.apis[e.key], err = r.api(auth)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) api(auth *yaml.Node) (*api, error) {
	a := &api{authorizers: map[string]*Authorizer{}}
	list, err := entries(auth)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		switch e.key {
		case "Authorizers":
			err = r.authorizers(a, e.value)
		case "DefaultAuthorizer":
			a.standard, err = r.text(e.value)
		case "EnableIamAuthorizer":
			a.iam, err = r.flag(e.value)
		default:
			err = wrong(e.value, "%s is not understood here", e.key)
		}
		if err != nil {
			return nil, err
		}
	}
	if a.standard == "" {
		return a, nil
	}
	return a, a.assign(&Route{}, a.standard, auth)
}

func (r *reader) flag(n *yaml.Node) (bool, error) {
	text, err := r.text(n)
	if err == nil && text != "true" && text != "false" {
		err = wrong(n, "true or false is expected here")
	}
	return text == "true", err
}

func (r *reader) authorizers(a *api, n *yaml.Node) error {
	list, err := entries(n)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.key == nobody || e.key == iam {
			return wrong(e.value, "an authorizer cannot be named %s", e.key)
		}
		a.authorizers[e.key], err = r.authorizer(e)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) authorizer(e entry) (*Authorizer, error) {
	err := onlyKeys(e.value, "FunctionArn", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses", "Identity",
		"EnableFunctionDefaultPermissions", "FunctionInvokeRole") // who may invoke it does not matter here
	if err != nil {
		return nil, err
	}
	for _, must := range []struct{ key, value string }{{"AuthorizerPayloadFormatVersion", "2.0"}, {"EnableSimpleResponses", "true"}} {
		node, err := find(e.value, must.key)
		if err != nil {
			return nil, err
		}
		text, err := r.text(node)
		if err != nil {
			return nil, err
		}
		if text != must.value {
			return nil, wrong(e.value, "authorizer %s needs %s: %s; nothing else is understood", e.key, must.key, must.value)
		}
	}
	a := &Authorizer{Name: e.key}
	err = r.identity(a, e.value)
	if err != nil {
		return nil, err
	}
	return a, r.behind(a, e)
}

func (r *reader) identity(a *Authorizer, n *yaml.Node) error {
	identity, err := find(n, "Identity")
	if err != nil {
		return err
	}
	err = onlyKeys(identity, "Headers", "ReauthorizeEvery")
	if err != nil {
		return err
	}
	every, err := find(identity, "ReauthorizeEvery")
	if err != nil {
		return err
	}
	seconds, err := r.text(every)
	if err != nil {
		return err
	}
	if seconds != "" && seconds != "0" {
		return wrong(every, "answers of an authorizer are not cached on a laptop: ReauthorizeEvery must be 0")
	}
	headers, err := find(identity, "Headers")
	if err != nil || empty(headers) {
		return err
	}
	a.Headers, err = r.texts(headers)
	return err
}

// behind notes which function an authorizer is.
func (r *reader) behind(a *Authorizer, e entry) error {
	node, err := find(e.value, "FunctionArn")
	if err != nil {
		return err
	}
	if node == nil {
		return wrong(e.value, "authorizer %s needs a FunctionArn", e.key)
	}
	arn, err := r.text(node)
	if err != nil {
		return err
	}
	id, found := strings.CutSuffix(arn, ".Arn")
	switch {
	case arn == "":
		a.Function = ownAuthorizer
	case found && r.resources[id] != "":
		r.deciders = append(r.deciders, decider{authorizer: a, id: id, at: node})
	default:
		return wrong(node, "authorizer %s must be a function of this template, or a parameter without a default", e.key)
	}
	return nil
}

// decide names the functions behind the authorizers, once all are read.
func (r *reader) decide(t *Template) error {
	for _, d := range r.deciders {
		for _, f := range t.Functions {
			if f.ID == d.id {
				d.authorizer.Function = f.Name()
			}
		}
		if d.authorizer.Function == "" {
			return wrong(d.at, "%s is not a function of this template", d.id)
		}
	}
	return nil
}

// authorize finds out who authorizes the calls of a route.
func (r *reader) authorize(route *Route, e entry) error {
	a, err := r.apiOf(e)
	if err != nil {
		return err
	}
	auth, err := find(e.value, "Properties", "Auth")
	if err != nil {
		return err
	}
	err = onlyKeys(auth, "Authorizer")
	if err != nil {
		return err
	}
	node, err := find(auth, "Authorizer")
	if err != nil {
		return err
	}
	name, err := r.text(node)
	if err != nil {
		return err
	}
	if name == "" && route.Method != "OPTIONS" { // SAM spares preflights the default
		name = a.standard
	}
	return a.assign(route, name, e.value)
}

// apiOf is the HTTP API of an event; one that names none belongs to an API that SAM makes.
func (r *reader) apiOf(e entry) (*api, error) {
	node, err := find(e.value, "Properties", "ApiId")
	if err != nil {
		return nil, err
	}
	if empty(node) {
		return &api{}, nil
	}
	id, err := r.text(node)
	if err != nil {
		return nil, err
	}
	a := r.apis[id]
	if a == nil {
		return nil, wrong(node, "the ApiId of event %s is not an HttpApi of this template", e.key)
	}
	return a, nil
}

func (a *api) assign(route *Route, name string, at *yaml.Node) error {
	switch name {
	case "", nobody:
		return nil
	case iam:
		if !a.iam {
			return wrong(at, "%s needs EnableIamAuthorizer: true in the Auth of the API", iam)
		}
		route.IAM = true
		return nil
	}
	route.Authorizer = a.authorizers[name]
	if route.Authorizer == nil {
		return wrong(at, "the API has no authorizer %q", name)
	}
	return nil
}
