package child

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is where a line of output is cut, in bytes: long enough for a stack trace in one
// JSON line, short enough not to drown a terminal.
const maxLine = 16 << 10

const cutMark = " ... (cut)"

// Lines passes a program's output on in whole lines, each with a prefix and in a single
// Write, so that the lines of several programs do not mix. A line longer than 16 KiB is cut.
// Use one per program, for stdout and stderr alike.
type Lines struct {
	to     io.Writer
	prefix string

	mu      sync.Mutex
	line    []byte
	cutting bool // the rest of the current line is dropped
}

// NewLines writes to to, which must be safe for concurrent use (see Shared) if other writers
// use it. A nil to drops everything.
func NewLines(to io.Writer, prefix string) *Lines {
	if to == nil {
		to = io.Discard
	}
	return &Lines{to: to, prefix: prefix}
}

// Write never fails: a program must not die because nobody can show its output.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, found := bytes.Cut(rest, []byte("\n"))
		l.add(part)
		if found {
			l.emit()
		}
		rest = after
	}
	return len(p), nil
}

// Close writes an unfinished last line.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		l.emit()
	}
	return nil
}

func (l *Lines) add(part []byte) {
	if l.cutting {
		return
	}
	room := maxLine - len(l.line)
	if len(part) <= room {
		l.line = append(l.line, part...)
		return
	}
	l.line = append(l.line, part[:room]...)
	l.line = append(l.line, cutMark...)
	l.cutting = true
}

func (l *Lines) emit() {
	text := bytes.TrimSuffix(l.line, []byte("\r"))
	whole := make([]byte, 0, len(l.prefix)+len(text)+1)
	whole = append(whole, l.prefix...)
	whole = append(whole, text...)
	whole = append(whole, '\n')
	_, _ = l.to.Write(whole)
	l.line, l.cutting = l.line[:0], false
}

// Shared makes w safe for concurrent use. A nil w drops everything.
func Shared(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return &shared{w: w}
}

type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
