package manifest

import (
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/tallyman-io/tallyman/manifest/rule"
)

// Subject is a document as policies see it.
type Subject struct {
	Kind, App, Name string
	Labels          map[string]string
	File            string
	Line, Col       int
	// Values are those of the variables of the kind's language.
	Values map[string]any
}

// languages are those of rules about documents, by kind.
var languages = sync.OnceValue(func() map[string]*rule.Language {
	shapes, all := Shapes(), map[string]*rule.Language{}
	for _, k := range Kinds() {
		variables := map[string]reflect.Type{"app": reflect.TypeFor[string](), "file": reflect.TypeFor[string]()}
		for _, f := range shapes[k.Type].Fields {
			variables[f.Name] = f.Type
		}
		if reflect.PointerTo(k.Type).Implements(reflect.TypeFor[runner]()) {
			variables["containers"] = reflect.TypeFor[[]*Process]()
		}
		all[k.Name] = rule.NewLanguage(shapes, variables)
	}
	return all
})

// Language is what a rule can speak of that is about documents of a kind: the
// fields of such a document, the app that it belongs to, the file that it is in
// and, of what has some, all its containers. Without a kind it is that of rules
// about plans.
func Language(kind string) *rule.Language {
	if kind == "" {
		return rule.OfPlans()
	}
	return languages()[kind]
}

// runner is a document that has containers.
type runner interface{ containers() []*Process }

func (s *Service) containers() []*Process { return s.Spec.Processes() }
func (j *Job) containers() []*Process     { return []*Process{&j.Spec.Process} }

// Subjects are all documents of the tree, sorted by kind and name.
func (s *Set) Subjects() []Subject {
	var all []Subject
	for _, d := range slices.Concat(s.unowned(), appendAll(nil, s.Apps), s.owned()) {
		if d.origin().File != "" { // the app of what no App owns is written nowhere
			all = append(all, subjectOf(d))
		}
	}
	return all
}

func subjectOf(d document) Subject {
	o, v := d.origin(), reflect.ValueOf(masked(d)).Elem()
	metadata := v.FieldByName("Metadata").Interface().(Metadata)
	values := map[string]any{
		"app": o.App, "file": o.File, "metadata": metadata,
		"apiVersion": v.FieldByName("APIVersion").Interface(), "kind": v.FieldByName("Kind").Interface(), "spec": v.FieldByName("Spec").Addr().Interface(),
	}
	if r, ok := d.(runner); ok {
		values["containers"] = r.containers()
	}
	return Subject{
		Kind: v.Type().Name(), App: o.App, Name: metadata.Name, Labels: metadata.Labels,
		File: o.File, Line: o.Line, Col: o.Col, Values: values,
	}
}

// masked leaves out what a Secret holds, encrypted as it is: the keys are all
// that rules see.
func masked(d document) document {
	s, ok := d.(*Secret)
	if !ok || s.Spec.Age == nil {
		return d
	}
	shown := *s
	shown.Spec.Age = maps.Clone(s.Spec.Age)
	for key := range shown.Spec.Age {
		shown.Spec.Age[key] = ""
	}
	return &shown
}
