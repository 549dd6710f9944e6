package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

const outputDoc = "../../docs/output.md"

// printed are the types that the verbs print with -o json; those within them
// are found from there.
func printed() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[validation](), reflect.TypeFor[planned](), reflect.TypeFor[applied](), reflect.TypeFor[report.Status](),
		reflect.TypeFor[rollout.Record](), reflect.TypeFor[reconcile.Event](), reflect.TypeFor[version](), reflect.TypeFor[model.Target](),
		reflect.TypeFor[problem](), reflect.TypeFor[ordered](), reflect.TypeFor[rolledBack](), reflect.TypeFor[hostChanged](), reflect.TypeFor[forgotten](), reflect.TypeFor[logLine](), reflect.TypeFor[report.Suggestion](),
		reflect.TypeFor[report.HostCheck](), reflect.TypeFor[rebalanced](), reflect.TypeFor[whatif.Simulation](), reflect.TypeFor[proposal.Proposal](),
	}
}

// title is the type's heading in the document.
func title(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[plan.Change]():
		return "PlannedChange" // report has a Change, too
	case reflect.TypeFor[planned]():
		return "Plan" // with what is printed besides
	}
	return strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
}

// described is a document's table: each field's name with its type.
type described map[string]string

// shapes are all structs that -o json prints, by title, as the document should
// describe them.
func shapes(t *testing.T) (tables map[string]described, types map[string]reflect.Type) {
	tables, types = map[string]described{}, map[string]reflect.Type{}
	queue := printed()
	for _, op := range ops(t) {
		queue = append(queue, inner(op)...)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		typ := queue[0]
		if types[title(typ)] == typ {
			continue
		}
		if other := types[title(typ)]; other != nil {
			t.Fatalf("%v and %v have the same heading", typ, other)
		}
		types[title(typ)], tables[title(typ)] = typ, tableOf(typ)
		queue = append(queue, inner(typ)...)
	}
	return tables, types
}

func tableOf(typ reflect.Type) described {
	if typ == reflect.TypeFor[plan.Step]() { // it writes itself
		return described{"op": "string", "args": "object", "after": "string, optional"}
	}
	table := described{}
	for _, f := range fields(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		table[name] = word(f.Type)
		if options != "" {
			table[name] += ", optional"
		}
	}
	return table
}

// fields are those that JSON has, with those of embedded structs.
func fields(typ reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(typ), func(f reflect.StructField) bool {
		return f.Anonymous || !f.IsExported() || f.Tag.Get("json") == "-"
	})
}

// inner are the structs that a struct's fields hold.
func inner(typ reflect.Type) []reflect.Type {
	var out []reflect.Type
	if typ == reflect.TypeFor[plan.Step]() {
		return nil
	}
	for _, f := range fields(typ) {
		e := f.Type
		for e.Kind() == reflect.Slice || e.Kind() == reflect.Pointer || e.Kind() == reflect.Map {
			e = e.Elem()
		}
		if e.Kind() == reflect.Struct && e != reflect.TypeFor[time.Time]() {
			out = append(out, e)
		}
	}
	return out
}

// word is how the document names a type.
func word(typ reflect.Type) string {
	switch typ {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[time.Duration]():
		return "nanoseconds"
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return word(typ.Elem())
	case reflect.Slice:
		return "list of " + word(typ.Elem())
	case reflect.Map:
		return "map of " + word(typ.Elem())
	case reflect.Struct:
		return "[" + title(typ) + "](#" + strings.ToLower(title(typ)) + ")"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Float64:
		return "number"
	}
	return "integer"
}

// ops are the types of the ops, by the verb that JSON has.
func ops(t *testing.T) map[string]reflect.Type {
	t.Helper()
	source, err := os.ReadFile("../../reconcile/model/op.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]reflect.Type{}
	for _, m := range regexp.MustCompile(`return "(\w+)"\n`).FindAllSubmatch(source, -1) {
		var op model.OpJSON
		if json.Unmarshal([]byte(`{"op":"`+string(m[1])+`","args":{}}`), &op) == nil {
			found[string(m[1])] = reflect.TypeOf(op.Op)
		}
	}
	if len(found) < 14 {
		t.Fatalf("found only the ops %v", slices.Collect(maps.Keys(found)))
	}
	return found
}

// TestOutputIsDocumented holds docs/output.md to the types that -o json prints,
// field by field, in both directions.
func TestOutputIsDocumented(t *testing.T) {
	want, _ := shapes(t)
	got := documented(t)
	for name, table := range want {
		if got[name] == nil {
			t.Errorf("%s has no section %q with a table; it should be %v", outputDoc, name, table)
		}
		for field, typ := range table {
			if got[name] != nil && got[name][field] != typ {
				t.Errorf("%s, section %s, field %s: says %q, the code %q", outputDoc, name, field, got[name][field], typ)
			}
		}
	}
	for name, table := range got {
		for field := range table {
			if _, known := want[name][field]; !known {
				t.Errorf("%s, section %s: there is no field %s any more", outputDoc, name, field)
			}
		}
	}
}

// documented are the tables of fields in the document, by heading.
func documented(t *testing.T) map[string]described {
	t.Helper()
	row := regexp.MustCompile("^\\| `(\\w+)` \\| ([^|]+) \\|")
	tables, heading, in := map[string]described{}, "", false
	for _, line := range strings.Split(readOutputDoc(t), "\n") {
		switch m := row.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "#"):
			heading, in = strings.TrimLeft(line, "# "), false
		case strings.HasPrefix(line, "| field | type |"):
			tables[heading], in = described{}, true
		case in && m != nil:
			tables[heading][m[1]] = m[2]
		}
	}
	return tables
}

func readOutputDoc(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(outputDoc)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOpsAreDocumented(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\|[^|]*\\| ([^|]+) \\|$").FindAllStringSubmatch(section(t, "Ops"), -1)
	got := map[string]string{}
	for _, m := range rows {
		got[m[1]] = m[2]
	}
	for verb, typ := range ops(t) {
		args := got[verb]
		target := strings.Contains(args, "[Target](#target)")
		for field := range tableOf(typ) {
			_, ofTarget := tableOf(reflect.TypeFor[model.Target]())[field]
			if !(target && ofTarget) && !strings.Contains(args, "`"+field+"`") {
				t.Errorf("%s, op %s: %q does not say %s", outputDoc, verb, args, field)
			}
		}
		delete(got, verb)
	}
	for verb := range got {
		t.Errorf("%s: there is no op %s any more", outputDoc, verb)
	}
}

func section(t *testing.T, heading string) string {
	t.Helper()
	_, after, ok := strings.Cut(readOutputDoc(t), "# "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", outputDoc, heading)
	}
	text, _, _ := strings.Cut(after, "\n#")
	return text
}

// TestExamplesOfOutputAreTrue reads each example back into the type that its
// fence names, as "json list of Host".
func TestExamplesOfOutputAreTrue(t *testing.T) {
	_, types := shapes(t)
	examples := regexp.MustCompile("(?s)```json (list of )?(\\w+)\n(.*?)```").FindAllStringSubmatch(readOutputDoc(t), -1)
	if len(examples) < 9 {
		t.Fatalf("found only %d examples", len(examples))
	}
	for _, m := range examples {
		typ := types[m[2]]
		if typ == nil {
			t.Errorf("an example is of type %s, which nothing prints", m[2])
			continue
		}
		if m[1] != "" {
			typ = reflect.SliceOf(typ)
		}
		d := json.NewDecoder(bytes.NewReader([]byte(m[3])))
		d.DisallowUnknownFields()
		for d.More() {
			if err := d.Decode(reflect.New(typ).Interface()); err != nil {
				t.Errorf("example of %s%s: %v", m[1], m[2], err)
				break
			}
		}
	}
}
