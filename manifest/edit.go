package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// SpecField is a field of a document's spec with a value that it is to have, as
// it is written in YAML. Default says that this is what holds without the field.
type SpecField struct {
	Key, Value string
	Default    bool
	// Text says that the value is a text that means the same in quotes and without
	// them: it gets those that are there.
	Text bool
}

// SetIn gives a file's text with the field set in the document that begins in a
// line. All else stays byte for byte what it is: the value is exchanged where it
// stands, or the field is put behind another one, in the spec's own style. A field
// that is to have its default goes, unless a comment beside it would go with it.
// What is written in a way that this can't be done with is left to people.
func (f SpecField) SetIn(file []byte, line int) ([]byte, error) {
	data := bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	docs, failed := split(data, 1<<30)
	if failed != nil {
		return nil, failed
	}
	for i, doc := range docs {
		if doc.Line != line {
			continue
		}
		spec := valueOf(doc, "spec")
		if spec == nil || spec.Kind != yaml.MappingNode {
			return nil, f.byHand(doc)
		}
		e := editor{data: data, spec: spec}
		edited, ok := e.drop(f)
		if !ok || !f.onlyDiffers(docs, i, edited) {
			f.Default = false
			edited, ok = e.set(f)
		}
		if !ok || !f.onlyDiffers(docs, i, edited) {
			return nil, f.byHand(spec)
		}
		return append(file[:len(file)-len(data):len(file)-len(data)], edited...), nil
	}
	return nil, fmt.Errorf("no document begins in line %d", line)
}

func (f SpecField) byHand(at *yaml.Node) error {
	return fmt.Errorf("the spec in line %d is written in a way that only people can edit: put %s: %s into it by hand", at.Line, f.Key, f.Value)
}

// valueOf is the value of a mapping's own key, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// editor changes one mapping of a file by the positions of its nodes.
type editor struct {
	data []byte
	spec *yaml.Node
}

func (e *editor) set(f SpecField) (edited []byte, ok bool) {
	if v := valueOf(e.spec, f.Key); v != nil {
		start, end, ok := e.scalar(v)
		if !ok {
			return nil, false
		}
		return e.splice(start, end, f.as(v)), true
	}
	for i := 0; i+1 < len(e.spec.Content); i += 2 {
		key, value := e.spec.Content[i], e.spec.Content[i+1]
		at, _, ok := e.scalar(key)
		_, end, okValue := e.scalar(value)
		if !ok || !okValue || key.Line != value.Line {
			continue
		}
		field := f.Key + ": " + f.Value
		if key.Style&yaml.DoubleQuotedStyle != 0 {
			field = `"` + f.Key + `": ` + f.Value
		}
		if e.spec.Style&yaml.FlowStyle != 0 {
			return e.splice(end, end, ", "+field), true
		}
		return e.lineAfter(at, end, field)
	}
	return nil, false
}

// as is the value in place of another one.
func (f SpecField) as(old *yaml.Node) string {
	switch {
	case f.Text && old.Style&yaml.DoubleQuotedStyle != 0:
		return `"` + f.Value + `"`
	case f.Text && old.Style&yaml.SingleQuotedStyle != 0:
		return "'" + f.Value + "'"
	}
	return f.Value
}

// drop takes out a field that says no more than its absence does: its line where
// it has one of its own, or else its part of a mapping in braces.
func (e *editor) drop(f SpecField) (edited []byte, ok bool) {
	i := slices.IndexFunc(e.spec.Content, func(n *yaml.Node) bool { return n.Value == f.Key })
	if !f.Default || i%2 != 0 || len(e.spec.Content) <= 2 {
		return nil, false
	}
	start, _, ok := e.scalar(e.spec.Content[i])
	_, end, okValue := e.scalar(e.spec.Content[i+1])
	if !ok || !okValue {
		return nil, false
	}
	if e.spec.Style&yaml.FlowStyle == 0 {
		return e.dropLine(start, end)
	}
	if before := bytes.TrimRight(e.data[:start], " "); bytes.HasSuffix(before, []byte(",")) {
		return e.splice(len(before)-1, end, ""), true
	}
	if after, comma := bytes.CutPrefix(e.data[end:], []byte(",")); comma {
		return e.splice(start, len(e.data)-len(bytes.TrimLeft(after, " ")), ""), true
	}
	return nil, false
}

// dropLine takes out the line in which a field stands alone.
func (e *editor) dropLine(start, end int) ([]byte, bool) {
	begin, next := bytes.LastIndexByte(e.data[:start], '\n')+1, len(e.data)
	if n := bytes.IndexByte(e.data[end:], '\n'); n >= 0 {
		next = end + n + 1
	}
	alone := len(bytes.TrimSpace(e.data[begin:start])) == 0 && len(bytes.TrimSpace(e.data[end:next])) == 0
	return e.splice(begin, next, ""), alone
}

// scalar is where a value of one line stands.
func (e *editor) scalar(n *yaml.Node) (start, end int, ok bool) {
	start, ok = e.offset(n.Line, n.Column)
	if !ok || n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, 0, false
	}
	text := n.Value
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		text = `"` + text + `"`
	case n.Style&yaml.SingleQuotedStyle != 0:
		text = "'" + text + "'"
	}
	return start, start + len(text), bytes.HasPrefix(e.data[start:], []byte(text))
}

// offset is the place of a line and a column, which count from one.
func (e *editor) offset(line, column int) (int, bool) {
	at := 0
	for ; line > 1; line-- {
		n := bytes.IndexByte(e.data[at:], '\n')
		if n < 0 {
			return 0, false
		}
		at += n + 1
	}
	for ; column > 1 && at < len(e.data); column-- {
		_, size := utf8.DecodeRune(e.data[at:])
		at += size
	}
	return at, column == 1
}

// lineAfter adds a line after the one in which a field stands, indented like that.
func (e *editor) lineAfter(key, end int, field string) ([]byte, bool) {
	begin := bytes.LastIndexByte(e.data[:key], '\n') + 1
	indent := string(e.data[begin:key])
	if strings.Trim(indent, " ") != "" {
		return nil, false
	}
	n := bytes.IndexByte(e.data[end:], '\n')
	if n < 0 {
		return e.splice(len(e.data), len(e.data), "\n"+indent+field), true
	}
	eol := "\n"
	if bytes.HasSuffix(e.data[end:end+n], []byte("\r")) {
		eol = "\r\n"
	}
	return e.splice(end+n+1, end+n+1, indent+field+eol), true
}

func (e *editor) splice(start, end int, text string) []byte {
	return bytes.Join([][]byte{e.data[:start], e.data[end:]}, []byte(text))
}

// onlyDiffers says whether the edited file says what the documents did, but for
// the field of one of them: an anchor may be used elsewhere.
func (f SpecField) onlyDiffers(docs []*yaml.Node, i int, edited []byte) bool {
	after, failed := split(edited, 1<<30)
	if failed != nil || len(after) != len(docs) {
		return false
	}
	for n := range docs {
		var was, is any
		if docs[n].Decode(&was) != nil || after[n].Decode(&is) != nil {
			return false
		}
		if n == i && !f.put(was) {
			return false
		}
		if !reflect.DeepEqual(was, is) {
			return false
		}
	}
	return true
}

// put sets the field in a document's data, or takes it out.
func (f SpecField) put(doc any) bool {
	top, _ := doc.(map[string]any)
	spec, ok := top["spec"].(map[string]any)
	var value any
	if !ok || yaml.Unmarshal([]byte(f.Value), &value) != nil {
		return false
	}
	if f.Default {
		delete(spec, f.Key)
		return true
	}
	spec[f.Key] = value
	return true
}
