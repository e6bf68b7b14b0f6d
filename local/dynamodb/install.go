package dynamodb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"latchkey/local/child"
	"latchkey/local/lockfile"
)

// stampName is a file in node_modules that holds the hash of the lock file it was installed
// from. It is written last, so an installation that was cut off is done again.
const stampName = ".latchkey"

// install makes node_modules match package-lock.json. Several processes may call it at once:
// one installs, the others wait.
func install(ctx context.Context, folder string, log io.Writer) error {
	lockPath := filepath.Join(folder, "package-lock.json")
	want, err := hashFile(lockPath)
	if err != nil {
		return fmt.Errorf("reading the local DynamoDB's lock file: %w", err)
	}
	stamp := filepath.Join(folder, "node_modules", stampName)
	if matches(stamp, want) {
		return nil
	}
	// The lock file itself is locked: no other file litters the folder.
	held, err := lockfile.Wait(ctx, lockPath)
	if err != nil {
		return fmt.Errorf("installing the local DynamoDB: %w", err)
	}
	defer held.Release()
	if matches(stamp, want) {
		return nil
	}
	err = npm(ctx, folder, log)
	if err != nil {
		return err
	}
	err = os.WriteFile(stamp, []byte(want), 0o600)
	if err != nil {
		return fmt.Errorf("installing the local DynamoDB: %w", err)
	}
	return nil
}

func matches(stamp, want string) bool {
	have, err := os.ReadFile(stamp)
	return err == nil && string(have) == want
}

func hashFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

func errNoNode(program string) error {
	return fmt.Errorf("%s was not found on the PATH: %w", program, ErrNoNode)
}

// npm installs exactly what the lock file names, and runs no code of the packages.
func npm(ctx context.Context, folder string, log io.Writer) error {
	_, err := exec.LookPath("node")
	if err != nil {
		return errNoNode("node")
	}
	program, err := exec.LookPath("npm")
	if err != nil {
		return errNoNode("npm")
	}
	fmt.Fprintln(log, "dynamodb: installing (npm ci), once")
	var output bytes.Buffer
	cmd := exec.Command(program, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
	cmd.Dir = folder
	cmd.Stdout, cmd.Stderr = &output, &output
	running, err := child.Start(cmd)
	if err != nil {
		return fmt.Errorf("installing the local DynamoDB: %w", err)
	}
	select {
	case <-running.Done():
	case <-ctx.Done():
		running.Stop(0)
		return fmt.Errorf("installing the local DynamoDB: %w", ctx.Err())
	}
	if running.Err() == nil {
		return nil
	}
	_, _ = io.Copy(child.NewLines(log, "dynamodb: "), &output)
	return errors.New("installing the local DynamoDB with npm failed (its messages are above); it needs the network, or a filled npm cache, once")
}
