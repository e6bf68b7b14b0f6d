//go:build unix

package child

import (
	"os"
	"syscall"
)

type sysSignal = syscall.Signal

const (
	sigterm = syscall.SIGTERM
	sigkill = syscall.SIGKILL
)

// signal reaches every member of the group that p leads. A group that is gone is no error.
func signal(p *os.Process, sig sysSignal) {
	_ = syscall.Kill(-p.Pid, sig)
}
