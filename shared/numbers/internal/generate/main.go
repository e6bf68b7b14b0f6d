// Command generate writes plan.txt, the numbering plan that shared/numbers
// embeds: `go generate ./shared/numbers` after a new version of
// github.com/nyaruka/phonenumbers, whose metadata it rewrites, or of
// golang.org/x/text, whose English names of regions it takes.
//
// It alone, and tests, import these two: their tables cost a step more time and
// memory at its start than everything else there. It must not know what the
// plan is for beyond what its columns say.
package main

import (
	"fmt"
	"os"
)

func main() {
	err := write("plan.txt")
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write makes the file anew, in the folder of the package that embeds it.
func write(path string) error {
	text, err := plan()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
