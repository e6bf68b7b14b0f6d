package template

import (
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Types of resources that names stand for in their own ways.
const (
	functionKind = "AWS::Serverless::Function"
	secretKind   = "AWS::SecretsManager::Secret"
)

// reader holds what names in a template can refer to.
type reader struct {
	parameters map[string]string
	conditions map[string]*yaml.Node
	resources  map[string]string // types by logical id, never ""
	apis       map[string]*api   // those that are made, by logical id
	deciders   []decider
	globals    *yaml.Node // of functions
	steps      int        // conditions evaluated so far
}

func (r *reader) template(root *yaml.Node) (*Template, error) {
	err := r.names(root)
	if err != nil {
		return nil, err
	}
	r.globals, err = find(root, "Globals", "Function")
	if err != nil {
		return nil, err
	}
	node, err := find(root, "Resources")
	if err != nil {
		return nil, err
	}
	resources, err := entries(node)
	if err != nil {
		return nil, err
	}
	err = r.readAPIs(root, resources)
	if err != nil {
		return nil, err
	}
	t := &Template{Parameters: r.parameters}
	for _, e := range resources {
		err := r.resource(t, e)
		if err != nil {
			return nil, err
		}
	}
	err = r.decide(t)
	if err != nil {
		return nil, err
	}
	return t, unique(resources, t)
}

// names collects parameters, conditions and resources, which refer to one another freely.
func (r *reader) names(root *yaml.Node) error {
	err := r.section(root, "Parameters", r.parameter)
	if err != nil {
		return err
	}
	err = r.section(root, "Conditions", func(e entry) error { r.conditions[e.key] = e.value; return nil })
	if err != nil {
		return err
	}
	return r.section(root, "Resources", func(e entry) error {
		kind, err := find(e.value, "Type")
		r.resources[e.key] = "a resource without a type"
		if err == nil && kind != nil && kind.Value != "" {
			r.resources[e.key] = kind.Value
		}
		return err
	})
}

func (r *reader) section(root *yaml.Node, name string, note func(entry) error) error {
	node, err := find(root, name)
	if err != nil {
		return err
	}
	list, err := entries(node)
	if err != nil {
		return err
	}
	for _, e := range list {
		err := note(e)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) parameter(e entry) error {
	value, err := find(e.value, "Default")
	if err != nil {
		return err
	}
	if value == nil {
		r.parameters[e.key] = ""
		return nil
	}
	r.parameters[e.key], err = scalar(value)
	return err
}

func (r *reader) resource(t *Template, e entry) error {
	kind, err := find(e.value, "Type")
	if err != nil {
		return err
	}
	present, err := r.present(e.value)
	if err != nil || !present || kind == nil {
		return err
	}
	properties, err := find(e.value, "Properties")
	if err != nil {
		return err
	}
	switch kind.Value {
	case functionKind:
		f, err := r.function(e, properties)
		if err != nil {
			return err
		}
		t.Functions = append(t.Functions, f)
	case "AWS::DynamoDB::Table":
		if t.Table.Name != "" {
			return wrong(e.value, "%s is a second table; there is one", e.key)
		}
		t.Table, err = r.table(e, properties)
		return err
	}
	return nil
}

func (r *reader) function(e entry, properties *yaml.Node) (Function, error) {
	f := Function{ID: e.key}
	var err error
	f.Folder, err = r.folder(e, properties)
	if err != nil {
		return f, err
	}
	seconds, err := r.number(properties, "Timeout", 3, 900)
	if err != nil {
		return f, err
	}
	f.Timeout = time.Duration(seconds) * time.Second
	f.MemoryMB, err = r.number(properties, "MemorySize", 128, 10240)
	if err != nil {
		return f, err
	}
	f.Environment, err = r.environment(properties)
	if err != nil {
		return f, err
	}
	err = r.events(&f, properties)
	if err != nil {
		return f, err
	}
	err = r.policies(&f, properties)
	return f, err
}

// folder insists on a folder inside the project.
func (r *reader) folder(e entry, properties *yaml.Node) (string, error) {
	node, err := find(properties, "CodeUri")
	if err != nil {
		return "", err
	}
	uri, err := r.text(node)
	if err != nil {
		return "", err
	}
	folder := path.Clean(uri)
	if uri == "" || folder == "." || path.IsAbs(folder) || folder == ".." || strings.HasPrefix(folder, "../") || strings.Contains(uri, ":") {
		return "", wrong(e.value, "%s needs a CodeUri that is a folder of the project", e.key)
	}
	return folder, nil
}

// number reads a whole number of the function, else of the Globals, else the default; the
// smallest number allowed is 1.
func (r *reader) number(properties *yaml.Node, name string, number, most int) (int, error) {
	for _, from := range []*yaml.Node{r.globals, properties} {
		node, err := find(from, name)
		if err != nil {
			return 0, err
		}
		if node == nil {
			continue
		}
		text, err := r.text(node)
		if err != nil {
			return 0, err
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return 0, wrong(node, "%s must be a whole number from 1 to %d", name, most)
		}
		number = n
	}
	return number, nil
}

func (r *reader) environment(properties *yaml.Node) (map[string]string, error) {
	all := map[string]string{}
	for _, from := range []*yaml.Node{r.globals, properties} {
		node, err := find(from, "Environment", "Variables")
		if err != nil {
			return nil, err
		}
		list, err := entries(node)
		if err != nil {
			return nil, err
		}
		own := map[string]string{}
		for _, e := range list {
			own[e.key], err = r.text(e.value)
			if err != nil {
				return nil, err
			}
		}
		maps.Copy(all, own)
	}
	return all, nil
}

// unique refuses what SAM or the gateway would confuse: a route or a folder used twice.
func unique(resources []entry, t *Template) error {
	lines := map[string]*yaml.Node{}
	for _, e := range resources {
		lines[e.key] = e.value
	}
	routes, folders := map[string]string{}, map[string]string{}
	for _, f := range t.Functions {
		if folders[f.Name()] != "" {
			return wrong(lines[f.ID], "%s and %s share the name %s", folders[f.Name()], f.ID, f.Name())
		}
		folders[f.Name()] = f.ID
		for _, route := range f.Routes {
			if routes[route.Key()] != "" {
				return wrong(lines[f.ID], "%s and %s share the route %s", routes[route.Key()], f.ID, route.Key())
			}
			routes[route.Key()] = f.ID
		}
	}
	return nil
}
