//go:build unix

package child

import (
	"bytes"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func run(t *testing.T, script string) (*Process, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	lines := NewLines(Shared(out), "p: ")
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Stdout, cmd.Stderr = lines, lines
	p, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	return p, out
}

func TestEnd(t *testing.T) {
	p, out := run(t, "echo one; echo two >&2; printf three; exit 4")
	<-p.Done()
	if p.Err() == nil || p.Err().Error() != "exit status 4" || out.String() != "p: one\np: two\np: three\n" {
		t.Errorf("%v, %q", p.Err(), out)
	}
	p.Kill() // nobody
	p.Stop(time.Hour)
}

func TestStartFails(t *testing.T) {
	_, err := Start(exec.Command("/nothing/here"))
	if err == nil {
		t.Error("started nothing")
	}
}

// The whole group ends, and what ignores the request is killed.
func TestStop(t *testing.T) {
	p, _ := run(t, "trap '' TERM; sleep 60 & sleep 60")
	start := time.Now()
	p.Stop(50 * time.Millisecond)
	if time.Since(start) > 5*time.Second {
		t.Error("the end took too long")
	}
	gone(t, p.PID())
}

// A process that leaves others behind and goes takes them along, and their hold on the
// output delays nothing.
func TestLeftBehind(t *testing.T) {
	p, _ := run(t, "sleep 60 & exit 0")
	select {
	case <-p.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the end is held up")
	}
	if p.Err() != nil {
		t.Errorf("error = %v", p.Err())
	}
	gone(t, p.PID())
}

func gone(t *testing.T, group int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); syscall.Kill(-group, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("part of the group is left")
		}
	}
}

func TestLines(t *testing.T) {
	out := &bytes.Buffer{}
	l := NewLines(out, "> ")
	for _, part := range []string{"a", "b\nc\r\n\n", strings.Repeat("x", maxLine), "yyy", "\nd"} {
		n, err := l.Write([]byte(part))
		if n != len(part) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	l.Close()
	l.Close()
	want := "> ab\n> c\n> \n> " + strings.Repeat("x", maxLine) + cutMark + "\n> d\n"
	if out.String() != want {
		t.Errorf("lines %.100q", out.String())
	}
	_, err := NewLines(nil, "").Write([]byte("x\n"))
	if err != nil {
		t.Error(err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb"), []byte("\r\n\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		out := &bytes.Buffer{}
		l := NewLines(out, "> ")
		_, _ = l.Write(a)
		_, _ = l.Write(b)
		_ = l.Close()
		text := out.String()
		if text != "" && !strings.HasSuffix(text, "\n") {
			t.Error("an unfinished line was written")
		}
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "> ") || len(line) > maxLine+100 {
				t.Errorf("line %.50q", line)
			}
		}
	})
}
