package flowtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// musts is the whole list of the requirements that the project may not leave
// without a reason.
const musts = `
	R-001 R-002 R-003 R-004 R-005 R-007 R-008 R-009 R-010 R-011 R-012
	R-020 R-021 R-022 R-023 R-024 R-025 R-026 R-027 R-028 R-029 R-030 R-031 R-032 R-033 R-034 R-035
	R-040 R-041 R-042 R-043 R-044 R-045 R-046 R-048 R-049 R-050 R-051 R-053 R-055
	R-060 R-061 R-062 R-063 R-064 R-066 R-067 R-068
	R-070 R-071 R-072 R-073 R-074 R-076 R-080 R-081 R-082 R-083 R-085
	R-090 R-091 R-092 R-100 R-101 R-102 R-103 R-104 R-105 R-106 R-107 R-109 R-111 R-112
	R-115 R-116 R-117 R-118 R-119 R-120 R-121 R-122 R-123 R-124 R-125 R-126
	R-130 R-131 R-132 R-133 R-134 R-136
	R-140 R-141 R-142 R-143 R-144 R-145 R-146 R-147 R-148
	R-150 R-151 R-152 R-153 R-154 R-155 R-156 R-157 R-158 R-160 R-161 R-162`

// docs/threats.md says of every requirement what shows it, or why it is left. It
// is true as far as a program can tell: each requirement has one row, each test
// exists, and no row has neither a test nor a reason.
func TestThreats(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "threats.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string][]string{}
	everyTest(t, func(pkg string, fn *ast.FuncDecl) {
		packages[fn.Name.Name] = append(packages[fn.Name.Name], pkg)
	})
	wanted, rows := strings.Fields(musts), map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| (R-\w+) \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(string(page), -1) {
		id, shown := m[1], m[3]
		rows[id]++
		if !slices.Contains(wanted, id) {
			t.Errorf("%s is no requirement", id)
		}
		tests := regexp.MustCompile(`(?:(\w+)\.)?\b((?:Test|Fuzz)[A-Z]\w*)`).FindAllStringSubmatch(shown, -1)
		reason := regexp.MustCompile(`(?:^|; )(?:otherwise|left|deployment): .{20,}\.$`).MatchString(shown)
		if len(tests) == 0 && !reason {
			t.Errorf("%s has neither a test nor a reason: %s", id, shown)
		}
		if strings.Contains(shown, ": ") && !reason {
			t.Errorf("%s has a reason that is none: %s", id, shown)
		}
		for _, test := range tests {
			known := packages[test[2]]
			if len(known) == 0 || test[1] != "" && !slices.Contains(known, test[1]) {
				t.Errorf("%s: there is no %s", id, test[0])
			}
			if test[1] == "" && len(known) > 1 {
				t.Errorf("%s: %s could be that of %v", id, test[0], known)
			}
		}
	}
	for _, id := range wanted {
		if rows[id] != 1 {
			t.Errorf("%s has %d rows", id, rows[id])
		}
	}
}
