package web

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A path to come back to is one of our own, or it is forgotten.
func TestLocalPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/": true, "/account": true, "/bank/transfers/7?of=2026&to=//elsewhere.example#top": true, "/a/": true,
		"/x?u=https://evil.example": true, "/caf%C3%A9": true, "/a%20b": true, "/.well-known/x": true, "/a..b": true, "/@evil.example": true,
		"/%255cevil.example":           true, // decoded once, and once only
		"/" + strings.Repeat("a", 511): true,

		"": false, "account": false, "?x": false, "#x": false, ".": false, "..": false,
		"//evil.example": false, "///evil.example": false, `/\evil.example`: false, `\\evil.example`: false, `\/evil.example`: false,
		"/%5cevil.example": false, "/%5Cevil.example": false, "/%2f/evil.example": false, "/%2fevil.example": false, "/%2F%2Fevil.example": false,
		"https:evil.example": false, "https://evil.example": false, "https:/evil.example": false, "HTTPS:evil": false, "javascript:alert(1)": false, "data:,x": false,
		"//": false, "//?x": false, "//#x": false,
		"/..//evil.example": false, "/.//evil.example": false, "/a/..//evil.example": false, "/%2e%2e//evil.example": false, "/a/%2e%2e/%2e%2e/": false,
		"/..": false, "/.": false, "/a/./b": false, "/a//b": false,
		"/x%0d%0aSet-Cookie:%20a=b": false, "/x\r\nSet-Cookie: a=b": false, "/%09/evil.example": false, "/\t/evil.example": false, "\t//evil.example": false,
		" /account": false, "/acc ount": false, "/\x00": false, "/%00": false, "/\x7f": false, "/%7f": false,
		"/\u2215evil.example": false, "/\uff0fevil.example": false, "\uff0f/evil.example": false, "/\u202eevil": false, "/%e2%80%aeevil": false, "/caf\u00e9": false,
		"/%": false, "/%zz": false, "/" + strings.Repeat("a", 512): false, "/" + strings.Repeat("a", 600): false,
	} {
		got := LocalPath(path)
		if want && got != path || !want && got != "" {
			t.Errorf("%.60q becomes %.60q", path, got)
		}
		holdsOurs(t, path)
	}
}

// holdsOurs checks all that is claimed of what passes, and of what is made of it.
func holdsOurs(t *testing.T, path string) {
	t.Helper()
	base := &url.URL{Scheme: "https", Host: "id.example.com", Path: "/login"}
	toward := Toward("/login", path)
	back := Back(httptest.NewRequest("GET", "https://id.example.com"+toward, nil))
	got := LocalPath(path)
	if back != got {
		t.Errorf("%q comes back as %q", got, back)
	}
	if got == "" {
		if toward != "/login" {
			t.Errorf("%q leads to %q", path, toward)
		}
		return
	}
	u, err := base.Parse(got)
	if err != nil || u.Scheme != "https" || u.Host != base.Host || u.User != nil {
		t.Fatalf("%q resolves to %v, %v", got, u, err)
	}
	if got != path || got[0] != '/' || strings.HasPrefix(got, "//") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(got, "\\\r\n\t ") || len(got) > maxPath {
		t.Errorf("%q passes", got)
	}
	again, err := base.Parse(u.Path) // whoever takes the resolved path for one again stays with us
	if err == nil && again.Host != base.Host {
		t.Errorf("%q resolves to %q, and that to %v", got, u.Path, again)
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{
		"/", "/account?x=1#y", "//evil", `/\evil`, "/%5cevil", "/%2f/evil", "https:evil", "/x%0d%0aSet-Cookie:", "/\t/evil", "/..//evil", "/%2e%2e%2f%2fevil",
		"/a@b:c", "/:80", "/?//evil", "/#//evil", "/;//evil", "/%252f%252fevil", strings.Repeat("/", 600),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) { holdsOurs(t, path) })
}
