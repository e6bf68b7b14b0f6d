package main

import (
	"fmt"
	"os"
	"strings"

	"latchkey/local/lambdaruntime"
)

// forShell are the values that a developer's commands need to reach a run: to sign calls, and
// to work on the table.
func forShell(set settings, port int, endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL_DYNAMODB=" + quote(endpoint),
		"TABLE_NAME=" + quote(set.table),
		"AWS_REGION=" + lambdaruntime.Region,
		"AWS_ACCESS_KEY_ID=" + lambdaruntime.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + lambdaruntime.AccessKey,
		fmt.Sprintf("LATCHKEY_URL=http://localhost:%d", port),
	}
}

// quote makes a text one word of a POSIX shell, as it is where that is possible.
func quote(text string) string {
	special := func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-._/:@%+,=", c)
	}
	if !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// writeEnvFile writes the file for this user alone.
func writeEnvFile(lines []string) error {
	err := os.WriteFile(envFile, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", envFile, err)
	}
	return nil
}
