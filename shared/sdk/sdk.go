// Package sdk is what the clients of AWS's services have in common: where a
// service is, whose keys sign a request, what carries it, and how often it is
// tried.
//
// All is set by hand: config.LoadDefaultConfig reads files and starts half again
// as slowly, and a function has its keys in the environment.
//
// It must not know what a service is asked.
package sdk

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"latchkey/shared/env"
)

// Service is how one service of AWS is reached.
type Service struct {
	Name     string // by which requests are signed, such as "dynamodb"
	Region   string
	Endpoint string // its address, such as "https://dynamodb.us-east-1.amazonaws.com"
	HTTP     aws.HTTPClient
	Keys     aws.CredentialsProvider
	Retryer  aws.Retryer

	now func() time.Time
}

// Tries is how often one call is tried at most, and the longest pause between.
type Tries struct {
	Most  int
	Pause time.Duration
}

// Open reads how a service is reached: its address from AWS_ENDPOINT_URL_<variable>,
// and otherwise the region's own. It connects to nothing.
func Open(cfg env.Config, vars *env.Vars, name, variable string, t Tries) Service {
	region := vars.String("AWS_REGION", "us-east-1")
	keys := aws.Credentials{
		AccessKeyID:     vars.String("AWS_ACCESS_KEY_ID", ""),
		SecretAccessKey: vars.String("AWS_SECRET_ACCESS_KEY", ""),
		SessionToken:    vars.String("AWS_SESSION_TOKEN", ""),
	}
	s := Service{
		Name: name, Region: region, Endpoint: vars.URL("AWS_ENDPOINT_URL_"+variable, regional(name, region)), now: cfg.Now,
		HTTP: direct{http.DefaultTransport},
		Keys: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = t.Most, t.Pause
		}),
	}
	if cfg.HTTP != nil && cfg.HTTP.Transport != nil {
		s.HTTP = direct{cfg.HTTP.Transport}
	}
	return s
}

// partitions are the domains of those regions of AWS that are not in amazonaws.com,
// by what the regions' names begin with
// (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html).
var partitions = [...]struct{ prefix, domain string }{
	{"cn-", "amazonaws.com.cn"}, {"eusc-", "amazonaws.eu"},
	{"us-iso-", "c2s.ic.gov"}, {"us-isob-", "sc2s.sgov.gov"}, {"us-isof-", "csp.hci.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"},
}

// regional is a service's own address in a region.
func regional(service, region string) string {
	domain := "amazonaws.com"
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			domain = p.domain
		}
	}
	return "https://" + service + "." + region + "." + domain
}

// direct sends requests without what an *http.Client adds: cookies, redirects, and
// a limit of time that the context of each call has already.
type direct struct{ next http.RoundTripper }

// Do implements aws.HTTPClient.
func (d direct) Do(r *http.Request) (*http.Response, error) { return d.next.RoundTrip(r) }
