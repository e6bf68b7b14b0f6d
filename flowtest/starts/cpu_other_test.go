//go:build !linux

package starts

import "time"

// processor cannot tell here what a process has used.
func processor(int) (used time.Duration, ok bool) { return 0, false }
