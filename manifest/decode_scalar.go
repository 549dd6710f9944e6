package manifest

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/manifest/shape"
	"gopkg.in/yaml.v3"
)

// wholeNumber leaves out what YAML versions read differently: leading zeros,
// underscores, other bases.
var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (d *decoder) wrongType(s *spot, want string) *Error {
	return d.errorf(s, "must be %s, got %s", want, nodeType(s.node))
}

// nodeType says what a node is without repeating it: it may hold a secret.
func nodeType(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!str", "!!timestamp":
		return "a text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!null":
		return "nothing"
	}
	return "a value with the tag " + shorten(n.Tag)
}

// shorten keeps errors readable whatever a manifest holds.
func shorten(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// primitive decodes texts, numbers and booleans.
func (d *decoder) primitive(s *spot, v reflect.Value, rules shape.Rules) {
	switch v.Kind() {
	case reflect.String:
		text, ok := d.text(s)
		if !ok || !d.allowed(s, text, rules) {
			return
		}
		v.SetString(text)
		if rules.Ref != "" {
			d.refs = append(d.refs, ref{rules.Ref, text, s.path(), placeOf(s.node)})
		}
	case reflect.Bool:
		d.boolean(s, v)
	case reflect.Int, reflect.Int64:
		d.integer(s, v, rules)
	default:
		panic("manifest: no decoder for " + v.Type().String())
	}
}

// text is the spot's text. Numbers and booleans are refused, because what they
// look like depends on who reads them: 1.10 becomes 1.1, 0777 becomes 511.
func (d *decoder) text(s *spot) (string, bool) {
	n := s.node
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		err := d.wrongType(s, "a text")
		if n.Kind == yaml.ScalarNode && contains([]string{"!!int", "!!float", "!!bool"}, n.Tag) {
			err.Hint = "put it in quotes"
		}
		return "", false
	}
	if strings.ContainsRune(n.Value, 0) {
		d.errorf(s, "contains a NUL character")
		return "", false
	}
	return n.Value, true
}

// allowed checks a text against its format and enumeration.
func (d *decoder) allowed(s *spot, text string, rules shape.Rules) bool {
	if len(rules.Enum) > 0 && !contains(rules.Enum, text) {
		err := d.errorf(s, "must be %s, got %q", oneOf(rules.Enum), shorten(text))
		err.Hint = didYouMean(text, rules.Enum)
		return false
	}
	if rules.Format == "" {
		return true
	}
	f := shape.FormatOf(rules.Format)
	if f.Match(text) {
		return true
	}
	if f.Quiet {
		d.errorf(s, "must be %s", f.Noun)
	} else {
		d.errorf(s, "must be %s, got %q", f.Noun, shorten(text))
	}
	return false
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (d *decoder) boolean(s *spot, v reflect.Value) {
	if s.node.Kind != yaml.ScalarNode || s.node.Tag != "!!bool" {
		d.wrongType(s, "true or false")
		return
	}
	v.SetBool(strings.EqualFold(s.node.Value, "true"))
}

func (d *decoder) integer(s *spot, v reflect.Value, rules shape.Rules) {
	if s.node.Kind != yaml.ScalarNode || s.node.Tag != "!!int" && s.node.Tag != "!!float" {
		d.wrongType(s, "a whole number")
		return
	}
	n, err := strconv.ParseInt(s.node.Value, 10, 64)
	if err != nil || !wholeNumber.MatchString(s.node.Value) || v.OverflowInt(n) {
		d.errorf(s, "must be a whole number in decimal digits, got %s", shorten(s.node.Value))
		return
	}
	v.SetInt(n)
	d.inBounds(s, v, rules)
}

// inBounds checks the bounds of a number, or of a type that is one inside.
func (d *decoder) inBounds(s *spot, v reflect.Value, rules shape.Rules) {
	if rules.Min != "" && v.Int() < bound(v.Type(), rules.Min) {
		d.errorf(s, "must be at least %s", rules.Min)
	}
	if rules.Max != "" && v.Int() > bound(v.Type(), rules.Max) {
		d.errorf(s, "must be at most %s", rules.Max)
	}
}

// bound reads a bound in the notation of the type. A bad one is a mistake in
// the program.
func bound(t reflect.Type, text string) int64 {
	fresh := reflect.New(t)
	if scalar, ok := fresh.Interface().(shape.Scalar); ok {
		if err := scalar.UnmarshalText([]byte(text)); err != nil {
			panic(fmt.Sprintf("manifest: bound %q of %s: %v", text, t, err))
		}
		return fresh.Elem().Int()
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("manifest: bound %q of %s: %v", text, t, err))
	}
	return n
}

// scalar decodes a type with its own notation.
func (d *decoder) scalar(s *spot, v reflect.Value, rules shape.Rules) {
	target := v.Addr().Interface().(shape.Scalar)
	f := shape.FormatOf(target.Format())
	if s.node.Kind != yaml.ScalarNode || !contains(target.Accepts(), jsonType(s.node)) {
		d.wrongType(s, f.Noun)
		return
	}
	text := s.node.Value
	if !f.Match(text) {
		err := d.errorf(s, "must be %s, got %q", f.Noun, shorten(text))
		err.Hint = scalarHint(target, text)
		return
	}
	if err := target.UnmarshalText([]byte(text)); err != nil {
		d.errorf(s, "%v", err)
		return
	}
	if v.CanInt() {
		d.inBounds(s, v, rules)
	}
}

// jsonType is the JSON type of a scalar.
func jsonType(n *yaml.Node) string {
	switch n.Tag {
	case "!!int":
		return "integer"
	case "!!float":
		return "number"
	case "!!bool":
		return "boolean"
	case "!!str", "!!timestamp":
		return "string"
	}
	return ""
}

// scalarHint corrects the notations of other tools.
func scalarHint(target shape.Scalar, text string) string {
	if _, isSize := target.(*Size); !isSize {
		return ""
	}
	digits := strings.TrimRight(text, "bBkKmMgGtTiI ")
	unit := strings.ToUpper(strings.TrimSpace(text[len(digits):]))
	if digits == "" || unit == "" || !wholeNumber.MatchString(digits) {
		return ""
	}
	return "did you mean " + digits + unit[:1] + "iB?"
}
