package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"latchkey/shared/outbound"
)

// Only what is certain is certain: a lost answer may belong to a request that
// was served.
func TestUndone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&outbound.Refusal{Status: 400}, true}, {&outbound.Refusal{Status: 403, Credentials: true}, true}, {&outbound.Refusal{Status: 429}, true},
		{&outbound.Refusal{Status: 503}, true}, {&outbound.Refusal{Status: 500}, false}, {&outbound.Refusal{Status: 502}, false},
		{&outbound.Refusal{Status: 504}, false}, {&outbound.Refusal{Status: 200}, false}, {&outbound.Refusal{}, false},
		{&net.OpError{Op: "dial", Err: errors.New("x")}, true}, {&net.OpError{Op: "read", Err: errors.New("x")}, false},
		{context.DeadlineExceeded, false}, {errors.New("x"), false}, {nil, false},
	} {
		if outbound.Undone(c.err) != c.want || c.err != nil && outbound.Undone(fmt.Errorf("asking: %w", c.err)) != c.want {
			t.Errorf("%v: %v", c.err, !c.want)
		}
	}
}

// A port where nobody listens is an errand that was not run.
func TestUndoneOnTheWire(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	c := outbound.Bind(t.Context(), outbound.Client(nil), address)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://vendor/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.HTTP().Do(r)
	if err == nil {
		res.Body.Close()
	}
	if err == nil || !outbound.Undone(c.Err()) {
		t.Errorf("%v", c.Err())
	}
}
