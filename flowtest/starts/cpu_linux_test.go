package starts

import (
	"syscall"
	"time"
	"unsafe"
)

// processor is what a running process has used of the processor so far, all its
// threads together, to the nanosecond: its own clock, which its parent may read
// (clock_getcpuclockid(3) has the number's form). ok is false where that cannot be.
func processor(pid int) (used time.Duration, ok bool) {
	var ts syscall.Timespec
	_, _, fault := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|2), uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), fault == 0
}
