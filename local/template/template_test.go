package template_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/local/template"
)

const sample = `
Parameters:
  Stage: {Type: String, Default: dev}
  Country: {Type: String}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [!Condition IsDev, !Equals [!Ref Country, ""]]
Globals:
  Function:
    Timeout: 10
    Environment:
      Variables:
        TABLE: !Ref Table
        ENDPOINT: ""
        SHADOWED: global
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: n, AttributeType: N}
      KeySchema:
        - {AttributeName: pk, KeyType: HASH}
        - {AttributeName: n, KeyType: RANGE}
      TimeToLiveSpecification: {AttributeName: gone_at, Enabled: true}
  Secret:
    Type: AWS::SecretsManager::Secret
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Condition: IsProd
  OneTwoFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/one-two/
      MemorySize: 512
      Environment:
        Variables:
          SHADOWED: !If [IsProd, a, b]
          NUMBER: 12
          LONG: {"Fn::Sub": "${Stage}-${AWS::Region}-${!Kept}-${Table.Arn}"}
          MAPPED: !Sub ["${a}/${Stage}", {a: !Ref Country}]
          JOINED: !Join [",", [x, !Ref Stage]]
          CHOSEN: !Select [1, [x, y]]
          ARN: !GetAtt Table.Arn
          ARN2: !GetAtt [Table, Arn]
          EMPTY: ~
          VAULT: !Ref Secret
          ALIAS: !Ref BareFunction.Alias
      Policies:
        - AWSXRayDaemonWriteAccess
        - DynamoDBCrudPolicy: {TableName: !Ref Table}
        - !If [IsProd, Never, !Ref AWS::NoValue]
        - Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Action: [dynamodb:GetItem, dynamodb:PutItem], Resource: !GetAtt Table.Arn}
            - Effect: Deny
              Action: secretsmanager:GetSecretValue
              Resource: [!Sub "arn:${AWS::Partition}:x:${Stage}-??????", "*"]
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/one/{id}", Method: get}}
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/all/{proxy+}", Method: ANY}}
        Default: {Type: HttpApi, Properties: {ApiId: !Ref Api}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  BareFunction:
    Type: AWS::Serverless::Function
    Condition: Both
    Properties: {CodeUri: functions/bare, Timeout: 3}
  AbsentFunction:
    Type: AWS::Serverless::Function
    Condition: IsProd
    Properties: {CodeUri: functions/absent}
`

func TestParse(t *testing.T) {
	got, err := template.Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	table := template.Table{
		Name:       "Table",
		Attributes: []template.Attribute{{"pk", "S"}, {"n", "N"}},
		Keys:       []template.Key{{"pk", "HASH"}, {"n", "RANGE"}},
		TTL:        "gone_at",
	}
	equal(t, "table", got.Table, table)
	equal(t, "parameters", got.Parameters, map[string]string{"Stage": "dev", "Country": ""})
	if len(got.Functions) != 2 {
		t.Fatalf("%d functions, want the two whose conditions hold", len(got.Functions))
	}
	f := got.Functions[0]
	equal(t, "statements", f.Statements, []template.Statement{
		{"Allow", []string{"dynamodb:GetItem", "dynamodb:PutItem"}, []string{"Table.Arn"}},
		{"Deny", []string{"secretsmanager:GetSecretValue"}, []string{"arn:aws:x:dev-??????", "*"}},
	})
	equal(t, "policy names", f.PolicyNames, []string{"AWSXRayDaemonWriteAccess", "DynamoDBCrudPolicy"})
	equal(t, "routes", f.Routes, []template.Route{{Method: "GET", Path: "/one/{id}"}, {Method: "ANY", Path: "/all/{proxy+}"}, {Method: "ANY", Path: "$default"}})
	equal(t, "environment", f.Environment, map[string]string{
		"TABLE": "Table", "ENDPOINT": "", "SHADOWED": "b", "NUMBER": "12", "EMPTY": "", "VAULT": "", "ALIAS": "BareFunction.Arn",
		"LONG": "dev-us-east-1-${Kept}-Table.Arn", "MAPPED": "/dev", "JOINED": "x,dev", "CHOSEN": "y",
		"ARN": "Table.Arn", "ARN2": "Table.Arn",
	})
	if f.ID != "OneTwoFunction" || f.Folder != "functions/one-two" || f.Name() != "one-two" || f.Timeout != 10*time.Second || f.MemoryMB != 512 {
		t.Errorf("function = %+v", f)
	}
	bare := got.Functions[1]
	if bare.Timeout != 3*time.Second || bare.MemoryMB != 128 || bare.Environment["SHADOWED"] != "global" {
		t.Errorf("bare function = %+v", bare)
	}
}

func TestKey(t *testing.T) {
	for want, route := range map[string]template.Route{
		"POST /signup": {Method: "POST", Path: "/signup"},
		"ANY /{p+}":    {Method: "ANY", Path: "/{p+}"},
		"$default":     {Method: "ANY", Path: "$default"},
	} {
		if route.Key() != want {
			t.Errorf("key of %+v = %q, want %q", route, route.Key(), want)
		}
	}
}

// function wraps properties into a template whose function begins at line 4.
func function(properties string) string {
	return "Parameters: {P: {Default: x}}\nResources:\n  F:\n    {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f, " + properties + "}}\n"
}

func TestRefusals(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"not YAML", "a: [", "line"},
		{"list", "- a", "line 1: a mapping"},
		{"double key", "Resources: {}\nResources: {}", "line 2: Resources is there twice"},
		{"alias", "A: &a {}\nResources: *a", "line 2"},
		{"unknown reference", function("Environment: {Variables: {A: !Ref Nothing}}"), "line 4: \"Nothing\""},
		{"unknown name in Sub", function("Environment: {Variables: {A: !Sub \"${Nothing}\"}}"), "line 4: \"Nothing\""},
		{"open Sub", function("Environment: {Variables: {A: !Sub \"${P\"}}"), "line 4: ${"},
		{"alias of no function", "Resources: {T: {Type: x}, F: {Type: AWS::Serverless::Function, Properties: {CodeUri: f, Environment: {Variables: {A: !Ref T.Alias}}}}}", "line 1: \"T.Alias\""},
		{"unknown attribute", function("Environment: {Variables: {A: !GetAtt P.Arn}}"), "line 4"},
		{"unknown intrinsic", function("Environment: {Variables: {A: !Base64 x}}"), "line 4: Base64 is not understood"},
		{"list as a value", function("Environment: {Variables: {A: [x]}}"), "line 4: a single value"},
		{"Select outside", function("Environment: {Variables: {A: !Select [2, [x]]}}"), "line 4"},
		{"Join of nothing", function("Environment: {Variables: {A: !Join [x]}}"), "line 4"},
		{"If of an unknown condition", function("Environment: {Variables: {A: !If [C, a, b]}}"), "there is no condition \"C\""},
		{"If of two", function("Environment: {Variables: {A: !If [C, a]}}"), "line 4: If takes"},
		{"timeout", function("Timeout: 901"), "line 4: Timeout"},
		{"timeout 0", function("Timeout: 0"), "line 4: Timeout"},
		{"memory", function("MemorySize: lots"), "line 4: MemorySize"},
		{"REST API", function("Events: {E: {Type: Api, Properties: {Path: /, Method: get}}}"), "line 4: event E is of a REST API"},
		{"path alone", function("Events: {E: {Type: HttpApi, Properties: {Path: /}}}"), "line 4: event E needs both"},
		{"relative path", function("Events: {E: {Type: HttpApi, Properties: {Path: a, Method: get}}}"), "line 4"},
		{"odd method", function("Events: {E: {Type: HttpApi, Properties: {Path: /, Method: get /}}}"), "line 4"},
		{"NotAction", function("Policies: [{Statement: {Effect: Allow, NotAction: x, Resource: '*'}}]"), "line 4: NotAction"},
		{"statement without resource", function("Policies: [{Statement: {Effect: Allow, Action: x}}]"), "line 4: a statement needs"},
		{"no folder", "Resources: {F: {Type: AWS::Serverless::Function}}", "line 1: F needs a CodeUri"},
		{"folder outside", "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: ../x}}}", "line 1: F needs a CodeUri"},
		{"folder in a bucket", "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://b/k}}}", "line 1: F needs a CodeUri"},
		{"route twice", function("Events: {A: {Type: HttpApi}, B: {Type: HttpApi}}"), "share the route $default"},
		{"folder twice", function("Timeout: 1") + "  G: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f/}}", "line 5: F and G share the name f"},
		{"table without keys", "Resources: {T: {Type: AWS::DynamoDB::Table}}", "line 1: T needs AttributeDefinitions"},
		{"table with an index", "Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {GlobalSecondaryIndexes: [x]}}}", "no indexes"},
		{"circular condition", "Conditions: {C: !Not [!Condition C]}\nResources: {F: {Type: T, Condition: C}}", "line 1: this condition leads to itself"},
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

// The project's own template is understood in full, and names no secret to a laptop.
func TestReadOwn(t *testing.T) {
	got, err := template.Read("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got.Table.TTL == "" || len(got.Table.Keys) != 2 {
		t.Errorf("table = %+v", got.Table)
	}
	names := map[string]template.Function{}
	for _, f := range got.Functions {
		names[f.Name()] = f
		if f.ID == "" || len(f.Statements) == 0 && len(f.PolicyNames) == 0 && len(f.Routes) == 0 {
			t.Errorf("function %+v says nothing", f)
		}
		if f.Environment["SECRET_ARN"] != "" {
			t.Errorf("%s is told of a secret that a laptop has not got", f.ID)
		}
	}
	_, told := names["signup"].Environment["SECRET_ARN"]
	if !told {
		t.Errorf("signup is never told of a secret")
	}
	for _, name := range []string{"home", "signup"} {
		if len(names[name].Routes) == 0 {
			t.Errorf("no function %s with routes among %v", name, slices.Sorted(maps.Keys(names)))
		}
	}
	_, err = template.Read("nothing.yaml")
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(guarded))
	f.Add([]byte("Conditions: {C: !And [!Condition C, !Condition C]}\nResources: {F: {Condition: C, Type: x}}"))
	f.Add([]byte("Resources: &a {F: *a}"))
	f.Add([]byte("? [a]\n: b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := template.Parse(data)
		if err != nil {
			return
		}
		for _, fn := range got.Functions {
			if fn.Folder == "" || strings.HasPrefix(fn.Folder, "..") || strings.HasPrefix(fn.Folder, "/") || fn.Timeout <= 0 {
				t.Errorf("accepted %+v", fn)
			}
			for _, r := range fn.Routes {
				if r.Authorizer != nil && (r.IAM || r.Authorizer.Function == "") {
					t.Errorf("accepted route %+v of %+v", r, r.Authorizer)
				}
				if r.Key() == "" || r.Path != template.Default && r.Path[0] != '/' {
					t.Errorf("accepted route %+v", r)
				}
			}
		}
	})
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}
