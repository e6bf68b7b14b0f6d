package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What is committed is what the two libraries of go.mod say.
func TestCurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plan.txt")
	err := write(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../plan.txt")
	if err != nil {
		t.Fatal(err)
	}
	old, now := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i, line := range now {
		if i >= len(old) || old[i] != line {
			t.Fatalf("line %d of plan.txt is not %.60q: run `go generate ./shared/numbers`", i+1, line)
		}
	}
	if len(old) != len(now) {
		t.Errorf("%d lines, want %d: run `go generate ./shared/numbers`", len(old), len(now))
	}
}

// Two runs write the same, every line has every column, and calling codes ascend.
func TestPlan(t *testing.T) {
	t.Parallel()
	one, err := plan()
	if err != nil {
		t.Fatal(err)
	}
	two, err := plan()
	if err != nil || one != two {
		t.Errorf("two runs differ, or %v", err)
	}
	regions := map[string]bool{}
	for line := range strings.Lines(one) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(line, "\t")
		if len(column) != 13 || column[0] == "" || column[2] == "" || column[8] == "" || column[9] == "" {
			t.Errorf("%.60q", line)
		}
		if regions[column[1]] && column[1] != world {
			t.Errorf("%s is there twice", column[1])
		}
		regions[column[1]] = true
	}
	if len(regions) < 240 || !regions[world] || !regions["US"] {
		t.Errorf("%d regions", len(regions))
	}
}

func TestLengths(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string][]int{
		`\d{3}`: {3}, `1|22|333`: {1, 2, 3}, `1?2`: {1, 2}, `(?:1\d)?(2|[3-5]{2})`: {1, 2, 3, 4}, `1\d{2,4}`: {3, 4, 5}, ``: {0}, `8(?:\d{2}|1)?`: {1, 2, 3},
	} {
		got, err := lengths(expr)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", expr, got, err, want)
		}
	}
	for _, expr := range []string{`\d+`, `1*`, `\d{2,}`, `^1`, `1$`, `(1`, `.`} {
		got, err := lengths(expr)
		if err == nil {
			t.Errorf("%s: %v", expr, got)
		}
	}
}

// UK and 826 are GB, and what is a region's own code is no other one.
func TestOtherCodes(t *testing.T) {
	t.Parallel()
	also := otherCodes()
	if !reflect.DeepEqual(also["GB"], []string{"UK", "826"}) || slices.Contains(also["US"], "US") || len(also) < 240 {
		t.Errorf("%v, %v, %d", also["GB"], also["US"], len(also))
	}
}
