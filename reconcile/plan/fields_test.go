package plan

import (
	"reflect"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func fieldNames(v any) []string {
	var names []string
	for i := range reflect.TypeOf(v).NumField() {
		names = append(names, reflect.TypeOf(v).Field(i).Name)
	}
	return names
}

// differingFields are the names of the fields in which two specs differ, those
// of Adjustable with their own names too.
func differingFields(a, b model.ContainerSpec) []string {
	names := differing(a, b, "")
	return append(names, differing(a.Adjustable, b.Adjustable, "Adjustable.")...)
}

func differing(a, b any, prefix string) []string {
	var names []string
	for i, name := range fieldNames(a) {
		if !reflect.DeepEqual(reflect.ValueOf(a).Field(i).Interface(), reflect.ValueOf(b).Field(i).Interface()) {
			names = append(names, prefix+name)
		}
	}
	return names
}
