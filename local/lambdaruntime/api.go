package lambdaruntime

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

const (
	runtimePath   = "/2018-06-01/runtime/"
	extensionPath = "/2020-01-01/extension/"
)

// api is the Lambda Runtime API as one process sees it
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), and as much of the
// Extensions API as the Go library uses to be told of SIGTERM.
func (c *process) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"invocation/next", c.next)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/response", c.response)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/error", c.functionError)
	mux.HandleFunc("POST "+runtimePath+"init/error", c.initError)
	mux.HandleFunc("POST "+extensionPath+"register", c.register)
	mux.HandleFunc("GET "+extensionPath+"event/next", c.hold)
	return mux
}

// next holds the poll until there is an invocation. It also marks the end of the last one.
func (c *process) next(w http.ResponseWriter, r *http.Request) {
	first, ok := c.poll()
	if !ok {
		refuse(w, http.StatusBadRequest, "InvalidStateTransition", "an invocation or a poll is pending")
		return
	}
	if !c.pool.polled(c, first) {
		c.end(false)
		c.hold(w, r)
		return
	}
	select {
	case inv := <-c.work:
		if c.begin(inv) {
			c.give(w, inv)
		}
	case <-r.Context().Done():
		c.lost()
	}
}

// poll notes a poll. It is refused while another one, or an unanswered invocation, is pending.
func (c *process) poll() (first, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.polling || c.current != nil {
		return false, false
	}
	if c.limit != nil {
		c.limit.Stop()
	}
	first = !c.ready
	if first {
		c.kill.Stop()
	}
	c.polling, c.ready = true, true
	return first, true
}

func (c *process) give(w http.ResponseWriter, inv *invocation) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", arn(c.pool.function.Name))
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	_, err := w.Write(inv.event)
	if err != nil {
		c.lost()
	}
}

func (c *process) response(w http.ResponseWriter, r *http.Request) {
	inv, body, ok := c.receive(w, r)
	if !ok {
		return
	}
	res := result{body: body}
	// A handler that streams can fail after it began to answer: the trailers tell.
	kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type")
	if kind != "" {
		res = result{err: &FunctionError{Type: kind, Message: "the answer broke off"}}
	}
	c.settle(w, inv, res)
}

func (c *process) functionError(w http.ResponseWriter, r *http.Request) {
	inv, body, ok := c.receive(w, r)
	if !ok {
		return
	}
	c.settle(w, inv, result{err: parseError(body)})
}

func parseError(body []byte) *FunctionError {
	var report struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	err := json.Unmarshal(body, &report)
	if err != nil {
		return &FunctionError{Type: "Runtime.Unknown", Message: "unreadable report"}
	}
	return &FunctionError{Type: report.Type, Message: report.Message}
}

// receive reads the answer to the current invocation. The body is read to its end in any
// case: the process would otherwise see a broken connection and not our refusal.
func (c *process) receive(w http.ResponseWriter, r *http.Request) (*invocation, []byte, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	inv := c.find(r.PathValue("id"))
	switch {
	case inv == nil:
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation, or answered already")
	case err != nil:
		refuse(w, http.StatusBadRequest, "InvalidBody", "the answer broke off")
	case len(body) > maxAnswer:
		c.conclude(inv, result{err: ErrTooLarge})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the answer is above 6 MiB")
	default:
		return inv, body, true
	}
	return nil, nil, false
}

// settle accepts an answer, unless it was decided otherwise meanwhile.
func (c *process) settle(w http.ResponseWriter, inv *invocation, res result) {
	if !c.conclude(inv, res) {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "answered already")
		return
	}
	accept(w)
}

// initError is taken note of by the end of the process, which follows.
func (c *process) initError(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	accept(w)
}

func (c *process) register(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Lambda-Extension-Identifier", newID())
	writeJSON(w, http.StatusOK, map[string]string{"functionName": c.pool.function.Name, "functionVersion": "$LATEST", "handler": "bootstrap"})
}

// hold leaves a poll pending for the rest of the process's life.
func (c *process) hold(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-c.ended:
	case <-r.Context().Done():
	}
}

func accept(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, map[string]string{"errorType": kind, "errorMessage": message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
