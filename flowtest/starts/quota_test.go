package starts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// period is how long a Lambda's share of a processor is counted out for at a time.
const period = 20 * time.Millisecond

// quota is a control group whose processes get a share of one processor, as those
// of a small Lambda do. It serves one process after the other.
type quota struct {
	folder string
	limit  func(share float64) (file, value string)
}

// newQuota makes a control group, of version 2 or, where the processor belongs to
// that, of version 1. The error says what this machine does not allow.
func newQuota() (*quota, error) {
	name := "latchkey-bench-" + strconv.Itoa(os.Getpid())
	micros := func(d float64) string { return strconv.Itoa(int(d / float64(time.Microsecond))) }
	second, first := "/sys/fs/cgroup", "/sys/fs/cgroup/cpu"
	kinds, err := os.ReadFile(filepath.Join(second, "cgroup.controllers"))
	if err == nil && strings.Contains(" "+strings.TrimSpace(string(kinds))+" ", " cpu ") {
		err = os.WriteFile(filepath.Join(second, "cgroup.subtree_control"), []byte("+cpu"), 0o644)
		if err != nil {
			return nil, fmt.Errorf("no quota: %w", err)
		}
		return &quota{filepath.Join(second, name), func(share float64) (string, string) {
			return "cpu.max", micros(share*float64(period)) + " " + micros(float64(period))
		}}, os.Mkdir(filepath.Join(second, name), 0o755)
	}
	_, err = os.Stat(filepath.Join(first, "cpu.cfs_quota_us"))
	if err != nil {
		return nil, errors.New("no quota: this machine has no control group for the processor")
	}
	q := &quota{filepath.Join(first, name), func(share float64) (string, string) {
		return "cpu.cfs_quota_us", micros(share * float64(period))
	}}
	err = os.Mkdir(q.folder, 0o755)
	if err != nil {
		return nil, fmt.Errorf("no quota: %w", err)
	}
	return q, os.WriteFile(filepath.Join(q.folder, "cpu.cfs_period_us"), []byte(micros(float64(period))), 0o644)
}

// hold gives a process no more than a share of one processor from now on.
func (q *quota) hold(pid int, share float64) error {
	file, value := q.limit(share)
	err := os.WriteFile(filepath.Join(q.folder, file), []byte(value), 0o644)
	if err != nil {
		return fmt.Errorf("setting the quota: %w", err)
	}
	err = os.WriteFile(filepath.Join(q.folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
	if err != nil {
		return fmt.Errorf("holding %d to the quota: %w", pid, err)
	}
	return nil
}

// close removes the group. The processes that were in it have ended.
func (q *quota) close() error { return os.Remove(q.folder) }
