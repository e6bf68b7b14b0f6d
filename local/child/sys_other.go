//go:build !unix

package child

import (
	"os"
	"syscall"
)

type sysSignal int

const (
	sigterm sysSignal = iota
	sigkill
)

// signal can only kill here: this system has no groups and no polite request.
func signal(p *os.Process, _ sysSignal) {
	_ = p.Kill()
}

func attributes() *syscall.SysProcAttr { return nil }
