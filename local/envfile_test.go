package main

import (
	"errors"
	"strings"
	"testing"
)

// word reads one word as a POSIX shell does (section 2.2, Quoting), as far as it
// is written without what a shell would act upon.
func word(text string) (string, error) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
			b.WriteByte(c)
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case strings.IndexByte(" \t\n|&;<>()$`\\\"*?[]#~{}!", c) >= 0 || c >= 0x80:
			return "", errors.New("a shell would act upon it")
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", errors.New("a quote is not closed")
	}
	return b.String(), nil
}

// FuzzQuote writes any text as a word of .local/env, and reads it as a shell does.
func FuzzQuote(f *testing.F) {
	for _, text := range []string{"", "http://127.0.0.1:8000/a?b=c&d", "o'table", "a b", "$HOME `id`", "a\\b\"c", "é", "a\nb", "''", "'; rm -rf x; '", "~", "#x", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := word(quote(text))
		if err != nil || got != text {
			t.Errorf("%q is written as %s and read as %q, %v", text, quote(text), got, err)
		}
	})
}
