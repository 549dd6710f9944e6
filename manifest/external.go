package manifest

import (
	"reflect"

	"gopkg.in/yaml.v3"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

// External says that a thing is on the hosts already, made by somebody else.
type External struct {
	// Name is what it is called there, when that is not the document's name.
	Name string
}

// Schema says that it is true or a name.
func (*External) Schema() map[string]any {
	name := map[string]any{
		"type": "object", "additionalProperties": false, "required": []any{"name"},
		"properties": map[string]any{"name": map[string]any{"type": "string", "pattern": shape.FormatOf("hostThing").Pattern.String()}},
	}
	return map[string]any{"oneOf": []any{map[string]any{"const": true}, name}}
}

// Forms says the same in words.
func (*External) Forms() string { return "`true` or `{name: text}`" }

func (e *External) decode(d *decoder, s *spot) {
	switch s.node.Kind {
	case yaml.MappingNode:
		entries, ok := d.entries(s)
		if !ok {
			return
		}
		for _, entry := range entries {
			at := s.child(entry.key, entry.value)
			if entry.key != "name" {
				d.errorAt(placeOf(entry.keyNode), at.path(), "unknown field")
				continue
			}
			d.value(at, reflect.ValueOf(&e.Name).Elem(), shape.Rules{Format: "hostThing"})
		}
		if len(entries) == 0 {
			d.errorf(s, "needs a name, or say external: true")
		}
	default:
		if s.node.ShortTag() != "!!bool" || s.node.Value != "true" {
			d.errorf(s, "must be true, or {name: X}; leave it out for a thing that Tallyman makes")
		}
	}
}

// MarshalYAML writes the form that was given.
func (e External) MarshalYAML() (any, error) {
	if e.Name == "" {
		return true, nil
	}
	return map[string]string{"name": e.Name}, nil
}

// NameOn is the name on the hosts of the thing that a document calls name.
func (e *External) NameOn(name string) string {
	if e.Name != "" {
		return e.Name
	}
	return name
}

// RuleValue is what it is called, as policies see it.
func (e External) RuleValue() any { return e.Name }
