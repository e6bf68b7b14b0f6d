package outbound_test

import (
	"io"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/doortest"
	"latchkey/shared/outbound"
)

var wholeNumber = regexp.MustCompile(`^[0-9]{1,18}$`)

// FuzzRetryAfter lets a vendor ask for any wait. What is waited is more than
// nothing and at most a day; of seconds it is what a reader without bounds makes
// of them, and of a date never more than lies between it and the answer's own.
func FuzzRetryAfter(f *testing.F) {
	const date = "Wed, 21 Oct 2026 07:28:00 GMT"
	for _, header := range []string{
		"", "0", "7", "-5", "+7", "007", "7.5", " 7", "7 ", "0x7", "99999999999999", "soon", "Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2099 07:28:30 GMT",
		"Wednesday, 21-Oct-26 07:28:30 GMT", "Wed Oct 21 07:28:30 2026", "9223372036854775807",
	} {
		f.Add(header, date)
	}
	f.Add(date, "yesterday")
	f.Add("Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT")
	f.Fuzz(func(t *testing.T, header, date string) {
		base := &http.Client{Transport: doortest.RoundTrip(func(*http.Request) (*http.Response, error) {
			h := http.Header{"Retry-After": {header}, "Date": {date}}
			return &http.Response{StatusCode: 429, Header: h, Body: io.NopCloser(strings.NewReader(""))}, nil
		})}
		call := outbound.Bind(t.Context(), base, "https://vendor.invalid")
		r, err := http.NewRequest(http.MethodGet, "https://vendor.invalid/", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = call.HTTP().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		const otherwise, day = 61 * time.Second, 24 * time.Hour
		got := call.RetryAfter(otherwise)
		if got <= 0 || got > day {
			t.Fatalf("%q, %q: wait %v", header, date, got)
		}
		if wholeNumber.MatchString(header) {
			n, _ := new(big.Int).SetString(header, 10)
			want := day
			if n.Cmp(big.NewInt(int64(day/time.Second))) < 0 {
				want = time.Duration(n.Int64()) * time.Second
			}
			if n.Sign() == 0 {
				want = otherwise
			}
			if got != want {
				t.Errorf("%q: wait %v, want %v", header, got, want)
			}
			return
		}
		until, bad := http.ParseTime(header)
		sent, worse := http.ParseTime(date)
		if bad == nil && worse == nil && got != otherwise && got != day && got != until.Sub(sent) {
			t.Errorf("%q, %q: wait %v", header, date, got)
		}
	})
}
