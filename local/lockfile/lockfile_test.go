package lockfile_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"latchkey/local/lockfile"
)

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := lockfile.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockfile.Try(path)
	if !errors.Is(err, lockfile.ErrTaken) {
		t.Errorf("a held lock: %v", err)
	}
	held.Release()
	again, err := lockfile.Try(path)
	if err != nil {
		t.Fatalf("a released lock: %v", err)
	}
	again.Release()
	_, err = lockfile.Try(filepath.Join(path, "below"))
	if err == nil || errors.Is(err, lockfile.ErrTaken) {
		t.Errorf("no such folder: %v", err)
	}
}

func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := lockfile.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond)
	defer cancel()
	_, err = lockfile.Wait(ctx, path)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	time.AfterFunc(80*time.Millisecond, held.Release)
	next, err := lockfile.Wait(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	next.Release()
}

// The lock goes with its holder, however that ends, and children do not inherit it.
func TestHolderKilled(t *testing.T) {
	path := os.Getenv("LOCK_PATH")
	if path != "" {
		_, err := lockfile.Try(path)
		if err != nil {
			os.Exit(1)
		}
		err = exec.Command("sleep", "1").Start()
		if err != nil {
			os.Exit(2)
		}
		os.Stdout.WriteString("held\n")
		time.Sleep(time.Minute)
	}
	path = filepath.Join(t.TempDir(), "lock")
	cmd := exec.Command(os.Args[0], "-test.run=TestHolderKilled")
	cmd.Env = append(os.Environ(), "LOCK_PATH="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	_, err = out.Read(make([]byte, 5))
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockfile.Try(path)
	if !errors.Is(err, lockfile.ErrTaken) {
		t.Errorf("another process holds it: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	held, err := lockfile.Try(path)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	held.Release()
}
