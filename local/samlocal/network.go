package samlocal

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// hostName leads from a container to this machine: built into Docker Desktop, and given to
// Linux's containers by Start. The functions take plain http of this name, and of no address
// of a bridge.
const hostName = "host.docker.internal"

// Network is the way from containers to what listens on this machine's loopback address. On
// Linux that is out of their reach: a door on the bridge's address, which only containers and
// this machine reach, leads to it. Nothing listens on all interfaces, for neither the engine of
// the table nor the vendors have a password.
type Network struct {
	bridge string // "" if containers reach the loopback address
	doors  map[string]*door
}

// NewNetwork opens nothing yet. Close it.
func NewNetwork(ctx context.Context, e *Engine) (*Network, error) {
	n := &Network{doors: map[string]*door{}}
	if e.desktop {
		return n, nil
	}
	var err error
	n.bridge, err = e.bridge(ctx)
	return n, err
}

// Reach returns the address by which functions in containers reach the one that is given.
// Only one on this machine's loopback changes.
func (n *Network) Reach(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if !loopback(u.Hostname()) {
		return address, nil
	}
	if u.Scheme != "http" {
		return "", fmt.Errorf("%s: functions in containers reach this machine by another name than its certificate's: use http", address)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if n.bridge != "" {
		d, err := n.door(net.JoinHostPort(u.Hostname(), port))
		if err != nil {
			return "", err
		}
		port = d.port()
	}
	u.Host = net.JoinHostPort(hostName, port)
	return u.String(), nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || strings.EqualFold(host, "localhost")
}

// door returns the one that leads to the target, a new one if there is none.
func (n *Network) door(target string) (*door, error) {
	known := n.doors[target]
	if known != nil {
		return known, nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(n.bridge, "0"))
	if err != nil {
		return nil, fmt.Errorf("this machine does not have the address %s of the engine's bridge: a rootless or remote Docker engine does not do (%w)", n.bridge, err)
	}
	d := newDoor(listener, target)
	n.doors[target] = d
	return d, nil
}

// Close closes all doors, and the connections through them.
func (n *Network) Close() {
	for _, d := range n.doors {
		d.close()
	}
}
