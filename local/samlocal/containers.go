package samlocal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// SAM's label of every container that runs a function, and where the function's code is in it.
const (
	label    = "sam.cli.container.type=lambda"
	codePath = "/var/task"
)

// container is one of SAM's: of this run, another or nobody's any more.
type container struct {
	id   string
	code string // folder that is mounted as the function's code, as the engine names it
}

// containers lists those of SAM, of all runs on this engine.
func (e *Engine) containers(ctx context.Context) ([]container, error) {
	text, err := e.ask(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label="+label)
	if err != nil || text == "" {
		return nil, err
	}
	format := `{{.Id}}{{range .Mounts}}{{if eq .Destination "` + codePath + `"}} {{.Source}}{{end}}{{end}}`
	args := append([]string{"container", "inspect", "--format", format}, strings.Fields(text)...)
	// Fails if one has gone meanwhile, and still tells about the others.
	text, err = e.ask(ctx, args...)
	if err != nil && text == "" {
		return nil, err
	}
	var list []container
	for line := range strings.Lines(text) {
		id, code, _ := strings.Cut(strings.TrimSpace(line), " ")
		list = append(list, container{id: id, code: code})
	}
	return list, nil
}

// from reports whether the code is from a build. The engine of a virtual machine has its own
// name for the folder, which ends in ours.
func (c container) from(build string) bool {
	build = filepath.ToSlash(strings.TrimPrefix(build, filepath.VolumeName(build)))
	return strings.Contains(strings.ToLower(c.code), strings.ToLower(build)+"/")
}

// clear removes what a killed run of this build left, and returns the others by id.
func (e *Engine) clear(ctx context.Context, build string) (map[string]bool, error) {
	list, err := e.containers(ctx)
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	var ours []string
	for _, c := range list {
		if c.from(build) {
			ours = append(ours, c.id)
			continue
		}
		others[c.id] = true
	}
	return others, e.delete(ctx, ours)
}

// remove removes the containers that a run of this build started: those which were not there
// before, unless they plainly belong to another folder. It begins again for one that SAM was
// just making.
func (e *Engine) remove(build string, before map[string]bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*engineLimit)
	defer cancel()
	const rounds = 3
	for range rounds {
		list, err := e.containers(ctx)
		if err != nil {
			return err
		}
		var ours []string
		for _, c := range list {
			anothers := c.code != "" && !c.from(build)
			if !before[c.id] && !anothers {
				ours = append(ours, c.id)
			}
		}
		if len(ours) == 0 {
			return nil
		}
		err = e.delete(ctx, ours)
		if err != nil {
			return err
		}
	}
	return errors.New("the engine keeps them; see docker ps")
}

func (e *Engine) delete(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := e.ask(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...)
	if err != nil && !strings.Contains(err.Error(), "No such container") && !strings.Contains(err.Error(), "already in progress") {
		return fmt.Errorf("removing containers: %w", err)
	}
	return nil
}
