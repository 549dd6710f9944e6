package rule

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

// record is a struct as the language sees it.
type record struct {
	words  *words
	value  reflect.Value
	shape  *shape.Struct
	fields map[string]ref.Val // those that were looked at: none is made twice
}

var (
	_ traits.Indexer             = (*record)(nil)
	_ traits.FieldTester         = (*record)(nil)
	_ types.AggregateSizeVisitor = (*record)(nil)
)

func newRecord(w *words, v reflect.Value) *record {
	return &record{words: w, value: v, shape: w.shapes[v.Type()], fields: map[string]ref.Val{}}
}

// Get is a field's value.
func (r *record) Get(index ref.Val) ref.Val {
	name, f := r.field(index)
	if f == nil {
		return types.NewErr("no such field: %s", name)
	}
	if v, known := r.fields[name]; known {
		return v
	}
	v := r.words.valueOf(r.value.FieldByIndex(f.Index))
	r.fields[name] = v
	return v
}

// IsSet says whether a field is anything but empty.
func (r *record) IsSet(index ref.Val) ref.Val {
	name, f := r.field(index)
	if f == nil {
		return types.NewErr("no such field: %s", name)
	}
	v := r.value.FieldByIndex(f.Index)
	return types.Bool(!v.IsZero() && (v.Kind() != reflect.Map && v.Kind() != reflect.Slice || v.Len() > 0))
}

func (r *record) field(index ref.Val) (string, *shape.Field) {
	name, ok := index.(types.String)
	if !ok {
		return fmt.Sprint(index.Value()), nil
	}
	return string(name), r.shape.Field(string(name))
}

// AggregateSize counts a record as one: it holds no more than was written, and
// can't be compared as a whole.
func (r *record) AggregateSize(types.AggregateSizer) uint32 { return 1 }

// Equal is for fields: a record is not compared as a whole.
func (r *record) Equal(other ref.Val) ref.Val { return types.MaybeNoSuchOverloadErr(other) }

// Type is the record's type.
func (r *record) Type() ref.Type { return types.NewObjectType(prefix + r.value.Type().Name()) }

// Value is the record itself: it is not for anybody outside of an expression.
func (r *record) Value() any { return r }

// ConvertToType knows only what every value can be asked for.
func (r *record) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return types.NewTypeTypeWithParam(types.NewObjectType(prefix + r.value.Type().Name()))
	}
	return types.NewErr("no conversion to %s", t.TypeName())
}

// ConvertToNative gives the record to nobody.
func (r *record) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("no conversion to %s", t)
}

// sortedMap is walked in the order of its keys.
type sortedMap struct {
	traits.Mapper
	keys traits.Lister
}

func (m sortedMap) Iterator() traits.Iterator { return m.keys.Iterator() }

func (w *words) mapping(v reflect.Value) ref.Val {
	values := make(map[ref.Val]ref.Val, v.Len())
	for _, key := range v.MapKeys() {
		values[types.String(key.String())] = w.valueOf(v.MapIndex(key))
	}
	keys := slices.SortedFunc(maps.Keys(values), func(a, b ref.Val) int { return int(a.(types.String).Compare(b).(types.Int)) })
	return sortedMap{types.NewRefValMap(w, values), types.NewRefValList(w, keys)}
}
