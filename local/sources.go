package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// fingerprint tells two states of the sources of one step apart by names, sizes and times: a
// step depends on its own folder, shared/ and the module files, and on no other step. One of an
// example depends on all of the example, whose steps may share packages.
type fingerprint string

// commonSources is what every step depends on.
func commonSources() []string { return []string{"shared", "go.mod", "go.sum"} }

// fingerprints returns one per step folder. salt stands for what else a build depends on.
func fingerprints(root, salt string, steps []string) (map[string]fingerprint, error) {
	common, err := listing(root, commonSources()...)
	if err != nil {
		return nil, err
	}
	all := map[string]fingerprint{}
	for _, step := range steps {
		own, err := listing(root, sourcesOf(step))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(salt + "\n" + common + own))
		all[step] = fingerprint(hex.EncodeToString(sum[:]))
	}
	return all, nil
}

// sourcesOf is the folder of a step's own sources.
func sourcesOf(step string) string {
	parts := strings.Split(step, "/")
	if parts[0] == "examples" && len(parts) > 2 {
		return path.Join(parts[:2]...)
	}
	return step
}

// listing has a line for each source file. What is missing is left out: the compiler can say
// better what is wrong then.
func listing(root string, names ...string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(root, name), func(file string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil {
				return err
			}
			if d.IsDir() {
				if skipped(d.Name()) {
					return fs.SkipDir
				}
				return nil
			}
			if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(d.Name(), ".") {
				return nil
			}
			info, err := d.Info()
			if os.IsNotExist(err) { // removed meanwhile, as editors do
				return nil
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("looking at the sources: %w", err)
		}
	}
	return b.String(), nil
}

// skipped are folders whose files no build reads.
func skipped(name string) bool {
	return name == "testdata" || name == "node_modules" || len(name) > 1 && strings.HasPrefix(name, ".")
}
