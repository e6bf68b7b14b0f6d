// Package lockfile keeps two runs of the laptop's programs from using one folder at once.
// The lock belongs to the open file, so the system releases it when its holder dies, however
// it dies; a left-over file means nothing.
package lockfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrTaken means that another process holds the lock.
var ErrTaken = errors.New("locked by another process")

// retryEvery is how often Wait looks again; the system's own waiting call cannot be given up.
const retryEvery = 50 * time.Millisecond

// Lock is a held lock.
type Lock struct{ file *os.File }

// Try takes the lock on the file at path, which is created if it is missing, or fails with
// ErrTaken.
func Try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock: %w", err)
	}
	err = lock(file)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Lock{file: file}, nil
}

// Wait takes the lock as soon as it is free, or fails with the context's error.
func Wait(ctx context.Context, path string) (*Lock, error) {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		held, err := Try(path)
		if !errors.Is(err, ErrTaken) {
			return held, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lock: %w", ctx.Err())
		}
	}
}

// Release gives the lock up. The file stays: removing it would let a third process lock a
// new file of the same name while a second one holds the old.
func (l *Lock) Release() {
	_ = l.file.Close()
}
