package shape

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Struct is what the tags of one struct type say.
type Struct struct {
	Type   reflect.Type
	Fields []Field
	// ExactlyOne are names of which a value gives exactly one.
	ExactlyOne []string
	// Reserved are names that a later version will understand.
	Reserved []string
	// OfPod are names of what a container has in common with the others of its
	// pod, and so is given elsewhere.
	OfPod []string

	byName map[string]int
}

// Field is one field of a Struct.
type Field struct {
	Name    string // as in a manifest
	GoName  string
	Index   []int  // as FieldByIndex takes it
	In      string // the struct that declares it, which may be an embedded one
	Type    reflect.Type
	Default string // "" is none: the zero value
	Aka     []string
	Rules   Rules
}

// Field finds a field by its name in a manifest, or gives nil.
func (s *Struct) Field(name string) *Field {
	if i, ok := s.byName[name]; ok {
		return &s.Fields[i]
	}
	return nil
}

// IsReserved says whether a later version will understand the name.
func (s *Struct) IsReserved(name string) bool {
	for _, r := range s.Reserved {
		if r == name {
			return true
		}
	}
	return false
}

// Catalog holds every struct type that is reachable from some roots. It does
// not change once it is made, so any number of readers may share it.
type Catalog map[reflect.Type]*Struct

// NewCatalog reads the tags of the roots and of everything below them. A tag
// that makes no sense is a mistake in the program, and panics.
func NewCatalog(roots ...reflect.Type) Catalog {
	c := Catalog{}
	for _, t := range roots {
		c.add(t)
	}
	return c
}

func (c Catalog) add(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		c.add(t.Elem())
	case reflect.Struct:
		if _, done := c[t]; done || IsScalar(t) {
			return
		}
		s := read(t)
		c[t] = s
		for _, f := range s.Fields {
			c.add(f.Type)
		}
	}
}

func read(t reflect.Type) *Struct {
	s := &Struct{Type: t, byName: map[string]int{}}
	s.readFields(t, nil)
	return s
}

// readFields adds the fields of t, and in its place those of what it embeds with
// the tag `yaml:",inline"`: kinds share what they have in common in this way.
func (s *Struct) readFields(t reflect.Type, path []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(path), i)
		if f.Name == "_" {
			s.ExactlyOne = append(s.ExactlyOne, list(f.Tag.Get("exactlyOne"))...)
			s.Reserved = append(s.Reserved, list(f.Tag.Get("reserved"))...)
			s.OfPod = append(s.OfPod, list(f.Tag.Get("ofPod"))...)
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && option == "inline" {
			s.readFields(f.Type, index)
			continue
		}
		if name == "" {
			panic(fmt.Sprintf("shape: field %s.%s has no yaml tag", t, f.Name))
		}
		s.byName[name] = len(s.Fields)
		s.Fields = append(s.Fields, Field{
			Name: name, GoName: f.Name, Index: index, In: t.Name(), Type: f.Type,
			Default: f.Tag.Get("default"), Aka: list(f.Tag.Get("aka")),
			Rules: parseRules(t.String()+"."+f.Name, f.Tag.Get("check")),
		})
	}
}

func list(tag string) []string {
	if tag == "" {
		return nil
	}
	return strings.Split(tag, ",")
}
