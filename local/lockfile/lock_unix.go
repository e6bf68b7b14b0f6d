//go:build unix

package lockfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	return nil
}
