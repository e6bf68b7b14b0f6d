package sigv4

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonical is the canonical request. It fails if a header that must be signed is not, or one
// that is signed is missing.
func canonical(r *http.Request, names []string, body []byte) (string, error) {
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(names, lower) {
			return "", ErrSignature
		}
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	var headers strings.Builder
	for _, name := range names {
		value, there := canonicalHeader(r, name)
		if !there {
			return "", ErrSignature
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	return strings.Join([]string{
		r.Method, canonicalPath(r.URL), query, headers.String(), strings.Join(names, ";"), hash(body),
	}, "\n"), nil
}

// canonicalPath encodes the path as it was sent once more, as all services but S3 do.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = encode(s)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery sorts the decoded and newly encoded pairs by name, then by value.
func canonicalQuery(raw string) (string, error) {
	type pair struct{ name, value string }
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		var err error
		name, err = url.QueryUnescape(name)
		if err != nil {
			return "", ErrSignature
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return "", ErrSignature
		}
		pairs = append(pairs, pair{encode(name), encode(value)})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = p.name + "=" + p.value
	}
	return strings.Join(parts, "&"), nil
}

// encode leaves the unreserved characters of RFC 3986, section 2.3, as they are.
func encode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		plain := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-._~", c) >= 0
		if plain {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// canonicalHeader joins repeats and makes runs of spaces one.
func canonicalHeader(r *http.Request, name string) (string, bool) {
	values := r.Header.Values(name)
	switch {
	case name == "host": // net/http takes it out of the headers
		values = []string{r.Host}
	case name == "content-length" && len(values) == 0 && r.ContentLength >= 0:
		values = []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	tidy := make([]string, len(values))
	for i, value := range values {
		tidy[i] = strings.Join(strings.FieldsFunc(value, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(tidy, ","), len(values) > 0
}
