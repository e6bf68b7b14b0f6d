package child

import "syscall"

// attributes has the kernel kill the child when the thread that started it ends, so not
// even kill -9 of the runner leaves one behind.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
