package samlocal

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// onBridge is a network with the address of a bridge that this machine has.
func onBridge(t *testing.T) *Network {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a second loopback address is Linux's")
	}
	n := &Network{bridge: "127.0.0.2", doors: map[string]*door{}}
	t.Cleanup(n.Close)
	return n
}

// outside is where a container gets to by an address that Reach returned.
func outside(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Hostname() != "host.docker.internal" {
		t.Fatalf("address %q: %v", address, err)
	}
	u.Host = net.JoinHostPort("127.0.0.2", u.Port())
	return u.String()
}

func TestReach(t *testing.T) {
	t.Parallel()
	desktop := &Network{}
	for address, want := range map[string]string{
		"http://127.0.0.1:8000":         "http://host.docker.internal:8000",
		"http://localhost:8000/a?b=c":   "http://host.docker.internal:8000/a?b=c",
		"http://[::1]:8000/":            "http://host.docker.internal:8000/",
		"http://LOCALHOST":              "http://host.docker.internal:80",
		"http://10.0.0.7:8000":          "http://10.0.0.7:8000",
		"https://verify.twilio.com":     "https://verify.twilio.com",
		"https://localhost.example.com": "https://localhost.example.com",
	} {
		got, err := desktop.Reach(address)
		if got != want || err != nil {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	_, err := desktop.Reach("https://localhost:8000")
	if err == nil || !strings.Contains(err.Error(), "use http") {
		t.Errorf("error %v", err)
	}
	_, err = (&Network{bridge: "192.0.2.1", doors: map[string]*door{}}).Reach("http://localhost:1")
	if err == nil || !strings.Contains(err.Error(), "rootless or remote") {
		t.Errorf("error %v", err)
	}
}

// On Linux a door leads in: on the bridge's address alone, and the same one for the same target.
func TestDoor(t *testing.T) {
	t.Parallel()
	n := onBridge(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Host, r.URL.Path, body)
	}))
	defer server.Close()
	address, err := n.Reach(server.URL + "/a")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := n.Reach(server.URL + "/a")
	if again != address || len(n.doors) != 1 {
		t.Errorf("%s, then %s", address, again)
	}
	address = outside(t, address)
	for range 2 { // the second over the same connection
		res, err := http.Post(address, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if want := strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/a") + " /a hello"; string(text) != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
	for _, d := range n.doors {
		host, _, _ := net.SplitHostPort(d.listener.Addr().String())
		if host != "127.0.0.2" {
			t.Errorf("a door is open at %s", host)
		}
		_, err = net.Dial("tcp", net.JoinHostPort("127.0.0.1", d.port()))
		if err == nil {
			t.Error("a door is open at another address")
		}
	}
	n.Close()
	_, err = http.Get(address)
	if err == nil {
		t.Error("the door is open after the end")
	}
}

// One end may be told that the other has said all, and still answer.
func TestDoorHalfClosed(t *testing.T) {
	t.Parallel()
	n := onBridge(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		all, _ := io.ReadAll(c)
		fmt.Fprintf(c, "heard %s\n", all)
	}()
	address, err := n.Reach("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(outside(t, address), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "all of it")
	_ = c.(*net.TCPConn).CloseWrite()
	line, err := bufio.NewReader(c).ReadString('\n')
	if line != "heard all of it\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// A target that is away ends the connection, and a connection that stays does not hold up Close.
func TestDoorCloses(t *testing.T) {
	t.Parallel()
	n := onBridge(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, err := n.Reach("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimPrefix(outside(t, address), "http://")
	stays, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	inside, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	l.Close()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	if err == nil {
		t.Error("nobody is there, and somebody answers")
	}
	n.Close()
	_, err = stays.Read(make([]byte, 1))
	if err == nil {
		t.Error("a connection outlives the end")
	}
}
