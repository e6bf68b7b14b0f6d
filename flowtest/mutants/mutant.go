package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mutant is one file *.mutant.
type mutant struct {
	name     string // its path below the folder, without the ending
	why      string
	file     string // the source that it changes, from the project's root
	tests    []suite
	old, new string // whole lines
}

// suite is tests of one package.
type suite struct {
	pkg   string // as the go command takes it: ./shared/store
	tests []string
}

// readAll reads all mutants below a folder, in the order of their names.
func readAll(dir string) ([]mutant, error) {
	var list []mutant
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".mutant" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		m, err := parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		m.name = strings.TrimSuffix(filepath.ToSlash(rel), ".mutant")
		list = append(list, m)
		return nil
	})
	return list, err
}

// parse reads a mutant's text.
func parse(text string) (mutant, error) {
	head, change, ok := strings.Cut(text, "\n\n")
	if !ok {
		return mutant{}, errors.New("there is no empty line after the header")
	}
	var m mutant
	for line := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		words := strings.Fields(value)
		switch {
		case name == "why" && m.why == "":
			m.why = value
		case name == "file" && m.file == "":
			m.file = value
		case name == "test" && len(words) > 1:
			m.tests = append(m.tests, suite{words[0], words[1:]})
		default:
			return mutant{}, fmt.Errorf("the header has %q: it takes why, file, and test with a package and the names of tests", line)
		}
	}
	if m.why == "" || m.file == "" || m.tests == nil {
		return mutant{}, errors.New("why, file or test is missing")
	}
	var err error
	m.old, m.new, err = diff(strings.TrimRight(change, "\n"))
	return m, err
}

// diff takes the lines of a change apart.
func diff(change string) (before, after string, err error) {
	for line := range strings.SplitSeq(change, "\n") {
		if line == "" { // editors take a blank at the end away
			line = " "
		}
		rest := line[1:] + "\n"
		switch line[0] {
		case ' ':
			before, after = before+rest, after+rest
		case '-':
			before += rest
		case '+':
			after += rest
		default:
			return "", "", fmt.Errorf("%q begins with none of blank, - and +", line)
		}
	}
	if before == "" || before == after {
		return "", "", errors.New("nothing is changed")
	}
	return before, after, nil
}

// apply is the source with the change in it.
func (m mutant) apply(source string) (string, error) {
	source, old := "\n"+source, "\n"+m.old
	at := strings.Index(source, old)
	if at < 0 {
		return "", fmt.Errorf("does not apply: its lines are not in %s", m.file)
	}
	if strings.Contains(source[at+1:], old) {
		return "", fmt.Errorf("does not apply: its lines are in %s more than once", m.file)
	}
	return source[1:at+1] + m.new + source[at+len(old):], nil
}
