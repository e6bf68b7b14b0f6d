package flowtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"latchkey/flowtest/rig"
)

// inTemplate is what stands in the template under these names, nil if nothing does.
func inTemplate(t *testing.T, path ...string) any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var at any
	err = yaml.Unmarshal(text, &at)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		within, _ := at.(map[string]any)
		at = within[name]
	}
	return at
}

// The table outlives its stack (and in prod cannot be deleted by mistake:
// TestStages), can be brought back to any second of a month, is encrypted, and has
// neither an index nor a stream that could answer what is stale.
func TestTableIsKept(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]any{
		"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
		"Properties PointInTimeRecoverySpecification PointInTimeRecoveryEnabled": true,
		"Properties TimeToLiveSpecification Enabled":                             true,
		"Properties BillingMode":                                                 "PAY_PER_REQUEST",
		"Properties SSESpecification":                                            nil, // AWS's own key, without being asked
		"Properties GlobalSecondaryIndexes":                                      nil, "Properties LocalSecondaryIndexes": nil, "Properties StreamSpecification": nil,
	} {
		got := inTemplate(t, append([]string{"Resources", "Table"}, strings.Fields(path)...)...)
		if got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

// The gateway answers no foreign origin in our name, and stops what no limit of
// ours would: each route has a bound, and one that sends to strangers or hashes
// a lower one. A bound for a route that does not exist would fail the deployment
//
func TestGatewayHasBounds(t *testing.T) {
	t.Parallel()
	api := []string{"Resources", "Api", "Properties"}
	if got := inTemplate(t, append(api, "CorsConfiguration")...); got != nil {
		t.Errorf("the gateway allows foreign origins: %v", got)
	}
	if got := fmt.Sprint(inTemplate(t, append(api, "DefaultRouteSettings")...)); got != "map[ThrottlingBurstLimit:100 ThrottlingRateLimit:50]" {
		t.Errorf("every other route has %s", got)
	}
	bounds, _ := inTemplate(t, append(api, "RouteSettings")...).(map[string]any)
	routes := signedRoutes(t)
	for route, bound := range bounds {
		_, exists := routes[route]
		if !exists {
			t.Errorf("%s has a bound and does not exist", route)
		}
		sends := slices.Contains([]string{"POST /signup", "POST /resend", "POST /phone", "POST /phone-checks"}, route)
		want := map[bool]string{true: "map[ThrottlingBurstLimit:10 ThrottlingRateLimit:5]", false: "map[ThrottlingBurstLimit:40 ThrottlingRateLimit:20]"}[sends]
		if got := fmt.Sprint(bound); got != want {
			t.Errorf("%s has %s, want %s", route, got, want)
		}
	}
	for _, f := range rig.Template(t).Functions {
		_, hashes := f.Environment["BCRYPT_COST"]
		_, sends := f.Environment["SEND_WAITS"]
		for _, route := range f.Routes {
			if route.Method == "POST" && (hashes || sends) && bounds[route.Key()] == nil && !strings.Contains(route.Path, "{") {
				t.Errorf("%s hashes or sends, and has no bound of its own", route.Key())
			}
		}
	}
}

// Functions end before the gateway gives up, and the step that takes
// callbacks can change approvals and actions alone, and read users besides (R-143;
// TestPoliciesAgree holds that it asks for nothing else).
func TestFunctionsAreHeldBack(t *testing.T) {
	t.Parallel()
	for _, f := range rig.Template(t).Functions {
		if f.Timeout != 10*time.Second {
			t.Errorf("%s may take %s", f.ID, f.Timeout)
		}
		for _, s := range f.Statements {
			for _, action := range s.Actions {
				if strings.ContainsAny(action, "*") || strings.HasSuffix(action, ":Scan") || strings.HasSuffix(action, ":Query") {
					t.Errorf("%s may %s", f.ID, action)
				}
			}
		}
	}
	policies := fmt.Sprint(inTemplate(t, "Resources", "OnetouchCallbackFunction", "Properties", "Policies"))
	for _, want := range []string{
		`Action:[dynamodb:GetItem dynamodb:UpdateItem] Condition:map[ForAllValues:StringLike:map[dynamodb:LeadingKeys:[A#*]]]`,
		`Action:[dynamodb:GetItem] Condition:map[ForAllValues:StringLike:map[dynamodb:LeadingKeys:[U#*]]]`,
	} {
		if strings.Count(policies, want) != 1 || strings.Count(policies, "dynamodb:GetItem") != 2 {
			t.Errorf("the step of callbacks may do more than it needs: %s", policies)
		}
	}
}
