package shape

import (
	"encoding"
	"reflect"
)

// Scalar is a type that a manifest writes as one scalar and that has rules of
// its own, such as a duration. It is implemented on the pointer.
type Scalar interface {
	encoding.TextUnmarshaler
	// Format is the name of the Format of its text.
	Format() string
	// Accepts are the JSON types it may be written as: string, integer, number.
	Accepts() []string
}

// Union is a type that may be written in several ways, such as a command that
// is a text or a list. It is implemented on the pointer.
type Union interface {
	// Schema is the JSON Schema of all its forms.
	Schema() map[string]any
	// Forms says the same in words, for the reference.
	Forms() string
}

// IsScalar says whether values of the type are decoded as a whole, so that
// there is nothing below it to read tags from.
func IsScalar(t reflect.Type) bool {
	p := reflect.New(t).Interface()
	if _, ok := p.(Scalar); ok {
		return true
	}
	_, ok := p.(Union)
	return ok
}
