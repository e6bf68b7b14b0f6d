package starts

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"latchkey/flowtest/bench"
)

var appAt = regexp.MustCompile(`(?m)^App +(http://\S+)`)

// startup is how long `make run` takes until it serves its front page, in
// milliseconds, with all built: the second of two runs in a folder of its own.
func startup(t testing.TB) float64 {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"functions", "shared", "examples"} {
		err = os.CopyFS(filepath.Join(folder, name), os.DirFS(filepath.Join(bench.Root(), name)))
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "template.yaml"} {
		content, err := os.ReadFile(filepath.Join(bench.Root(), name))
		if err != nil {
			t.Fatal(err)
		}
		err = os.WriteFile(filepath.Join(folder, name), content, 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	err = os.Mkdir(filepath.Join(folder, "local"), 0o700)
	if err == nil {
		err = os.Symlink(filepath.Join(bench.Root(), "local", "dynamodb"), filepath.Join(folder, "local", "dynamodb"))
	}
	if err != nil {
		t.Fatal(err)
	}
	runner := filepath.Join(folder, "run")
	cmd := exec.Command("go", "build", "-o", runner, "./local")
	cmd.Dir = bench.Root()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	serving(t, runner, folder)
	return ms(serving(t, runner, folder))
}

// serving runs all once, until its front page was answered.
func serving(t testing.TB, runner, folder string) time.Duration {
	t.Helper()
	told, out := bytes.Buffer{}, make(chan string, 1)
	cmd := exec.Command(runner)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "PORT=0", "PHONE_PORT=0", "PUBLIC_URL=", "AWS_ENDPOINT_URL_DYNAMODB=")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err = cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		cmd.Wait()                          //nolint:errcheck // ended by us
	}()
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := pipe.Read(b)
			told.Write(b[:n])
			m := appAt.FindSubmatch(told.Bytes())
			if m != nil {
				out <- string(m[1])
				io.Copy(io.Discard, pipe) //nolint:errcheck // it has ended
				return
			}
			if err != nil {
				close(out)
				return
			}
		}
	}()
	app, ok := <-out
	if !ok {
		t.Fatalf("it does not run: %s", told.String())
	}
	for range 2000 {
		res, err := http.Get(app + "/")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return time.Since(began)
			}
		}
		time.Sleep(5 * time.Millisecond) // it is starting
	}
	t.Fatal("its front page does not come")
	return 0
}
