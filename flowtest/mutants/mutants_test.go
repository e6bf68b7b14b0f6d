package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every mutant applies to the source as it is, and names tests that exist. What
// becomes of it, `make mutants` tells.
func TestMutants(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	list, err := readAll(".")
	if err != nil || len(list) < 45 {
		t.Fatalf("%d mutants, %v", len(list), err)
	}
	there := map[string]bool{} // tests, by package and name
	for _, m := range list {
		source, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		_, err = m.apply(string(source))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if !regexp.MustCompile(`\b([RFIT]-[0-9]|parity [0-9])`).MatchString(m.why) {
			t.Errorf("%s names no requirement", m.name)
		}
		for _, s := range m.tests {
			if !there[s.pkg] {
				there[s.pkg] = true
				addTests(t, there, root, s.pkg)
			}
			for _, name := range s.tests {
				if !there[s.pkg+" "+name] {
					t.Errorf("%s: %s has no %s", m.name, s.pkg, name)
				}
			}
		}
	}
}

func addTests(t *testing.T, there map[string]bool, root, pkg string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			there[pkg+" "+found[1]] = true
		}
	}
}

// What is written wrongly is told, before anything is tried.
func TestParse(t *testing.T) {
	const head = "why: R-1: x\nfile: a.go\ntest: ./a TestA TestB\ntest: ./b TestC\n\n"
	m, err := parse(head + " \tstays\n-\tgoes\n\n+\tcomes\n")
	if err != nil || m.old != "\tstays\n\tgoes\n\n" || m.new != "\tstays\n\n\tcomes\n" || len(m.tests) != 2 || len(m.tests[0].tests) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	got, err := m.apply("\tstays\n\tgoes\n\nend\n")
	if err != nil || got != "\tstays\n\n\tcomes\nend\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, source := range []string{"", "\tgoes\n\n", "x\tstays\n\tgoes\n\n", strings.Repeat("\tstays\n\tgoes\n\n", 2)} {
		_, err = m.apply(source)
		if err == nil {
			t.Errorf("it applies to %q", source)
		}
	}
	for _, text := range []string{
		"", head, head + " same\n", head + "+only new\n", head + "none of the three\n",
		"why: x\nfile: a.go\n\n-a\n+b\n", "file: a.go\ntest: ./a TestA\n\n-a\n+b\n", "why: x\ntest: ./a TestA\n\n-a\n+b\n",
		strings.Replace(head, "TestA TestB", "", 1) + "-a\n+b\n", "why: y\n" + head + "-a\n+b\n", "who: x\n" + head + "-a\n+b\n",
	} {
		_, err = parse(text)
		if err == nil {
			t.Errorf("%q is read", text)
		}
	}
}
