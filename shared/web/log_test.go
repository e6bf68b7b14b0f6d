package web_test

import (
	"strings"
	"testing"

	"latchkey/shared/web"
)

// Whatever a client sends, a request is one line of the log, and no terminal
// obeys what stands in it.
func TestLogLinesStayOne(t *testing.T) {
	for _, path := range []string{"/page\n{\"level\":\"ERROR\"}", "/page\r\n\x1b[2J", "/page\u2028x", "/page\x00", "/p\xff"} {
		s := open(t, "")
		r := request("GET", "/page", "")
		r.URL.Path = path
		r.Header.Set("User-Agent", "a\r\nb")
		r.Header.Set("X-Request-Id", "req\n1")
		s.answer(refusing(web.NotFound()), r)
		line := strings.TrimSuffix(s.log.String(), "\n")
		if lines := s.lines(t); len(lines) != 1 || strings.ContainsAny(line, "\n\r\x1b\x00\u2028") {
			t.Errorf("%q: the log\n%s", path, s.log.String())
		}
	}
}
