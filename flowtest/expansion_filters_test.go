package flowtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/flowtest/rig"
	"latchkey/shared/env"
	"latchkey/shared/web"
)

// filters are the patterns of the template's metric filters, by metric.
func filters(t *testing.T) map[string]pattern {
	t.Helper()
	found := map[string]pattern{}
	resources, _ := inTemplate(t, "Resources").(map[string]any)
	for id, r := range resources {
		properties, _ := r.(map[string]any)["Properties"].(map[string]any)
		if r.(map[string]any)["Type"] != "AWS::Logs::MetricFilter" {
			continue
		}
		p, err := parsePattern(fmt.Sprint(properties["FilterPattern"]))
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		transformation, _ := properties["MetricTransformations"].([]any)[0].(map[string]any)
		found[fmt.Sprint(transformation["MetricName"])] = p
		if transformation["DefaultValue"] != 0 || transformation["MetricValue"] != "1" || properties["LogGroupName"] != "Logs" {
			t.Errorf("%s: %v", id, properties)
		}
	}
	if len(found) < 10 {
		t.Fatalf("only %d filters found", len(found))
	}
	return found
}

// Each metric filter sees a line that the product really writes, and no filter
// sees what a day without trouble writes but those that count what is usual.
func TestFiltersSeeWhatIsLogged(t *testing.T) {
	t.Parallel()
	var lines []map[string]any
	t.Run("verify", func(t *testing.T) { lines = troubles(t) })
	for metric, p := range filters(t) {
		seen := 0
		for _, l := range lines {
			if p.matches(l) {
				seen++
			}
		}
		if seen == 0 {
			t.Errorf("%s: no line is like this", metric)
		}
	}
	r := rig.Start(t, rig.Options{})
	usual(t, r)
	want := map[string]int{"TextsToStrangers": 1, "PhonesProved": 1, "Logins": 1}
	for metric, p := range filters(t) {
		n := 0
		for _, l := range logged(t, r.Log.String()) {
			if p.matches(l) {
				n++
			}
		}
		if n != want[metric] {
			t.Errorf("%s is %d on a good day, want %d", metric, n, want[metric])
		}
	}
}

// Whatever the product's log calls an alarm is a metric, and so is that a step
// cannot start.
func TestEveryAlarmLineIsCounted(t *testing.T) {
	t.Parallel()
	all, seen := filters(t), 0
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil || !strings.HasPrefix(text, "alarm: ") && !strings.HasPrefix(text, "this step ") || !s.product() {
				return true
			}
			seen++
			counted := 0
			for _, p := range all {
				if p.matches(map[string]any{"msg": text}) {
					counted++
				}
			}
			if counted != 1 {
				t.Errorf("%s: %q is counted by %d filters", s.path, text, counted)
			}
			return true
		})
	}
	if seen < 9 {
		t.Errorf("the test is blind: it sees %d alarms", seen)
	}
}

// logged are the lines of a log, each a JSON object.
func logged(t *testing.T, log string) []map[string]any {
	t.Helper()
	var list []map[string]any
	lines := bufio.NewScanner(strings.NewReader(log))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l map[string]any
		err := json.Unmarshal(lines.Bytes(), &l)
		if err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
		}
		list = append(list, l)
	}
	return list
}

// usual is somebody who signs up and logs in.
func usual(t *testing.T, r *rig.Rig) {
	t.Helper()
	v := r.Visitor(true)
	signUp(t, r, v, ada, adaPhone)
	r.Clock.Advance(time.Minute)
	logInByText(t, r, r.Visitor(true))
}

// troubles are the lines of much that can go wrong.
func troubles(t *testing.T) []map[string]any {
	t.Helper()
	r := rig.Start(t, rig.Options{Env: map[string]string{"GUARD_SENDS": "3", "GUARD_RATIO": "100"}})
	usual(t, r)
	v := r.Visitor(true)
	r.Clock.Advance(time.Minute)
	logInByText(t, r, v)
	enrol(t, r, v, adaPhone)
	r.Handset().Weather(`{"callbacks":"drop"}`)
	waiting(t, r, v)
	r.Handset().Decide(adaPhone, "approved")
	r.Wire.Break(func(c rig.Call) rig.Fault {
		return map[bool]rig.Fault{true: rig.Lost, false: rig.None}[c.Step == "onetouch-callback" && c.Table]
	})
	saying(newest(t, r, adaPhone), "approved").sign(r).post(r)
	r.Wire.Break(nil)
	tellForged(t, r, v)
	r.Bus.Refuse("ThrottlingException")
	asked(t, r)
	saying(newest(t, r, adaPhone), "approved").sign(r).post(r)
	for range 12 {
		r.Visitor(true).Post("/login", map[string]string{"email": ada, "password": "wrong horse"})
	}
	for n := range 6 {
		r.Visitor(true).Post("/signup", rig.Form(fmt.Sprintf("bot%d@example.com", n), fmt.Sprintf("+1415555%04d", n)))
	}
	r.Handset().Weather(`{"api":"500"}`)
	r.Visitor(true).Post("/signup", rig.Form("late@example.com", "+12125552671"))
	refused := rig.Start(t, rig.Options{Env: map[string]string{"TWILIO_AUTH_TOKEN": "anothertoken"}})
	refused.Visitor(true).Post("/signup", rig.Form(ada, adaPhone))
	return logged(t, r.Log.String()+refused.Log.String()+panicking(t)+unstarted(t))
}

// panicking is what is logged of a handler that panics.
func panicking(t *testing.T) string {
	t.Helper()
	var log bytes.Buffer
	cfg := env.Config{Getenv: func(string) string { return "" }, Now: time.Now, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	site := web.New(cfg, env.Read(cfg))
	h := site.Handler(web.Routes{"GET /x": func(http.ResponseWriter, *http.Request) error { panic("at the disco") }})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://id.example.com/x", nil))
	return log.String()
}

// unstarted is what the bootstrap of a step logs that is given no variables, up to
// its asking for the first event.
func unstarted(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./functions/home/lambda")
	build.Dir = rig.Root()
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done() // the process is ended
	}))
	defer api.Close()
	var log bytes.Buffer
	step := exec.CommandContext(ctx, file)
	step.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + api.Listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=home", "PATH=" + os.Getenv("PATH")}
	step.Stderr = &log
	err = step.Run()
	if err == nil || log.Len() == 0 {
		t.Errorf("it ended by itself: %v, %s", err, log.String())
	}
	return log.String()
}
