package flowtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// A name of one's own closes the API's, and whoever is told an address is told
// that name; without one nothing of it is made.
func TestDomain(t *testing.T) {
	t.Parallel()
	plain := expand(t, "Stage=dev")
	named := expand(t, "Stage=dev", "DomainName=id.example.com", "CertificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/x")
	zoned := expand(t, "Stage=dev", "DomainName=id.example.com", "CertificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/x", "HostedZoneId=Z123")
	fronted := expand(t, "Stage=dev", "DomainName=id.example.com", "CertificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/x", "PublicUrl=https://www.example.com")
	for name, c := range map[string]struct {
		s                                 stack
		domain, record, closed            bool
		url, callback, signed, everywhere string
	}{
		"plain":   {plain, false, false, false, "https://${Api}.execute-api", "https://${Api}.execute-api", "https://${Api}.execute-api", "map[PUBLIC_URL:]"},
		"named":   {named, true, false, true, "https://${DomainName}/", "https://${DomainName}/onetouch/callback", "https://${DomainName}", "map[PUBLIC_URL:map[Fn::Sub:https://${DomainName}]]"},
		"zoned":   {zoned, true, true, true, "https://${DomainName}/", "https://${DomainName}/onetouch/callback", "https://${DomainName}", "map[PUBLIC_URL:map[Fn::Sub:https://${DomainName}]]"},
		"fronted": {fronted, true, false, true, "https://www.example.com", "${PublicUrl}/onetouch/callback", "https://${DomainName}", "map[PUBLIC_URL:https://www.example.com]"},
	} {
		_, domain := c.s.Resources["Domain"]
		_, mapping := c.s.Resources["DomainMapping"]
		_, record := c.s.Resources["DomainRecord"]
		_, target := c.s.Outputs["DomainTarget"]
		if domain != c.domain || mapping != c.domain || target != c.domain || record != c.record {
			t.Errorf("%s: domain %t, mapping %t, target %t, record %t", name, domain, mapping, target, record)
		}
		closed := strings.Contains(fmt.Sprint(c.s.Resources["Api"].at("Body", "servers"), c.s.Resources["Api"].Properties["DisableExecuteApiEndpoint"]), "true")
		if closed != c.closed {
			t.Errorf("%s: the API's own name is closed: %t", name, closed)
		}
		for output, want := range map[string]string{"Url": c.url, "CallbackUrl": c.callback, "ApiUrl": c.signed} {
			if got := fmt.Sprint(c.s.Outputs[output]["Value"]); !strings.Contains(got, want) {
				t.Errorf("%s: %s is %s", name, output, got)
			}
		}
		for id, f := range c.s.of("AWS::Lambda::Function") {
			variables, _ := f.at("Environment", "Variables").(map[string]any)
			if got := fmt.Sprint(map[string]any{"PUBLIC_URL": variables["PUBLIC_URL"]}); got != c.everywhere {
				t.Errorf("%s: %s has %s", name, id, got)
			}
		}
	}
}

// Budgets reach every function that counts by them, a bound of runs at once the
// steps that cost money, and an address for alarms every alarm. Whoever sets
// nothing gets what is built in.
func TestKnobs(t *testing.T) {
	t.Parallel()
	spending := []string{"LoginFunction", "PhoneChecksFunction", "PhoneFunction", "ResendFunction", "SignupFunction"}
	for name, c := range map[string]struct {
		s                    stack
		day, country         string
		reserved             any
		topics, told         int
		level, system, print string
	}{
		"as it is": {expand(t, "Stage=dev"), "", "", nil, 0, 0, "INFO", "WARN", "90"},
		"set": {
			expand(t, "Stage=dev", "SendsPerDay=70", "SendsPerCountry=30", "ReservedConcurrency=20", "AlarmEmail=ops@example.com", "LogLevel=DEBUG", "LogRetention=30"),
			"70", "30", "20", 1, 1, "DEBUG", "DEBUG", "30",
		},
	} {
		var bounded, counting []string
		for id, f := range c.s.of("AWS::Lambda::Function") {
			variables, _ := f.at("Environment", "Variables").(map[string]any)
			_, counts := variables["SENDS_PER_DAY"]
			if counts {
				counting = append(counting, id)
				if variables["SENDS_PER_DAY"] != c.day || variables["SENDS_PER_COUNTRY"] != c.country {
					t.Errorf("%s: %s may send %v a day, %v to a country", name, id, variables["SENDS_PER_DAY"], variables["SENDS_PER_COUNTRY"])
				}
			}
			if reserved := f.at("ReservedConcurrentExecutions"); reserved != nil {
				bounded = append(bounded, id)
				if fmt.Sprint(reserved) != c.reserved {
					t.Errorf("%s: %s has %v runs at once", name, id, reserved)
				}
			}
			if f.at("LoggingConfig", "ApplicationLogLevel") != c.level || f.at("LoggingConfig", "SystemLogLevel") != c.system {
				t.Errorf("%s: %s logs %v", name, id, f.at("LoggingConfig"))
			}
		}
		slices.Sort(counting)
		slices.Sort(bounded)
		if !slices.Equal(counting, spending) || c.reserved != nil && !slices.Equal(bounded, spending) || c.reserved == nil && len(bounded) > 0 {
			t.Errorf("%s: %v count sends, %v are bounded", name, counting, bounded)
		}
		if n := len(c.s.of("AWS::SNS::Topic")); n != c.topics {
			t.Errorf("%s: %d topics", name, n)
		}
		for id, a := range c.s.of("AWS::CloudWatch::Alarm") {
			if told, _ := a.at("AlarmActions").([]any); len(told) != c.told {
				t.Errorf("%s: %s tells %v", name, id, told)
			}
		}
		if got := fmt.Sprint(c.s.Resources["Logs"].at("RetentionInDays")); got != c.print {
			t.Errorf("%s: logs are kept %s days", name, got)
		}
	}
}

// A table that was restored from a backup takes the place of the stack's own
// wherever that is used; the stack's own stays as it is.
func TestRestored(t *testing.T) {
	t.Parallel()
	s := expand(t, "Stage=prod", "RestoredTable=yesterday")
	arn := "map[Fn::Sub:arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${RestoredTable}]"
	for id, f := range s.of("AWS::Lambda::Function") {
		if got := f.at("Environment", "Variables", "TABLE_NAME"); got != "yesterday" {
			t.Errorf("%s works on %v", id, got)
		}
		if got := fmt.Sprint(s.Resources[id+"Role"].at("Policies")); strings.Contains(got, "Table Arn") || !strings.Contains(got, arn) {
			t.Errorf("%s may work on %s", id, got)
		}
	}
	for _, id := range []string{"TableThrottles", "TableErrors"} {
		for _, m := range metrics(s.Resources[id]) {
			if got := fmt.Sprint(m["dimensions"]); !strings.Contains(got, "Name:TableName Value:yesterday") {
				t.Errorf("%s watches %s", id, got)
			}
		}
	}
	if s.Resources["Table"].Type == "" || s.Outputs["TableName"]["Value"] != "yesterday" {
		t.Errorf("the operator is told of %v", s.Outputs["TableName"]["Value"])
	}
}

// Memory is what was measured: Lambda gives processor time in proportion, and
// hashing is what takes it. No function takes turns with itself.
func TestSizes(t *testing.T) {
	t.Parallel()
	sizes := map[string]int{"signup": 512, "password": 512, "phone": 512, "recovery": 512, "login": 1024}
	for _, f := range rig.Template(t).Functions {
		want := 128
		_, hashes := f.Environment["BCRYPT_COST"]
		if sizes[f.Name()] > 0 {
			want = sizes[f.Name()]
		}
		if f.MemoryMB != want || hashes != (want > 128) {
			t.Errorf("%s has %d MB, want %d; it hashes: %t", f.ID, f.MemoryMB, want, hashes)
		}
		if f.Environment["GOMAXPROCS"] != "1" {
			t.Errorf("%s runs on %s", f.ID, f.Environment["GOMAXPROCS"])
		}
		if f.Environment["SSL_CERT_DIR"] != "/var/empty/certificates" {
			t.Errorf("%s reads certificates from %s", f.ID, f.Environment["SSL_CERT_DIR"])
		}
	}
	if len(sizes) != 5 || slices.Contains(slices.Collect(maps.Values(sizes)), 0) {
		t.Error("the list of sizes is not the one that was measured")
	}
}
