package samlocal

import (
	"net"
	"testing"
)

// ends is a connection between two addresses.
type ends struct {
	net.Conn
	local, remote string
}

func (e ends) LocalAddr() net.Addr  { return tcp(e.local) }
func (e ends) RemoteAddr() net.Addr { return tcp(e.remote) }

func tcp(address string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(address), Port: 1} }

// A door lets in who is on its own network, and this machine itself.
func TestNear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		local, remote string
		want          bool
	}{
		{"127.0.0.1", "127.0.0.1", true}, {"127.0.0.1", "127.9.9.9", true}, {"127.0.0.1", "192.0.2.7", false},
		{"203.0.113.9", "203.0.113.9", true}, {"203.0.113.9", "203.0.113.10", false}, // no interface has that address
	} {
		if got := near(ends{local: c.local, remote: c.remote}); got != c.want {
			t.Errorf("%s from %s: %v", c.local, c.remote, got)
		}
	}
}
