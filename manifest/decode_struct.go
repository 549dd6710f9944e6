package manifest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest/shape"
	"gopkg.in/yaml.v3"
)

// checker is a type with rules about several of its fields at once. Fields that
// were wrong by themselves are zero by then.
type checker interface{ check(c *context) }

// context is where a checker reports.
type context struct {
	d *decoder
	s *spot
}

// at is the context of something below: a field, a key, or an element "[1]".
func (c *context) at(steps ...string) *context {
	s := c.s
	for _, step := range steps {
		s = c.d.descend(s, step)
	}
	return &context{c.d, s}
}

// errorf reports, unless there is an error about the same thing or a part of
// it already: then this one would only be its consequence.
func (c *context) errorf(format string, args ...any) *Error {
	path := c.s.path()
	for _, known := range c.d.errs {
		if within(known.Path, path) || within(path, known.Path) {
			return &Error{}
		}
	}
	return c.d.errorf(c.s, format, args...)
}

// doubtf reports what can be done and is hardly meant.
func (c *context) doubtf(format string, args ...any) {
	at := placeOf(c.s.node)
	c.d.doubts = append(c.d.doubts, &Error{Line: at.line, Col: at.col, Path: c.s.path(), Message: fmt.Sprintf(format, args...)})
}

// within says whether a path is that of a part of the whole.
func within(part, whole string) bool {
	rest, ok := strings.CutPrefix(part, whole)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func nth(i int) string { return fmt.Sprintf("[%d]", i) }

// descend finds a field or element of s; what is not there stands where s is.
func (d *decoder) descend(s *spot, step string) *spot {
	var index int
	if _, err := fmt.Sscanf(step, "[%d]", &index); err == nil {
		at := &spot{node: s.node, parent: s, step: step}
		if s.node.Kind == yaml.SequenceNode && index < len(s.node.Content) {
			at.node = target(s.node.Content[index])
		}
		return at
	}
	at := s.child(step, s.node)
	if s.node.Kind != yaml.MappingNode {
		return at
	}
	quiet := decoder{shapes: d.shapes}
	entries, _ := quiet.entries(s)
	for _, e := range entries {
		if e.key == step {
			at.node = target(e.value)
		}
	}
	return at
}

func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// structure decodes a mapping with known fields.
func (d *decoder) structure(s *spot, v reflect.Value) {
	entries, ok := d.entries(s)
	if !ok {
		return
	}
	desc := d.shapes[v.Type()]
	given := make(map[string]bool, len(entries))
	for _, e := range entries {
		f := desc.Field(e.key)
		if f == nil {
			d.unknown(s, e, desc)
			continue
		}
		given[e.key] = true
		d.value(s.child(e.key, e.value), v.FieldByIndex(f.Index), f.Rules)
	}
	d.absent(s, v, given)
	d.exactlyOne(s, desc, given)
	if c, ok := v.Addr().Interface().(checker); ok {
		c.check(&context{d, s})
	}
}

// absent gives fields that are not there their defaults, and reports those
// that had to be.
func (d *decoder) absent(s *spot, v reflect.Value, given map[string]bool) {
	for i := range d.shapes[v.Type()].Fields {
		f := &d.shapes[v.Type()].Fields[i]
		switch {
		case given[f.Name]:
		case f.Rules.Required:
			d.errorAt(placeOf(s.node), s.child(f.Name, nil).path(), "is required")
		default:
			d.setDefault(v.FieldByIndex(f.Index), f)
		}
	}
}

// setDefault fills a field, and the fields of a struct, with their defaults.
func (d *decoder) setDefault(v reflect.Value, f *shape.Field) {
	if f.Default != "" {
		d.value(&spot{node: defaultNode(f.Default), step: f.Name}, v, f.Rules)
		return
	}
	if desc := d.shapes[v.Type()]; v.Kind() == reflect.Struct && desc != nil {
		for i := range desc.Fields {
			d.setDefault(v.FieldByIndex(desc.Fields[i].Index), &desc.Fields[i])
		}
	}
}

// defaultNode is a default as if it had been written in the manifest.
func defaultNode(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	n.Tag = n.ShortTag()
	if strings.HasPrefix(text, "0") && len(text) > 1 {
		n.Tag = "!!str" // permission bits
	}
	return n
}

func (d *decoder) exactlyOne(s *spot, desc *shape.Struct, given map[string]bool) {
	if len(desc.ExactlyOne) == 0 {
		return
	}
	count := 0
	for _, name := range desc.ExactlyOne {
		if given[name] {
			count++
		}
	}
	if count != 1 {
		d.errorf(s, "must have exactly one of %s", strings.Join(desc.ExactlyOne, ", "))
	}
}

// unknown reports a field that does not exist, with the likely cause.
func (d *decoder) unknown(s *spot, e entry, desc *shape.Struct) {
	path := s.child(e.key, nil).path()
	if desc.IsReserved(e.key) {
		d.errorAt(placeOf(e.keyNode), path, "is not supported yet")
		return
	}
	if slices.Contains(desc.OfPod, e.key) {
		d.errorAt(placeOf(e.keyNode), path, "belongs to the replica as a whole, whose containers share one network").Hint = "write it in spec." + e.key
		return
	}
	d.errorAt(placeOf(e.keyNode), path, "unknown field").Hint = d.fieldHint(e.key, desc)
}

func (d *decoder) fieldHint(key string, desc *shape.Struct) string {
	names := make([]string, 0, len(desc.Fields))
	for _, f := range desc.Fields {
		names = append(names, f.Name)
		for _, other := range f.Aka {
			if strings.EqualFold(other, key) {
				return "here it is called " + f.Name
			}
		}
	}
	if spec := desc.Field("spec"); spec != nil && d.shapes[spec.Type].Field(key) != nil {
		return "did you mean spec." + key + "?"
	}
	return didYouMean(key, names)
}

// has says whether a field is given.
func (c *context) has(field string) bool { return c.d.descend(c.s, field).node != c.s.node }
