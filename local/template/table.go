package template

import "go.yaml.in/yaml/v3"

func (r *reader) table(e entry, properties *yaml.Node) (Table, error) {
	t := Table{Name: e.key}
	list, err := entries(properties)
	if err != nil {
		return t, err
	}
	for _, property := range list {
		switch property.key {
		case "AttributeDefinitions":
			err = r.pairs(property.value, "AttributeName", "AttributeType", func(name, kind string) {
				t.Attributes = append(t.Attributes, Attribute{Name: name, Type: kind})
			})
		case "KeySchema":
			err = r.pairs(property.value, "AttributeName", "KeyType", func(name, kind string) {
				t.Keys = append(t.Keys, Key{Name: name, Type: kind})
			})
		case "TimeToLiveSpecification":
			t.TTL, err = r.ttl(property.value)
		case "GlobalSecondaryIndexes", "LocalSecondaryIndexes":
			err = wrong(property.value, "the table of this project has no indexes")
		}
		if err != nil {
			return t, err
		}
	}
	if len(t.Keys) == 0 || len(t.Attributes) == 0 {
		return t, wrong(e.value, "%s needs AttributeDefinitions and a KeySchema", e.key)
	}
	return t, nil
}

// pairs reads a list of mappings with two texts each.
func (r *reader) pairs(n *yaml.Node, first, second string, add func(first, second string)) error {
	for _, item := range items(n) {
		var values [2]string
		for i, key := range []string{first, second} {
			node, err := find(item, key)
			if err != nil {
				return err
			}
			values[i], err = r.text(node)
			if err != nil {
				return err
			}
			if values[i] == "" {
				return wrong(item, "%s is missing", key)
			}
		}
		add(values[0], values[1])
	}
	return nil
}

func (r *reader) ttl(n *yaml.Node) (string, error) {
	enabled, err := find(n, "Enabled")
	if err != nil {
		return "", err
	}
	on, err := r.text(enabled)
	if err != nil || on != "true" {
		return "", err
	}
	name, err := find(n, "AttributeName")
	if err != nil {
		return "", err
	}
	return r.text(name)
}
