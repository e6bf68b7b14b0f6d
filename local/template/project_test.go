package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/local/template"
)

const table = "  T: {Type: AWS::DynamoDB::Table, Properties: {AttributeDefinitions: [{AttributeName: pk, AttributeType: S}], KeySchema: [{AttributeName: pk, KeyType: HASH}]}}\n"

func step(name, path string) string {
	return "  " + name + ": {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/" + name + ", Events: {E: {Type: HttpApi, Properties: {Path: " + path + ", Method: GET}}}}}\n"
}

// asking is an example whose route asks an authorizer of another stack.
const asking = `
Parameters: {AuthorizerArn: {Type: String, Default: ""}, P: {Default: of the example}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties: {Auth: {Authorizers: {A: {FunctionArn: !Ref AuthorizerArn, AuthorizerPayloadFormatVersion: "2.0", EnableSimpleResponses: true}}}}
  Bank:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/bank/
      Events: {E: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /bank, Method: GET, Auth: {Authorizer: A}}}}
`

// projectOf writes templates and returns their root.
func projectOf(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err != nil {
			t.Fatal(err)
		}
		err = os.WriteFile(path, []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestReadProject(t *testing.T) {
	root := projectOf(t, map[string]string{
		"template.yaml":               "Parameters: {P: {Default: own}}\nResources:\n" + table + "  authorizer: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/authorizer}}\n",
		"examples/bank/template.yaml": asking,
		"examples/shop/template.yaml": "Resources:\n" + step("shop", "/shop"),
	})
	files, err := template.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "files", files, []string{"template.yaml", "examples/bank/template.yaml", "examples/shop/template.yaml"})
	got, err := template.ReadProject(root)
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, f := range got.Functions {
		folders = append(folders, f.Folder)
	}
	equal(t, "folders", folders, []string{"functions/authorizer", "examples/bank/functions/bank", "examples/shop/functions/shop"})
	if got.Table.Name != "T" || got.Parameters["P"] != "own" || got.Functions[1].Routes[0].Authorizer.Function != "authorizer" {
		t.Errorf("project = %+v", got)
	}
}

func TestReadProjectRefuses(t *testing.T) {
	cases := []struct{ name, own, example, want string }{
		{"broken example", "Resources: {}", "a: [", "reading examples/e/template.yaml: yaml: line 1"},
		{"second table", "Resources:\n" + table, "Resources:\n" + table, "reading examples/e/template.yaml: T is a second table"},
		{"name twice", "Resources:\n" + step("a", "/a"), "Resources:\n" + step("a", "/b"), "reading examples/e/template.yaml: a has the name a, which a function of template.yaml has"},
		{"route twice", "Resources:\n" + step("a", "/a"), "Resources:\n" + step("b", "/a"), "reading examples/e/template.yaml: b has the route GET /a, which a function of template.yaml has"},
		{"nobody behind the authorizer", "Resources:\n" + step("a", "/a"), asking, "reading examples/e/template.yaml: authorizer A of route GET /bank is a function named authorizer, which there is not"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := projectOf(t, map[string]string{"template.yaml": c.own, "examples/e/template.yaml": c.example})
			_, err := template.ReadProject(root)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}
