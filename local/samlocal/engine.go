package samlocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"latchkey/local/child"
)

// engineLimit bounds each question to the engine: one that hangs is not running.
const engineLimit = 20 * time.Second

// desktopName is how Docker Desktop's engine calls its operating system.
const desktopName = "Docker Desktop"

// Engine is the developer's Docker engine.
type Engine struct {
	docker  string // path of the command
	address string // of the engine, as the command finds it; "" leaves it to DOCKER_HOST
	desktop bool   // runs in a virtual machine that leads host.docker.internal to this one's loopback
}

// FindEngine finds a running engine. name is docker, or a path; dockerHost is the developer's
// DOCKER_HOST.
func FindEngine(ctx context.Context, name, dockerHost string) (*Engine, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, errors.New("docker was not found on the PATH: install Docker (https://docs.docker.com/get-started/get-docker/), or use make run, which needs neither SAM nor Docker")
	}
	e := &Engine{docker: path}
	system, err := e.ask(ctx, "info", "--format", "{{.OperatingSystem}}")
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && strings.Contains(err.Error(), "permission denied"):
		return nil, errors.New("this user may not use the Docker engine: add the user to the group docker (sudo usermod -aG docker your-name) and log in again")
	case err != nil || system == "":
		return nil, errors.New("the Docker engine is not running: start Docker Desktop, or on Linux the service (sudo systemctl start docker)")
	}
	e.desktop = runtime.GOOS != "linux" || strings.Contains(system, desktopName)
	if dockerHost == "" {
		// SAM does not know the command's contexts: it is told where the one in use leads.
		address, err := e.ask(ctx, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
		if err == nil {
			e.address = address
		}
	}
	return e, ctx.Err()
}

// ask runs the docker command and returns what it wrote, also with an error.
func (e *Engine) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, engineLimit)
	defer cancel()
	var out, faults bytes.Buffer
	cmd := exec.Command(e.docker, args...)
	cmd.Stdout, cmd.Stderr = &out, &faults
	running, err := child.Start(cmd)
	if err != nil {
		return "", fmt.Errorf("running docker: %w", err)
	}
	select {
	case <-running.Done():
	case <-ctx.Done():
		running.Stop(0)
		return "", fmt.Errorf("docker %s: %w", args[0], ctx.Err())
	}
	text := strings.TrimSpace(out.String())
	if running.Err() != nil {
		return text, fmt.Errorf("docker %s: %w: %s", args[0], running.Err(), strings.TrimSpace(faults.String()))
	}
	return text, nil
}

// bridge is this machine's address in the network that containers are in.
func (e *Engine) bridge(ctx context.Context) (string, error) {
	// An engine that has not been asked for a gateway may know none; then the interface does.
	text, err := e.ask(ctx, "network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}")
	if err == nil {
		for field := range strings.FieldsSeq(text) {
			address, err := netip.ParseAddr(field)
			if err == nil && address.Is4() {
				return address.String(), nil
			}
		}
	}
	address := interfaceAddress("docker0")
	if address == "" {
		return "", errors.New("the Docker engine has no default bridge network: this machine cannot be reached from its containers")
	}
	return address, nil
}

// interfaceAddress is the IPv4 address of a network interface, "" without one.
func interfaceAddress(name string) string {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return ""
	}
	addresses, err := device.Addrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Is4() {
			return prefix.Addr().String()
		}
	}
	return ""
}
