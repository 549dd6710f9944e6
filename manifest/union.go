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

// EnvValue is the value of an environment variable: a text, or a key of a
// Secret.
type EnvValue struct {
	Text string
	From *SecretKey
}

// SecretKey is one value of a Secret.
type SecretKey struct {
	// The Secret.
	Secret string `yaml:"secret" check:"required,format=name,ref=Secret" aka:"name,valueFrom,secretKeyRef"`
	// The key in the Secret.
	Key string `yaml:"key" check:"required,format=configKey,ref=key"`
}

// Schema says that it is a text or a mapping with two names.
func (*EnvValue) Schema() map[string]any {
	pattern := func(format string) map[string]any {
		f := shape.FormatOf(format)
		out := map[string]any{"type": "string", "pattern": f.Pattern.String()}
		if f.Not != nil {
			out["not"] = map[string]any{"pattern": f.Not.String()}
		}
		return out
	}
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string"},
		map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"secret", "key"},
			"properties": map[string]any{"secret": pattern("name"), "key": pattern("configKey")},
		},
	}}
}

// Forms says the same in words.
func (*EnvValue) Forms() string { return "text or `{secret, key}`" }

func (v *EnvValue) decode(d *decoder, s *spot) {
	if s.node.Kind == yaml.MappingNode {
		errs, refs := len(d.errs), len(d.refs)
		v.From = &SecretKey{}
		d.structure(s, reflect.ValueOf(v.From).Elem())
		if len(d.errs) > errs {
			d.refs = d.refs[:refs] // what stands for the name may be the value itself: no error repeats it
		}
		return
	}
	v.Text, _ = d.text(s)
}

// MarshalYAML writes the form that was given.
func (v EnvValue) MarshalYAML() (any, error) {
	if v.From != nil {
		return v.From, nil
	}
	return v.Text, nil
}

// EnvRule is an environment variable as policies see it: its value, or the
// Secret that it comes from.
type EnvRule struct {
	Value  string `yaml:"value"`
	Secret string `yaml:"secret"`
	Key    string `yaml:"key"`
}

// RuleValue is the variable as policies see it.
func (v EnvValue) RuleValue() any {
	if v.From != nil {
		return EnvRule{Secret: v.From.Secret, Key: v.From.Key}
	}
	return EnvRule{Value: v.Text}
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

// RuleValue is the command as policies see it: as it is run.
func (c HealthCommand) RuleValue() any {
	if c.Shell != "" {
		return []string{"/bin/sh", "-c", c.Shell}
	}
	return c.Args
}
