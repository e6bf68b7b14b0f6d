package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// server serves one port on the loopback addresses, so that localhost reaches it whichever of
// the two it resolves to, and nobody else does.
type server struct {
	port      int
	listeners []net.Listener
	http      *http.Server
}

// errPortTaken is found by listen and explained by its caller.
var errPortTaken = errors.New("the port is in use")

// listen takes the port, or any free one for 0. Connections wait until serve.
func listen(port int) (*server, error) {
	const tries = 10 // a free port of one address may be taken on the other
	var s *server
	var err error
	for range tries {
		s, err = listenBoth(port)
		if port != 0 || !errors.Is(err, errPortTaken) {
			break
		}
	}
	return s, err
}

func listenBoth(port int) (*server, error) {
	four, err := listenOn("127.0.0.1", port)
	if err != nil {
		return nil, err
	}
	s := &server{port: four.Addr().(*net.TCPAddr).Port, listeners: []net.Listener{four}}
	six, err := listenOn("::1", s.port)
	switch {
	case errors.Is(err, errPortTaken):
		s.close()
		return nil, err
	case err == nil:
		s.listeners = append(s.listeners, six)
	}
	return s, nil // a machine without IPv6 is served over IPv4 alone
}

func listenOn(host string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errPortTaken
	}
	return l, err
}

// portFault is the sentence for a port that cannot be had.
func portFault(err error, port int, variable string) error {
	switch {
	case errors.Is(err, errPortTaken):
		return fmt.Errorf("port %d is in use: stop what uses it, or set %s to another one", port, variable)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %d is not open to this user: set %s to another one", port, variable)
	}
	return fmt.Errorf("listening on port %d (%s): %w", port, variable, err)
}

// serve begins to answer.
func (s *server) serve(h http.Handler) {
	s.http = &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            10 * time.Second,
		MaxHeaderBytes:               64 << 10, // the gateway's own limit is lower and answers as AWS does
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
	}
	for _, l := range s.listeners {
		go func() { _ = s.http.Serve(l) }()
	}
}

// close lets running requests finish for a moment and then ends them.
func (s *server) close() {
	if s == nil {
		return
	}
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		_ = s.http.Shutdown(ctx)
		_ = s.http.Close()
	}
	for _, l := range s.listeners {
		_ = l.Close()
	}
}
