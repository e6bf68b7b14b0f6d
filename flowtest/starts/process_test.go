package starts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"
)

// patience is how long anything that is measured may take at most.
const patience = 30 * time.Second

// process is one running bootstrap and the Runtime API that it sees
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), as far as a
// function that works needs it.
type process struct {
	cmd     *exec.Cmd
	api     *httptest.Server
	began   time.Time
	polls   chan time.Time
	events  chan []byte
	answers chan answer
	output  bytes.Buffer
	count   int // of invocations given
}

// answer is what a function said, and when it was heard.
type answer struct {
	body   []byte
	at     time.Time
	failed bool
}

// start runs a bootstrap with these variables and nothing of the shell's.
func start(file string, vars map[string]string) (*process, error) {
	p := &process{polls: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan answer, 1)}
	p.api = httptest.NewServer(p)
	p.cmd = exec.Command(file)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + p.api.Listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=measured", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"_HANDLER=bootstrap", "TZ=:UTC",
	}
	for name, value := range vars {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.began = time.Now()
	err := p.cmd.Start()
	if err != nil {
		p.api.Close()
		return nil, fmt.Errorf("starting %s: %w", file, err)
	}
	return p, nil
}

// ServeHTTP gives invocations and takes answers.
func (p *process) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if path.Base(r.URL.Path) == "next" {
		p.give(w, r, now)
		return
	}
	body, err := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusAccepted)
	if strings.Contains(r.URL.Path, "/invocation/") {
		p.answers <- answer{body, time.Now(), err != nil || path.Base(r.URL.Path) != "response"}
	}
}

// give holds a poll until there is an invocation.
func (p *process) give(w http.ResponseWriter, r *http.Request, now time.Time) {
	select {
	case p.polls <- now:
	case <-r.Context().Done():
		return
	}
	select {
	case event := <-p.events:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "invocation-"+strconv.Itoa(p.count))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(now.Add(time.Minute).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:measured")
		w.Write(event) //nolint:errcheck // no answer will come, and that is seen
	case <-r.Context().Done():
	}
}

// ready waits for a poll, and says when it came.
func (p *process) ready(ctx context.Context) (time.Time, error) {
	select {
	case at := <-p.polls:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, errors.New("it does not ask for an invocation")
	}
}

// invoke gives an event to a function that asked for one, and returns how long
// its answer took and when it asked for the next.
func (p *process) invoke(ctx context.Context, event []byte) (answer, time.Duration, error) {
	p.count++
	began := time.Now()
	select {
	case p.events <- event:
	case <-ctx.Done():
		return answer{}, 0, errors.New("it takes no event")
	}
	var a answer
	select {
	case a = <-p.answers:
	case <-ctx.Done():
		return answer{}, 0, errors.New("it does not answer")
	}
	_, err := p.ready(ctx)
	if a.failed {
		err = fmt.Errorf("it failed: %s", a.body)
	}
	return a, a.at.Sub(began), err
}

// peak is the most memory that the process had, in bytes, as Linux tells it; 0
// elsewhere. What the parent is told of a child that ended would not do: it
// counts the parent's own, from before the exec.
func (p *process) peak() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	field := strings.Fields(after + " 0")[0]
	n, err := strconv.Atoi(field)
	if err != nil {
		return 0
	}
	return n * 1024
}

// stop ends the process and returns the processor's time that it used.
func (p *process) stop() time.Duration {
	p.cmd.Process.Kill() //nolint:errcheck // it may be gone
	p.cmd.Wait()         //nolint:errcheck // killed
	p.api.CloseClientConnections()
	p.api.Close()
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}
