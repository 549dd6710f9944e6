package rule

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

// prefix keeps the names of our types apart from those of the language.
const prefix = "tallyman."

// Valuer is a type that expressions see as another one: a time.Duration, a
// number, a text, a list, or a struct whose fields have names.
type Valuer interface{ RuleValue() any }

// words are the types that a language has, made from Go's, and their values. As
// a types.Provider they tell the language which fields there are.
type words struct {
	*types.Registry
	shapes  shape.Catalog
	structs map[string]*shape.Struct // by the names that the language has for them
}

func newWords(shapes shape.Catalog) *words {
	registry, err := types.NewRegistry()
	if err != nil {
		panic(fmt.Sprintf("rule: make types: %v", err))
	}
	w := &words{Registry: registry, shapes: maps.Clone(shapes), structs: map[string]*shape.Struct{}}
	for _, s := range shapes {
		w.meet(s)
	}
	return w
}

// meet adds a struct and all types that its fields lead to, so that nothing
// changes once expressions are read.
func (w *words) meet(s *shape.Struct) {
	w.structs[prefix+s.Type.Name()] = s
	for i := range s.Fields {
		w.typeOf(s.Fields[i].Type)
	}
}

// typeOf is what the language makes of a Go type. What valueOf makes of a value
// of that type is of it.
func (w *words) typeOf(t reflect.Type) *types.Type {
	if v, ok := reflect.Zero(t).Interface().(Valuer); ok && t.Kind() != reflect.Pointer {
		return w.typeOf(reflect.TypeOf(v.RuleValue()))
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return types.DurationType
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && t.Kind() != reflect.Pointer:
		return types.StringType
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.typeOf(t.Elem())
	case reflect.Struct:
		return w.object(t)
	case reflect.Slice:
		return types.NewListType(w.typeOf(t.Elem()))
	case reflect.Map:
		return types.NewMapType(types.StringType, w.typeOf(t.Elem()))
	case reflect.String:
		return types.StringType
	case reflect.Bool:
		return types.BoolType
	case reflect.Int, reflect.Int64:
		return types.IntType
	case reflect.Float64:
		return types.DoubleType
	}
	panic("rule: no type for " + t.String())
}

// object is the type of a struct. What a Valuer gives is found only here.
func (w *words) object(t reflect.Type) *types.Type {
	if w.shapes[t] == nil {
		fresh := shape.NewCatalog(t)
		if fresh[t] == nil {
			panic("rule: " + t.String() + " is read as a whole and does not say what rules see of it: it needs a RuleValue")
		}
		maps.Copy(w.shapes, fresh)
		for _, s := range fresh {
			w.meet(s)
		}
	}
	return types.NewObjectType(prefix + t.Name())
}

// valueOf is a Go value as the language sees it.
func (w *words) valueOf(v reflect.Value) ref.Val {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v = reflect.New(v.Type().Elem())
		}
		v = v.Elem()
	}
	switch own := v.Interface().(type) {
	case Valuer:
		return w.valueOf(reflect.ValueOf(own.RuleValue()))
	case time.Duration:
		return types.Duration{Duration: own}
	case encoding.TextMarshaler:
		text, err := own.MarshalText()
		if err != nil {
			return types.WrapErr(err)
		}
		return types.String(text)
	}
	switch v.Kind() {
	case reflect.Struct:
		return newRecord(w, v)
	case reflect.Slice:
		return w.list(v)
	case reflect.Map:
		return w.mapping(v)
	case reflect.String:
		return types.String(v.String())
	case reflect.Bool:
		return types.Bool(v.Bool())
	case reflect.Int, reflect.Int64:
		return types.Int(v.Int())
	case reflect.Float64:
		return types.Double(v.Float())
	}
	panic("rule: no value for " + v.Type().String())
}

func (w *words) list(v reflect.Value) ref.Val {
	items := make([]ref.Val, v.Len())
	for i := range items {
		items[i] = w.valueOf(v.Index(i))
	}
	return types.NewRefValList(w, items)
}

// FindStructType knows our structs besides those of the language.
func (w *words) FindStructType(structType string) (*types.Type, bool) {
	if w.structs[structType] == nil {
		return w.Registry.FindStructType(structType)
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(structType)), true
}

// FindStructFieldType says of which type a field is, if there is one of that
// name.
func (w *words) FindStructFieldType(structType, field string) (*types.FieldType, bool) {
	s := w.structs[structType]
	if s == nil {
		return w.Registry.FindStructFieldType(structType, field)
	}
	f := s.Field(field)
	if f == nil {
		return nil, false
	}
	return &types.FieldType{Type: w.typeOf(f.Type)}, true
}

// FindStructFieldNames lists the fields that there are.
func (w *words) FindStructFieldNames(structType string) ([]string, bool) {
	s := w.structs[structType]
	if s == nil {
		return w.Registry.FindStructFieldNames(structType)
	}
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = s.Fields[i].Name
	}
	return names, true
}
