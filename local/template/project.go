package template

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Files lists the templates of the project at root, by their paths below it with slashes: the
// project's own, and those of its examples.
func Files(root string) ([]string, error) {
	examples, err := fs.Glob(os.DirFS(root), "examples/*/template.yaml")
	if err != nil {
		return nil, fmt.Errorf("looking for templates: %w", err)
	}
	return append([]string{"template.yaml"}, examples...), nil
}

// ReadProject reads all templates of a project as if they were one, so that they can be served
// under one address: no two functions share a name, no two routes a key, and there is one table
// at most. Folders are below root; Parameters are the project's own; its
// OpenRoutes are joined by those of the examples.
func ReadProject(root string) (*Template, error) {
	files, err := Files(root)
	if err != nil {
		return nil, err
	}
	all := &Template{}
	owners := map[string]string{} // files by function name and by route key
	for i, file := range files {
		t, err := read(filepath.Join(root, filepath.FromSlash(file)), file)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			all.Parameters = t.Parameters
		} else {
			all.open(t.Parameters[openRoutes])
		}
		err = all.add(t, file, owners)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return all, all.complete(owners)
}

// openRoutes is the parameter in which an example says which routes it wants the project's
// authorizer to let through, and the project's own of that name.
const openRoutes = "OpenRoutes"

// open adds what an example wants to what the project has.
func (t *Template) open(routes string) {
	if routes == "" {
		return
	}
	if t.Parameters[openRoutes] != "" {
		routes = t.Parameters[openRoutes] + "," + routes
	}
	t.Parameters[openRoutes] = routes
}

// add takes over what another template has.
func (t *Template) add(other *Template, file string, owners map[string]string) error {
	if other.Table.Name != "" {
		if t.Table.Name != "" {
			return fmt.Errorf("%s is a second table; there is one", other.Table.Name)
		}
		t.Table = other.Table
	}
	for _, f := range other.Functions {
		f.Folder = path.Join(path.Dir(file), f.Folder)
		if owners[f.Name()] != "" {
			return fmt.Errorf("%s has the name %s, which a function of %s has", f.ID, f.Name(), owners[f.Name()])
		}
		owners[f.Name()] = file
		for _, route := range f.Routes {
			if owners[route.Key()] != "" && owners[route.Key()] != file {
				return fmt.Errorf("%s has the route %s, which a function of %s has", f.ID, route.Key(), owners[route.Key()])
			}
			owners[route.Key()] = file
		}
		t.Functions = append(t.Functions, f)
	}
	return nil
}

// complete makes sure that the functions behind all authorizers are there.
func (t *Template) complete(owners map[string]string) error {
	for _, f := range t.Functions {
		for _, route := range f.Routes {
			if route.Authorizer != nil && owners[route.Authorizer.Function] == "" {
				return fmt.Errorf("reading %s: authorizer %s of route %s is a function named %s, which there is not",
					owners[f.Name()], route.Authorizer.Name, route.Key(), route.Authorizer.Function)
			}
		}
	}
	return nil
}
