package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable names the mutant that is awake.
const variable = "MUTANT"

// plant writes, into dir, the sources with all mutants in them: a function that one
// changes begins with a switch to the changed body. It returns the file that tells
// the go command to take them.
func plant(root, dir string, list []mutant) (overlay string, err error) {
	replace, written := map[string]string{}, 0
	put := func(path, text string) error {
		written++
		to := filepath.Join(dir, fmt.Sprintf("%d.go", written))
		replace[filepath.Join(root, filepath.FromSlash(path))] = to
		return os.WriteFile(to, []byte(text), 0o600)
	}
	byFile := map[string][]mutant{}
	for _, m := range list {
		byFile[m.file] = append(byFile[m.file], m)
	}
	for file, mutants := range byFile {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return "", err
		}
		text, pkg, err := planted(file, string(source), mutants)
		if err == nil {
			err = put(file, text)
		}
		if err == nil {
			err = put(filepath.ToSlash(filepath.Join(filepath.Dir(file), "mutant_awake.go")),
				"package "+pkg+"\n\nimport \"os\"\n\nvar mutantAwake = os.Getenv(\""+variable+"\")\n")
		}
		if err != nil {
			return "", err
		}
	}
	doc, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, doc, 0o600)
}

// planted is a source with its mutants in it, and the name of its package.
func planted(file, source string, mutants []mutant) (text, pkg string, err error) {
	functions, pkg, err := read(source)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", file, err)
	}
	for _, m := range mutants {
		changed, err := m.apply(source)
		if err != nil {
			return "", "", fmt.Errorf("%s %w", m.name, err)
		}
		others, _, err := read(changed)
		if err != nil {
			return "", "", fmt.Errorf("%s does not compile: %w", m.name, err)
		}
		i := slices.IndexFunc(functions, func(f function) bool {
			return !slices.ContainsFunc(others, func(o function) bool { return o.name == f.name && o.body == f.body })
		})
		j := -1
		if i >= 0 {
			j = slices.IndexFunc(others, func(o function) bool { return o.name == functions[i].name })
		}
		if j < 0 {
			return "", "", fmt.Errorf("%s changes no function's body", m.name)
		}
		functions[i].awake += fmt.Sprintf("\nif mutantAwake == %q {\n//line %s.mutant:1\n%s%s\n}", m.name, m.name, others[j].body, functions[i].end)
	}
	at := 0
	var b strings.Builder
	for _, f := range functions {
		if f.awake != "" {
			b.WriteString(source[at:f.begins] + f.awake + fmt.Sprintf("\n//line %s:%d\n", filepath.Base(file), f.line))
			at = f.begins
		}
	}
	return b.String() + source[at:], pkg, nil
}

// function is one that a source declares.
type function struct {
	name   string // with its receiver
	body   string // with its braces
	begins int    // just after the first of these
	line   int
	end    string // what has to follow a body, so that nothing is run after it
	awake  string // what is to be run instead of the body, when a mutant is awake
}

// read finds the functions of a source, in their order.
func read(source string) (list []function, pkg string, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, "", err
	}
	for _, d := range file.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Body == nil {
			continue
		}
		from, to := set.Position(fd.Body.Lbrace), set.Position(fd.Body.Rbrace)
		f := function{name: fd.Name.Name, body: source[from.Offset : to.Offset+1], begins: from.Offset + 1, line: from.Line}
		if fd.Recv != nil {
			f.name = types.ExprString(fd.Recv.List[0].Type) + "." + f.name
		}
		if fd.Type.Results == nil {
			f.end = "\nreturn"
		}
		list = append(list, f)
	}
	return list, file.Name.Name, nil
}
