package sigv4

import (
	"encoding/hex"
	"slices"
	"strings"
)

// authorization is what an Authorization header says.
type authorization struct {
	key, date, region, service string
	headers                    []string // names that are signed: in lower case, sorted, each once
	signature                  string   // 64 digits of lower-case hex
}

// isSigned tells a signature from other schemes, such as Bearer.
func isSigned(header string) bool {
	scheme, _, _ := strings.Cut(header, " ")
	return scheme == algorithm
}

// parse reads a header such as
//
//	AWS4-HMAC-SHA256 Credential=key/20260304/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=…
//
// Its error is ErrSignature.
func parse(header string) (authorization, error) {
	var a authorization
	rest, found := strings.CutPrefix(header, algorithm+" ")
	if !found {
		return a, ErrSignature
	}
	values := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.Trim(part, " "), "=")
		_, repeated := values[name]
		if repeated || value == "" {
			return a, ErrSignature
		}
		values[name] = value
	}
	credential, headers, signature := values["Credential"], values["SignedHeaders"], values["Signature"]
	if len(values) != 3 || credential == "" || headers == "" || signature == "" {
		return a, ErrSignature
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || slices.Contains(parts, "") || parts[4] != scopeEnd {
		return a, ErrSignature
	}
	a = authorization{key: parts[0], date: parts[1], region: parts[2], service: parts[3],
		headers: strings.Split(headers, ";"), signature: signature}
	if !properNames(a.headers) || !properSignature(signature) {
		return authorization{}, ErrSignature
	}
	return a, nil
}

// properNames insists on the canonical list, and on the host being part of it: a signature
// must not be good for another address.
func properNames(names []string) bool {
	for i, name := range names {
		if name == "" || name != strings.ToLower(name) || i > 0 && names[i-1] >= name {
			return false
		}
	}
	return slices.Contains(names, "host")
}

func properSignature(signature string) bool {
	decoded, err := hex.DecodeString(signature)
	return err == nil && len(decoded) == 32 && signature == strings.ToLower(signature)
}
