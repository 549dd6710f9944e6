package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/manifest/shape"
)

// dialect is the version of JSON Schema.
const dialect = "https://json-schema.org/draft/2020-12/schema"

type object = map[string]any

// schemas makes one schema per kind, and one for any kind.
func schemas(docs comments) (map[string][]byte, error) {
	files := map[string][]byte{}
	all := newSchemaMaker(docs)
	var choices []any
	var names []string
	for _, k := range manifest.Kinds() {
		one := newSchemaMaker(docs)
		schema := one.structure(k.Type)
		schema["$schema"], schema["title"], schema["$defs"] = dialect, "Tallyman "+k.Name, one.defs
		if err := put(files, k.Name, schema); err != nil {
			return nil, err
		}
		names = append(names, k.Name)
		choices = append(choices, object{
			"if":   object{"properties": object{"kind": object{"const": k.Name}}, "required": []string{"kind"}},
			"then": all.value(k.Type, shape.Rules{}),
		})
	}
	err := put(files, "Manifest", object{
		"$schema": dialect, "title": "Tallyman manifest", "$defs": all.defs, "type": "object",
		"description": "A manifest of any kind.",
		"required":    []string{"apiVersion", "kind"},
		"properties":  object{"kind": object{"enum": names}},
		"allOf":       choices,
	})
	return files, err
}

func put(files map[string][]byte, name string, schema object) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema); err != nil {
		return fmt.Errorf("encode schema %q: %w", name, err)
	}
	files["schemas/"+strings.ToLower(name)+".json"] = b.Bytes()
	return nil
}

// schemaMaker turns types into schemas; structs become definitions.
type schemaMaker struct {
	docs   comments
	shapes shape.Catalog
	defs   object
}

func newSchemaMaker(docs comments) *schemaMaker {
	return &schemaMaker{docs, manifest.Shapes(), object{}}
}

func (m *schemaMaker) structure(t reflect.Type) object {
	desc := m.shapes[t]
	properties, required := object{}, []string{}
	for _, f := range desc.Fields {
		property := m.value(f.Type, f.Rules)
		property["description"] = m.docs.ofField(f)
		if property["description"] == "" {
			delete(property, "description")
		}
		if f.Default != "" {
			property["default"] = jsonDefault(f)
		}
		properties[f.Name] = property
		if f.Rules.Required {
			required = append(required, f.Name)
		}
	}
	out := object{"type": "object", "description": m.docs.ofType(t), "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	var choices []any
	for _, name := range desc.ExactlyOne {
		choices = append(choices, object{"required": []string{name}})
	}
	if choices != nil {
		out["oneOf"] = choices
	}
	return out
}

// jsonDefault is a default as a JSON value.
func jsonDefault(f shape.Field) any {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.String || shape.IsScalar(t) {
		return f.Default
	}
	return json.RawMessage(f.Default)
}

// value is the schema of a field's value.
func (m *schemaMaker) value(t reflect.Type, rules shape.Rules) object {
	switch v := reflect.New(t).Interface().(type) {
	case shape.Union:
		return v.Schema()
	case shape.Scalar:
		return scalar(v, rules)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem(), rules)
	case reflect.Struct:
		if _, done := m.defs[t.Name()]; !done {
			m.defs[t.Name()] = nil
			m.defs[t.Name()] = m.structure(t)
		}
		return object{"$ref": "#/$defs/" + t.Name()}
	case reflect.Slice:
		return m.list(t, rules)
	case reflect.Map:
		return m.mapping(t, rules)
	}
	return plain(t, rules)
}

func (m *schemaMaker) list(t reflect.Type, rules shape.Rules) object {
	out := object{"type": "array", "items": m.value(t.Elem(), rules.Element()), "maxItems": manifest.MaxItems}
	if rules.NonEmpty {
		out["minItems"] = 1
	}
	if rules.Unique {
		out["uniqueItems"] = true
	}
	return out
}

func (m *schemaMaker) mapping(t reflect.Type, rules shape.Rules) object {
	out := object{"type": "object", "additionalProperties": m.value(t.Elem(), rules.Element())}
	if rules.NonEmpty {
		out["minProperties"] = 1
	}
	if rules.Keys != "" {
		out["propertyNames"] = format(rules.Keys)
	}
	return out
}

func format(name string) object {
	f := shape.FormatOf(name)
	out := object{"pattern": f.Pattern.String()}
	if f.Not != nil {
		out["not"] = object{"pattern": f.Not.String()}
	}
	return out
}

func plain(t reflect.Type, rules shape.Rules) object {
	out := object{}
	if rules.Format != "" {
		out = format(rules.Format)
	}
	switch t.Kind() {
	case reflect.String:
		out["type"] = "string"
	case reflect.Bool:
		out["type"] = "boolean"
	default:
		out["type"] = "integer"
		bounds(out, rules)
	}
	switch len(rules.Enum) {
	case 0:
	case 1:
		out["const"] = rules.Enum[0]
	default:
		out["enum"] = rules.Enum
	}
	return out
}

// bounds says those bounds that are plain numbers.
func bounds(out object, rules shape.Rules) {
	for name, text := range map[string]string{"minimum": rules.Min, "maximum": rules.Max} {
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			out[name] = json.RawMessage(text)
		}
	}
}

// scalar is the schema of a type with its own notation. Where that is a text,
// its bounds are the parser's business: a schema can't compare texts.
func scalar(v shape.Scalar, rules shape.Rules) object {
	accepts := v.Accepts()
	out := object{"type": accepts}
	if len(accepts) == 1 {
		out["type"] = accepts[0]
	}
	for _, a := range accepts {
		if a == "string" {
			out["pattern"] = shape.FormatOf(v.Format()).Pattern.String()
			continue
		}
		out["minimum"] = 0
		bounds(out, rules)
	}
	return out
}
