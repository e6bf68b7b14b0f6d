package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"
)

// A certificate that nobody renews: AWS renews its own sixty days before.
const (
	renewSoon = 14 * 24 * time.Hour
	renewNow  = 3 * 24 * time.Hour
)

// certificate looks at the one that the stack showed.
func (v *checkup) certificate(state *tls.ConnectionState) finding {
	const check = "certificate"
	const do = "Renew it; one of AWS Certificate Manager renews itself while its DNS record for validation is there"
	if len(state.PeerCertificates) == 0 {
		return found(unseen, check, "Look at it with a browser", "it was not shown")
	}
	left := state.PeerCertificates[0].NotAfter.Sub(v.cfg.Now())
	days := int(left / (24 * time.Hour))
	switch version := tls.VersionName(state.Version); {
	case state.Version < tls.VersionTLS12:
		return found(faulty, check, "Set the domain's security policy to TLS 1.2", "%s is spoken, which is broken", version)
	case left < renewNow:
		return found(faulty, check, do, "it has %s left", counted(days, "day"))
	case left < renewSoon:
		return found(warned, check, do, "it has %s left", counted(days, "day"))
	default:
		return good(check, "it is for this name and has %s left; %s is spoken", counted(days, "day"), version)
	}
}

// plainHTTP wants no page without TLS. That nobody listens there is the best
// answer, and API Gateway's own.
func (v *checkup) plainHTTP(ctx context.Context) []finding {
	const check = "plain http"
	const do = "Let what stands before the API answer plain http with a redirect to https, or not at all"
	u, err := url.Parse(v.public)
	if err != nil {
		return nil
	}
	a, err := v.fetch(ctx, http.MethodGet, "http://"+u.Hostname()+"/", "", func(*http.Request) {})
	if err != nil {
		return []finding{good(check, "nobody answers there")}
	}
	to, err := url.Parse(a.header.Get("Location"))
	switch {
	case a.status >= 300 && a.status < 400 && err == nil && to.Scheme == "https" && to.Hostname() == u.Hostname():
		return []finding{good(check, "it leads to https (%d)", a.status)}
	case a.status >= 400:
		return []finding{good(check, "it is refused (%d)", a.status)}
	}
	return []finding{found(faulty, check, do, "it is answered with %d, and not led to https", a.status)}
}

// otherHost asks for a page under a name that is nobody's, over the stack's own
// connection. The edge may refuse that before the stack hears of it.
func (v *checkup) otherHost(ctx context.Context) []finding {
	const check = "another host"
	a, err := v.fetch(ctx, http.MethodGet, v.public+"/", "", func(r *http.Request) {
		r.Host = "doctor.invalid"
		r.Header.Set("Accept", jsonType)
	})
	if err != nil {
		return []finding{found(skipped, check, "", "the edge lets no such request through: %v", err)}
	}
	var doc struct{ Code string }
	a.into(&doc)
	switch {
	case a.status == http.StatusMisdirectedRequest && doc.Code == "misdirected":
		return []finding{good(check, "the stack refuses a request that names another host (421)")}
	case a.status >= 400:
		return []finding{found(skipped, check, "", "the edge refuses it before it comes to the stack (%d), which is as good", a.status)}
	}
	return []finding{found(faulty, check, "Set the stack's parameter PublicUrl to this address, and let what stands before the API pass the host on",
		"a request that names another host is answered with %d: pages of ours are to be had under any name", a.status)}
}
