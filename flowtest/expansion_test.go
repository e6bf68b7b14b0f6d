package flowtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"latchkey/flowtest/rig"
)

// stack is what CloudFormation would be given.
type stack struct {
	Resources map[string]resource
	Outputs   map[string]map[string]any
}

type resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
	UpdatePolicy                        map[string]any
}

// at is what lies there under these names, nil if nothing does.
func (r resource) at(path ...string) any {
	var at any = r.Properties
	for _, name := range path {
		within, _ := at.(map[string]any)
		at = within[name]
	}
	return at
}

// of are the resources of a type, by logical id.
func (s stack) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range s.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// expansions are made once for each set of parameters: SAM's translator takes its time.
var expansions sync.Map

// errNoTranslator is met where python3 or SAM's translator is not installed.
var errNoTranslator = errors.New("python3 with SAM's translator is not installed (pip install aws-sam-translator): what SAM makes of the template is not looked at")

// expand is the project's template as SAM expands it, with these parameters, each
// written as Name=value.
func expand(t *testing.T, parameters ...string) stack {
	t.Helper()
	once, _ := expansions.LoadOrStore(strings.Join(parameters, "\n"), sync.OnceValues(func() (stack, error) { return expansion(parameters) }))
	s, err := once.(func() (stack, error))()
	if errors.Is(err, errNoTranslator) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func expansion(parameters []string) (stack, error) {
	var s stack
	var out, said bytes.Buffer
	script := filepath.Join(rig.Root(), "flowtest", "testdata", "expand.py")
	args := []string{script, filepath.Join(rig.Root(), "template.yaml"), "AllowedCountries=US"}
	cmd := exec.Command("python3", append(args, parameters...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 3 {
		return s, errNoTranslator
	}
	if err != nil {
		return s, fmt.Errorf("expanding the template: %w\n%s", err, said.String())
	}
	return s, json.Unmarshal(out.Bytes(), &s)
}

// eachStage looks at the stack of either stage.
func eachStage(t *testing.T, look func(t *testing.T, stage string, s stack)) {
	t.Parallel()
	for _, stage := range []string{"dev", "prod"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			look(t, stage, expand(t, "Stage="+stage))
		})
	}
}

// Each function's role holds the managed policy for logs, and exactly the
// statements that the template writes for it: on our table, our secret and one
// bus, without a wildcard, a scan, a query or a transaction.
func TestRoles(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s stack) {
		functions := s.of("AWS::Lambda::Function")
		if len(functions) != len(rig.Steps()) {
			t.Errorf("%d functions, %d steps", len(functions), len(rig.Steps()))
		}
		roles := map[string]bool{"CodeDeployServiceRole": true}
		for id, f := range functions {
			role := id + "Role"
			roles[role] = true
			if got := fmt.Sprint(f.at("Role")); got != "map[Fn::GetAtt:["+role+" Arn]]" {
				t.Errorf("%s has the role %s", id, got)
			}
			r := s.Resources[role]
			if got := fmt.Sprint(r.at("ManagedPolicyArns")); got != "[arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]" {
				t.Errorf("%s: managed policies %s", role, got)
			}
			if got := fmt.Sprint(r.at("AssumeRolePolicyDocument", "Statement")); !strings.Contains(got, "Service:[lambda.amazonaws.com]") || strings.Count(got, "Principal") != 1 {
				t.Errorf("%s may be taken on by %s", role, got)
			}
			want, _ := inTemplate(t, "Resources", id, "Properties", "Policies").([]any)
			got, _ := r.at("Policies").([]any)
			if len(want) != 1 || len(got) != 1 {
				t.Fatalf("%s has %d policies, the template %d", role, len(got), len(want))
			}
			written, _ := want[0].(map[string]any)["Statement"].([]any)
			document, _ := got[0].(map[string]any)["PolicyDocument"].(map[string]any)
			given, _ := document["Statement"].([]any)
			if len(given) != len(written) {
				t.Errorf("%s has %d statements, the template %d", role, len(given), len(written))
			}
			for i, each := range given {
				narrow(t, role, each.(map[string]any))
				if i < len(written) && fmt.Sprint(each.(map[string]any)["Action"]) != fmt.Sprint(written[i].(map[string]any)["Action"]) {
					t.Errorf("%s: statement %d allows %v", role, i, each)
				}
			}
		}
		if got := slices.Sorted(maps.Keys(s.of("AWS::IAM::Role"))); !slices.Equal(got, slices.Sorted(maps.Keys(roles))) {
			t.Errorf("roles %v", got)
		}
		if got := fmt.Sprint(s.Resources["CodeDeployServiceRole"].at("ManagedPolicyArns")); got != "[arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda]" {
			t.Errorf("releases may %s", got)
		}
	})
}

// narrow holds one statement to what any may be.
func narrow(t *testing.T, role string, s map[string]any) {
	t.Helper()
	where := map[string]string{
		"dynamodb":       "map[Fn::GetAtt:[Table Arn]]",
		"secretsmanager": "map[Ref:Secret]",
		"events":         "map[Fn::Sub:arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBus}]",
	}
	for _, action := range texts(s["Action"]) {
		service, name, _ := strings.Cut(action, ":")
		if s["Effect"] != "Allow" || fmt.Sprint(s["Resource"]) != where[service] {
			t.Errorf("%s: %v on %v", role, action, s["Resource"])
		}
		if strings.ContainsAny(action, "*?") || slices.ContainsFunc([]string{"Scan", "Query", "Transact", "PartiQL"}, func(word string) bool { return strings.Contains(name, word) }) {
			t.Errorf("%s may %s", role, action)
		}
	}
}

// No function is given a secret: neither one of the names that the secret holds,
// nor a text that CloudFormation would put one in place of. Who reads vendors'
// credentials is told where the secret is, and nobody else.
func TestNoSecretInAnyEnvironment(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s stack) {
		for id, f := range s.of("AWS::Lambda::Function") {
			variables, _ := f.at("Environment", "Variables").(map[string]any)
			if len(variables) < 5 {
				t.Errorf("%s: %d variables", id, len(variables))
			}
			_, calls := variables["TWILIO_API_URL"]
			for _, name := range []string{"TWILIO_VERIFY_URL", "AUTHY_API_URL"} {
				_, also := variables[name]
				calls = calls || also
			}
			told := fmt.Sprint(variables["SECRET_ARN"]) == "map[Ref:Secret]"
			may := strings.Contains(fmt.Sprint(s.Resources[id+"Role"].at("Policies")), "secretsmanager:GetSecretValue")
			if want := calls || id == "OnetouchCallbackFunction"; told != want || may != want {
				t.Errorf("%s: calls vendors or hears them %t, told of the secret %t, may read it %t", id, want, told, may)
			}
			for name, value := range variables {
				named := regexp.MustCompile(`(?i)(SECRET|TOKEN|PASSWORD|_KEY|_SID)($|_)`).MatchString(name) && name != "SECRET_ARN" && name != "SECRET_LIFE" && name != "PASSWORD_BLOCKLIST" &&
					name != "AWS_ENDPOINT_URL_SECRETS_MANAGER"
				if slices.Contains(credentials, name) || named || strings.Contains(fmt.Sprint(value), "{{resolve") || name == "TEST_NUMBERS" && value != "" {
					t.Errorf("%s is given %s = %v", id, name, value)
				}
			}
		}
		if got := s.Resources["Secret"]; got.at("SecretString") != nil || got.at("GenerateSecretString") != nil {
			t.Errorf("the stack makes the secret's value: %v", got)
		}
	})
}

// Every route is throttled by the stage's default, and none of its own bounds is
// for a route that is not there; the gateway waits longer than the function may
// take, and calls the alias.
func TestEveryRouteIsBound(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s stack) {
		stage := s.Resources["ApiApiGatewayDefaultStage"]
		for _, bound := range []string{"ThrottlingBurstLimit", "ThrottlingRateLimit"} {
			n, _ := stage.at("DefaultRouteSettings", bound).(float64)
			if n <= 0 {
				t.Errorf("%s of a route without its own is %v", bound, n)
			}
		}
		routes := map[string]bool{}
		paths, _ := s.Resources["Api"].at("Body", "paths").(map[string]any)
		for path, methods := range paths {
			for method, route := range methods.(map[string]any) {
				key := strings.ToUpper(method) + " " + path
				routes[key] = true
				integration, _ := route.(map[string]any)["x-amazon-apigateway-integration"].(map[string]any)
				uri, _ := integration["uri"].(map[string]any)["Fn::Sub"].(string)
				function := regexp.MustCompile(`functions/\$\{(\w+)Aliaslive\}/invocations$`).FindStringSubmatch(uri)
				if function == nil {
					t.Errorf("%s calls %s", key, uri)
					continue
				}
				patience, _ := integration["timeoutInMillis"].(float64)
				limit, _ := s.Resources[function[1]].at("Timeout").(float64)
				if limit <= 0 || 1000*limit >= patience || patience > 30000 {
					t.Errorf("%s waits %v ms for a function that may take %v s", key, patience, limit)
				}
			}
		}
		if len(routes) != len(needs)+1 { // and $default
			t.Errorf("%d routes, want %d", len(routes), len(needs)+1)
		}
		own, _ := stage.at("RouteSettings").(map[string]any)
		for key := range own {
			if !routes[key] {
				t.Errorf("%s has a bound and is not there", key)
			}
		}
	})
}

// The gateway may invoke the aliases alone, the authorizer's as well: a release
// that is taken back is back for all.
func TestTheAliasIsCalled(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s stack) {
		seen := map[string]bool{}
		for id, p := range s.of("AWS::Lambda::Permission") {
			named := fmt.Sprint(p.at("FunctionName"))
			alias := regexp.MustCompile(`^map\[Ref:(\w+Function)Aliaslive\]$`).FindStringSubmatch(named)
			if alias == nil || p.at("Principal") != "apigateway.amazonaws.com" {
				t.Errorf("%s lets %v call %s", id, p.at("Principal"), named)
				continue
			}
			seen[alias[1]] = true
		}
		if len(seen) != len(rig.Steps()) {
			t.Errorf("the gateway may call %v", slices.Sorted(maps.Keys(seen)))
		}
		uri := fmt.Sprint(s.Resources["Api"].at("Body", "components", "securitySchemes", "Session", "x-amazon-apigateway-authorizer", "authorizerUri"))
		if !strings.Contains(uri, "Ref:AuthorizerFunctionAliaslive") {
			t.Errorf("the authorizer is %s", uri)
		}
		if got := fmt.Sprint(s.Outputs["AuthorizerArn"]["Value"]); got != "map[Ref:AuthorizerFunctionAliaslive]" {
			t.Errorf("other stacks are told of %s", got)
		}
	})
}

// What the stages differ in, and what they must not: table, secret and logs
// outlive their stack in both.
func TestStages(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s stack) {
		prod := stage == "prod"
		if got := s.Resources["Table"].at("DeletionProtectionEnabled"); got != prod {
			t.Errorf("the table is protected: %v", got)
		}
		for _, id := range []string{"Table", "Secret", "Logs", "AccessLogs"} {
			if r := s.Resources[id]; r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: %s, %s", id, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
		}
		way := map[bool]string{true: "Canary10Percent5Minutes", false: "AllAtOnce"}[prod]
		groups := s.of("AWS::CodeDeploy::DeploymentGroup")
		if len(groups) != len(rig.Steps()) {
			t.Errorf("%d of the functions are released by CodeDeploy", len(groups))
		}
		for id, g := range groups {
			if got := fmt.Sprint(g.at("DeploymentConfigName")); !strings.Contains(got, "ConfigName:"+way+"]") {
				t.Errorf("%s: %s", id, got)
			}
			alarms, _ := g.at("AlarmConfiguration", "Alarms").([]any)
			on := g.at("AlarmConfiguration", "Enabled") == true
			if on != prod || (len(alarms) == 4) != prod {
				t.Errorf("%s is watched by %v", id, alarms)
			}
			for _, a := range alarms {
				name, _ := a.(map[string]any)["Name"].(map[string]any)["Ref"].(string)
				if s.Resources[name].Type != "AWS::CloudWatch::Alarm" {
					t.Errorf("%s is watched by %v", id, a)
				}
			}
		}
		for id, f := range s.of("AWS::Lambda::Function") {
			alias := s.Resources[id+"Aliaslive"]
			if alias.UpdatePolicy["CodeDeployLambdaAliasUpdate"] == nil {
				t.Errorf("%s is not released through its alias", id)
			}
			if got := fmt.Sprint(f.at("Tags")); !strings.Contains(got, "Key:stage Value:"+stage) {
				t.Errorf("%s has the tags %s", id, got)
			}
		}
	})
}

// Every log ends: the functions' group and that of the gateway, and no function
// writes to another.
func TestEveryLogEnds(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s stack) {
		groups := s.of("AWS::Logs::LogGroup")
		if len(groups) != 2 {
			t.Errorf("%d log groups", len(groups))
		}
		for id, g := range groups {
			days, err := strconv.Atoi(fmt.Sprint(g.at("RetentionInDays")))
			if err != nil || days < 1 {
				t.Errorf("%s is kept for %v days", id, g.at("RetentionInDays"))
			}
		}
		for id, f := range s.of("AWS::Lambda::Function") {
			if got := fmt.Sprint(f.at("LoggingConfig")); got != "map[ApplicationLogLevel:INFO LogFormat:JSON LogGroup:map[Ref:Logs] SystemLogLevel:WARN]" {
				t.Errorf("%s logs %s", id, got)
			}
		}
		access := s.Resources["ApiApiGatewayDefaultStage"]
		format, _ := access.at("AccessLogSettings", "Format").(string)
		var line map[string]string
		err := json.Unmarshal([]byte(format), &line)
		if err != nil || !strings.Contains(format, "$context.integrationErrorMessage") || fmt.Sprint(access.at("AccessLogSettings", "DestinationArn")) != "map[Fn::GetAtt:[AccessLogs Arn]]" {
			t.Errorf("the gateway logs %s: %v", format, err)
		}
		for name, value := range line {
			if !regexp.MustCompile(`^\$context\.[a-zA-Z.]+$`).MatchString(value) || regexp.MustCompile(`(?i)sourceIp|userAgent|path|query|identity|header|cookie`).MatchString(value) {
				t.Errorf("the gateway's line has %s: %s, which may tell of a person", name, value)
			}
		}
	})
}
