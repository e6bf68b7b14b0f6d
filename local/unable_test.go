package main

import (
	"os"
	"strings"
	"testing"
)

// Steps that cannot start are named once more, together, at the end.
func TestUnable(t *testing.T) {
	source, err := os.ReadFile("../shared/apigw/start.go")
	if err != nil || !strings.Contains(string(source), strings.TrimPrefix(unableLine, `"msg":`)) {
		t.Fatalf("no step says %s: %v", unableLine, err)
	}
	var log strings.Builder
	u := &unable{to: &log}
	u.say()
	const lines = "signup: {\"level\":\"ERROR\",\"msg\":\"this step cannot start; mend it\",\"error\":\"A is wrong\"}\n" +
		"home: {\"msg\":\"request\"}\n" +
		"phone: {\"level\":\"ERROR\",\"msg\":\"this step cannot start; mend it\",\"error\":\"A is wrong\"}\n"
	for range 2 { // another process of the same step
		for line := range strings.Lines(lines) {
			_, err := u.Write([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	u.say()
	u.say()
	if want := lines + lines + "cannot start, and answer 503: phone, signup; mend what is named above, and run it again\n"; log.String() != want {
		t.Errorf("%s\nwant\n%s", &log, want)
	}
}
