package main

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
)

// lengths are those of the texts that a regular expression matches as a whole,
// ascending. An expression that matches without end, or more than digits, is
// none of a numbering plan.
func lengths(expr string) ([]int, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	set, err := measure(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	return slices.Sorted(maps.Keys(set)), nil
}

func measure(re *syntax.Regexp) (map[int]bool, error) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return map[int]bool{0: true}, nil
	case syntax.OpLiteral:
		return map[int]bool{len(re.Rune): true}, nil
	case syntax.OpCharClass:
		return map[int]bool{1: true}, nil
	case syntax.OpCapture:
		return measure(re.Sub[0])
	case syntax.OpQuest:
		set, err := measure(re.Sub[0])
		if err != nil {
			return nil, err
		}
		set[0] = true
		return set, nil
	case syntax.OpConcat, syntax.OpAlternate:
		return measureAll(re)
	}
	return nil, fmt.Errorf("%s is not of fixed lengths", re)
}

// measureAll adds up what follows each other, and unites alternatives.
func measureAll(re *syntax.Regexp) (map[int]bool, error) {
	all := map[int]bool{}
	if re.Op == syntax.OpConcat {
		all[0] = true
	}
	for _, sub := range re.Sub {
		set, err := measure(sub)
		if err != nil {
			return nil, err
		}
		if re.Op == syntax.OpAlternate {
			maps.Copy(all, set)
			continue
		}
		sum := map[int]bool{}
		for a := range all {
			for b := range set {
				sum[a+b] = true
			}
		}
		all = sum
	}
	return all, nil
}
