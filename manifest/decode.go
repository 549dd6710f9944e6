package manifest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/tallyman-io/tallyman/manifest/shape"
	"gopkg.in/yaml.v3"
)

// maxVisits bounds how often the nodes of one document are looked at, so that
// aliases of aliases can't grow without end.
const maxVisits = 200_000

// MaxItems is how long a list may be.
const MaxItems = 1000

// maxDocumentErrors is how many errors one document may report.
const maxDocumentErrors = 100

// decoder turns the nodes of one document into a typed value, and collects
// every error on the way instead of stopping at the first.
type decoder struct {
	shapes shape.Catalog
	errs   Errors
	doubts Errors
	refs   []ref
	visits int
}

// spot is a value in the document: its node, and how to get there. The path is
// written out only when an error needs it.
type spot struct {
	node   *yaml.Node
	parent *spot
	step   string
}

func (s *spot) path() string {
	if s.parent == nil {
		return s.step
	}
	return s.parent.path() + s.step
}

// child is a field or key of s.
func (s *spot) child(key string, node *yaml.Node) *spot {
	return &spot{node: node, parent: s, step: pathStep(s, key)}
}

func pathStep(parent *spot, key string) string {
	switch {
	case strings.ContainsAny(key, `.[]" `) || key == "":
		return fmt.Sprintf("[%q]", key)
	case parent.parent == nil && parent.step == "":
		return key
	}
	return "." + key
}

func (d *decoder) errorf(s *spot, format string, args ...any) *Error {
	return d.errorAt(placeOf(s.node), s.path(), fmt.Sprintf(format, args...))
}

func (d *decoder) errorAt(at place, path, message string) *Error {
	err := &Error{Line: at.line, Col: at.col, Path: path, Message: message}
	if len(d.errs) < maxDocumentErrors {
		d.errs = append(d.errs, err)
	}
	return err
}

func placeOf(n *yaml.Node) place {
	if n == nil {
		return place{}
	}
	return place{n.Line, n.Column}
}

// enter resolves an alias and counts the visit; false means that the document
// is to be given up.
func (d *decoder) enter(s *spot) bool {
	d.visits++
	if d.visits > maxVisits {
		return false
	}
	if s.node.Kind == yaml.AliasNode {
		s.node = s.node.Alias
	}
	return s.node != nil
}

// value decodes the spot's node into v.
func (d *decoder) value(s *spot, v reflect.Value, rules shape.Rules) {
	if !d.enter(s) {
		return
	}
	if isNull(s.node) {
		d.errorf(s, "has no value").Hint = noValueHint(v)
		return
	}
	switch target := v.Addr().Interface().(type) {
	case union:
		target.decode(d, s)
		return
	case shape.Scalar:
		d.scalar(s, v, rules)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		d.value(s, fresh.Elem(), rules)
		v.Set(fresh)
	case reflect.Struct:
		d.structure(s, v)
	case reflect.Map:
		d.mapping(s, v, rules)
	case reflect.Slice:
		d.sequence(s, v, rules)
	default:
		d.primitive(s, v, rules)
	}
}

func noValueHint(v reflect.Value) string {
	if _, env := v.Interface().(EnvValue); env || v.Kind() == reflect.String {
		return `write "" for an empty text`
	}
	return "give one, or leave the field out"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// mapping decodes a mapping with free keys.
func (d *decoder) mapping(s *spot, v reflect.Value, rules shape.Rules) {
	entries, ok := d.entries(s)
	if !ok {
		return
	}
	if rules.NonEmpty && len(entries) == 0 {
		d.errorf(s, "must not be empty")
	}
	m := reflect.MakeMapWithSize(v.Type(), len(entries))
	for _, e := range entries {
		d.key(s, e, rules)
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(s.child(e.key, e.value), elem, rules.Element())
		m.SetMapIndex(reflect.ValueOf(e.key), elem)
	}
	if m.Len() > 0 {
		v.Set(m)
	}
}

func (d *decoder) key(s *spot, e entry, rules shape.Rules) {
	if rules.Keys == "" {
		return
	}
	if f := shape.FormatOf(rules.Keys); !f.Match(e.key) {
		d.errorAt(placeOf(e.keyNode), s.child(e.key, nil).path(), "the key must be "+f.Noun)
	}
}

// sequence decodes a list.
func (d *decoder) sequence(s *spot, v reflect.Value, rules shape.Rules) {
	if s.node.Kind != yaml.SequenceNode {
		d.wrongType(s, "a list").Hint = listHint(s.node)
		return
	}
	switch n := len(s.node.Content); {
	case n == 0 && rules.NonEmpty:
		d.errorf(s, "must not be empty")
	case n > MaxItems:
		d.errorf(s, "must have at most %d elements", MaxItems)
		return
	}
	first := map[string]int{}
	items := reflect.MakeSlice(v.Type(), len(s.node.Content), len(s.node.Content))
	for i, n := range s.node.Content {
		at := &spot{node: n, parent: s, step: fmt.Sprintf("[%d]", i)}
		d.value(at, items.Index(i), rules.Element())
		if !rules.Unique || at.node.Kind != yaml.ScalarNode {
			continue
		}
		if j, twice := first[at.node.Value]; twice {
			d.errorf(at, "repeats [%d]", j)
		}
		first[at.node.Value] = i
	}
	if items.Len() > 0 {
		v.Set(items)
	}
}

func listHint(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return "write it as a list, [a, b]"
	}
	return ""
}
