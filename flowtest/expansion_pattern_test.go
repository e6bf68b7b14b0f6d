package flowtest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// pattern is a filter pattern of CloudWatch Logs for JSON lines, as far as the
// template uses it: members compared with texts that may begin or end with a
// star, && and || and brackets
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html).
type pattern struct {
	word     string // "&&", "||", or "" for a comparison
	parts    []pattern
	name     string
	template string
}

// words are a pattern's smallest parts.
var words = regexp.MustCompile(`\s*(\|\||&&|[(){}=]|\$\.[A-Za-z]+|"[^"]*")`)

// parsePattern refuses what it does not understand. && binds as || does: a pattern
// that needs to know which comes first must have brackets.
func parsePattern(text string) (pattern, error) {
	var list []string
	rest := text
	for strings.TrimSpace(rest) != "" {
		at := words.FindStringSubmatchIndex(rest)
		if at == nil || at[0] != 0 {
			return pattern{}, fmt.Errorf("%q is not understood at %q", text, rest)
		}
		list = append(list, rest[at[2]:at[3]])
		rest = rest[at[1]:]
	}
	if len(list) < 2 || list[0] != "{" || list[len(list)-1] != "}" {
		return pattern{}, fmt.Errorf("%q has no braces", text)
	}
	p, left, err := parseTerms(list[1 : len(list)-1])
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%q ends too late", text)
	}
	return p, err
}

func parseTerms(list []string) (pattern, []string, error) {
	p, list, err := parseTerm(list)
	if err != nil || len(list) == 0 || list[0] == ")" {
		return p, list, err
	}
	all := pattern{word: list[0], parts: []pattern{p}}
	for len(list) > 0 && list[0] != ")" {
		if list[0] != all.word || all.word != "&&" && all.word != "||" {
			return all, list, fmt.Errorf("%q after %q", list[0], all.word)
		}
		p, list, err = parseTerm(list[1:])
		if err != nil {
			return all, list, err
		}
		all.parts = append(all.parts, p)
	}
	return all, list, nil
}

func parseTerm(list []string) (pattern, []string, error) {
	if len(list) > 0 && list[0] == "(" {
		p, left, err := parseTerms(list[1:])
		if err != nil {
			return p, left, err
		}
		if len(left) == 0 {
			return p, left, fmt.Errorf("a bracket is not closed")
		}
		return p, left[1:], nil
	}
	if len(list) < 3 || !strings.HasPrefix(list[0], "$.") || list[1] != "=" || !strings.HasPrefix(list[2], `"`) {
		return pattern{}, list, fmt.Errorf("a comparison is expected at %q", list)
	}
	return pattern{name: strings.TrimPrefix(list[0], "$."), template: strings.Trim(list[2], `"`)}, list[3:], nil
}

// matches reports whether a line is like this.
func (p pattern) matches(line map[string]any) bool {
	if p.word == "" {
		text, is := line[p.name].(string)
		return is && like(p.template, text)
	}
	for _, part := range p.parts {
		if part.matches(line) == (p.word == "||") {
			return p.word == "||"
		}
	}
	return p.word == "&&"
}

// like reports whether a text is like a template in which a star stands for
// anything, as in patterns of CloudWatch and of policies.
func like(template, text string) bool {
	return regexp.MustCompile(`^(?s:` + strings.ReplaceAll(regexp.QuoteMeta(template), `\*`, `.*`) + `)$`).MatchString(text)
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	line := map[string]any{"msg": "alarm: a thing", "event": "x", "status": 500.0}
	for text, want := range map[string]bool{
		`{ $.msg = "alarm: a thing" }`:          true,
		`{ $.msg = "alarm: a" }`:                false,
		`{ $.msg = "alarm: *" }`:                true,
		`{ $.msg = "* thing" }`:                 true,
		`{ $.msg = "*a*" }`:                     true,
		`{ $.msg = "*b*" }`:                     false,
		`{ $.status = "500" }`:                  false,
		`{ $.other = "*" }`:                     false,
		`{ ($.msg = "no") || ($.event = "x") }`: true,
		`{ ($.msg = "no") && ($.event = "x") }`: false,
		`{ ($.event = "x") && (($.msg = "no") || ($.msg = "alarm: *")) }`:        true,
		`{ (($.event = "x") && ($.msg = "no")) || ($.event = "y") }`:             false,
		`{ ($.event = "x") && ($.msg = "alarm: *") && ($.event = "x") }`:         true,
		`{ ($.event = "y") || ($.msg = "none*") || ($.msg = "alarm: a thing") }`: true,
	} {
		p, err := parsePattern(text)
		if err != nil || p.matches(line) != want {
			t.Errorf("%s: want %t, %v", text, want, err)
		}
	}
	for _, text := range []string{
		``, `alarm`, `{ }`, `{ $.msg = alarm }`, `{ $.msg != "x" }`, `{ ($.msg = "x" }`, `{ $.msg = "x") }`, `{ $.msg = "x" && $.a = "y" || $.b = "z" }`,
		`{ $.status = 500 }`, `{ $.msg = "x" } x`,
	} {
		_, err := parsePattern(text)
		if err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
