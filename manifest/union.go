package manifest

import (
	"reflect"

	"github.com/tallyman-io/tallyman/manifest/shape"
	"gopkg.in/yaml.v3"
)

// union is a type that may be written in several ways.
type union interface {
	shape.Union
	decode(d *decoder, s *spot)
}

// EnvValue is the value of an environment variable. Today it is a text;
// `{secret: …}` is reserved.
type EnvValue string

// Schema says that it is a text.
func (*EnvValue) Schema() map[string]any { return map[string]any{"type": "string"} }

// Forms says the same in words.
func (*EnvValue) Forms() string { return "text" }

func (v *EnvValue) decode(d *decoder, s *spot) {
	if s.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(s.node.Content); i += 2 {
			if s.node.Content[i].Value == "secret" {
				d.errorf(s, "a value from a secret is not supported yet")
				return
			}
		}
	}
	if text, ok := d.text(s); ok {
		*v = EnvValue(text)
	}
}

// HealthCommand is the command of a health check: a list that is run as it is,
// or a text for the container's shell.
type HealthCommand struct {
	Args  []string
	Shell string
}

// Schema says that it is a text or a list of texts.
func (*HealthCommand) Schema() map[string]any {
	text := map[string]any{"type": "string", "minLength": 1}
	return map[string]any{"oneOf": []any{
		text,
		map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "minItems": 1},
	}}
}

// Forms says the same in words.
func (*HealthCommand) Forms() string { return "text or list of texts" }

func (c *HealthCommand) decode(d *decoder, s *spot) {
	if s.node.Kind == yaml.SequenceNode {
		d.sequence(s, reflect.ValueOf(&c.Args).Elem(), shape.Rules{NonEmpty: true})
		return
	}
	text, ok := d.text(s)
	if ok && text == "" {
		d.errorf(s, "must not be empty")
	}
	c.Shell = text
}

// MarshalYAML writes the form that was given.
func (c HealthCommand) MarshalYAML() (any, error) {
	if c.Shell != "" {
		return c.Shell, nil
	}
	return c.Args, nil
}
