//go:build unix && !linux

package child

import "syscall"

// attributes cannot ask for a parent-death signal here. The runner's children notice by
// themselves: their connection to it, or their standard input, closes.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
