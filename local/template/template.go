// Package template reads what a laptop run and the tests need from the project's SAM
// templates: functions, routes and who authorizes them, rules of the event bus, environment,
// policies, the table. It understands the intrinsic
// functions that these use and refuses, with the line, what it does not understand, so that
// nothing is silently left out. It knows nothing of how the values are used.
package template

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// Template is the part of a SAM template that this project relies on.
type Template struct {
	// Functions are in the order of the file.
	Functions []Function
	// Table is zero if there is none.
	Table Table
	// Parameters are the defaults by name, "" where there is none.
	Parameters map[string]string
}

// Function is an AWS::Serverless::Function with the Globals merged in.
type Function struct {
	// ID is the logical id, such as SignupFunction.
	ID string
	// Folder is CodeUri without a trailing slash, such as functions/signup. No two functions
	// share one: SAM would give both the same binary.
	Folder string
	// Timeout and MemoryMB have SAM's defaults of 3 seconds and 128 MB.
	Timeout  time.Duration
	MemoryMB int
	// Environment has intrinsics resolved: a parameter is its default, a resource its
	// logical id, an attribute "Table.Arn", a secret "".
	Environment map[string]string
	// Routes are those of HttpApi events and Rules those of EventBridgeRule events. Events of
	// other kinds are left out. A function may have neither, as an authorizer has.
	Routes []Route
	Rules  []Rule
	// Statements are those of the policies written out; PolicyNames are the managed
	// policies and SAM policy templates that are only named.
	Statements  []Statement
	PolicyNames []string
}

// Name is the step's name: the last part of the folder.
func (f Function) Name() string { return path.Base(f.Folder) }

// Default is the path of the $default route, and ANY the method that takes all.
const (
	Default = "$default"
	Any     = "ANY"
)

// Route is one route of the HTTP API.
type Route struct {
	// Method is in upper case, or Any.
	Method string
	// Path begins with a slash and may hold {variables} and a last {greedy+} one, or is Default.
	Path string
	// IAM is set if callers must sign their requests (AWS_IAM).
	IAM bool
	// Authorizer is asked before the function is; nil if nobody is.
	Authorizer *Authorizer
}

// Authorizer is a Lambda authorizer of an HTTP API, with payload format 2.0, simple responses
// and no caching
// (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-lambdaauthorizer.html).
type Authorizer struct {
	// Name is the one the template's routes call it by.
	Name string
	// Function is Function.Name of the function that decides. It may belong to another
	// template of the project.
	Function string
	// Headers are the request headers that must be there, or nobody is asked.
	Headers []string
}

// DefaultBus is the event bus of rules that name none.
const DefaultBus = "default"

// Rule is an EventBridgeRule event: the function is invoked with each event on the bus whose
// source and detail type are among those listed. An empty list takes all; one is not empty.
type Rule struct {
	Bus                  string
	Sources, DetailTypes []string
}

// Key is the route key as events carry it: "POST /signup", or "$default".
func (r Route) Key() string {
	if r.Path == Default {
		return Default
	}
	return r.Method + " " + r.Path
}

// Statement is one statement of a policy. Conditions are not kept.
type Statement struct {
	Effect    string
	Actions   []string
	Resources []string
}

// Table is the AWS::DynamoDB::Table.
type Table struct {
	// Name is the logical id.
	Name       string
	Attributes []Attribute
	Keys       []Key
	// TTL is the attribute that DynamoDB's time to live acts on, "" if it is off.
	TTL string
}

// Attribute is a key attribute; Type is S, N or B.
type Attribute struct{ Name, Type string }

// Key is a part of the primary key; Type is HASH or RANGE.
type Key struct{ Name, Type string }

// Read reads the template at file, alone.
func Read(file string) (*Template, error) { return read(file, filepath.Base(file)) }

// read calls the file by name in its errors.
func read(file, name string) (*Template, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading template: %w", err)
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return t, nil
}

// Parse reads a template. Its errors name the line.
func Parse(data []byte) (*Template, error) {
	var document yaml.Node
	err := yaml.Unmarshal(data, &document)
	if err != nil {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) == 0 {
		return nil, fmt.Errorf("the template is empty")
	}
	r := &reader{
		parameters: map[string]string{}, conditions: map[string]*yaml.Node{}, resources: map[string]string{},
		apis: map[string]*api{},
	}
	return r.template(document.Content[0])
}
