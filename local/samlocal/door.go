package samlocal

import (
	"io"
	"net"
	"sync"
)

// door passes connections on as they are: the protocols behind it are not its affair.
type door struct {
	listener net.Listener
	target   string
	tasks    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

func newDoor(listener net.Listener, target string) *door {
	d := &door{listener: listener, target: target, open: map[net.Conn]bool{}}
	d.tasks.Go(d.accept)
	return d
}

func (d *door) port() string {
	_, port, _ := net.SplitHostPort(d.listener.Addr().String())
	return port
}

func (d *door) accept() {
	for {
		outside, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.tasks.Go(func() { d.pass(outside) })
	}
}

// near reports whether a connection comes from the network that its own end belongs to: a
// bridge's address is answered on every interface of this machine, and a neighbour who sends
// to it by way of this machine would be let in.
func near(c net.Conn) bool {
	local, here := c.LocalAddr().(*net.TCPAddr)
	remote, there := c.RemoteAddr().(*net.TCPAddr)
	addresses, err := net.InterfaceAddrs()
	if !here || !there || err != nil {
		return false
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if ok && network.IP.Equal(local.IP) && network.Contains(remote.IP) {
			return true
		}
	}
	return local.IP.Equal(remote.IP) || local.IP.IsLoopback() && remote.IP.IsLoopback()
}

// pass lasts as long as both ends are there. Who ends one direction may still listen.
func (d *door) pass(outside net.Conn) {
	if !d.keep(outside) {
		return
	}
	defer d.drop(outside)
	if !near(outside) {
		return
	}
	inside, err := net.Dial("tcp", d.target)
	if err != nil || !d.keep(inside) {
		return
	}
	defer d.drop(inside)
	var both sync.WaitGroup
	both.Go(func() { half(inside, outside) })
	both.Go(func() { half(outside, inside) })
	both.Wait()
}

// half passes one direction on, and its end. A fault ends the other one as well.
func half(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	end, ok := to.(*net.TCPConn)
	if ok {
		_ = end.CloseWrite()
	}
}

// keep remembers a connection for close, or closes it at once if that has been.
func (d *door) keep(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		_ = c.Close()
		return false
	}
	d.open[c] = true
	return true
}

func (d *door) drop(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, c)
	_ = c.Close()
}

func (d *door) close() {
	_ = d.listener.Close()
	d.mu.Lock()
	d.closed = true
	for c := range d.open {
		_ = c.Close()
	}
	d.mu.Unlock()
	d.tasks.Wait()
}
