package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/manifest/shape"
	"gopkg.in/yaml.v3"
)

// parsed is what one file holds. It depends on nothing but the file's bytes,
// so it may be kept and shared; whoever uses its documents copies them.
type parsed struct {
	docs []document
	errs Errors
}

// parser reads files. It holds nothing that changes.
type parser struct {
	shapes shape.Catalog
	opts   Options
}

// parse reads all documents of a file.
func (p *parser) parse(data []byte) parsed {
	var out parsed
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := badBytes(data); err != nil {
		out.errs = Errors{err}
		return out
	}
	nodes, err := split(data, p.opts.MaxDocuments)
	if err != nil {
		out.errs = append(out.errs, err)
	}
	for _, n := range nodes {
		doc, errs := p.document(n)
		out.errs = append(out.errs, errs...)
		if doc != nil && len(errs) == 0 {
			out.docs = append(out.docs, doc)
		}
	}
	if len(nodes) == 0 && err == nil {
		out.errs = Errors{{Line: 1, Col: 1, Message: "holds no manifest", Hint: "remove the file, or name it in " + ignoreFile}}
	}
	return out
}

// badBytes finds what can't be in a YAML file and would be reported by the
// YAML parser without a place.
func badBytes(data []byte) *Error {
	at, message := -1, ""
	if i := bytes.IndexByte(data, 0); i >= 0 {
		at, message = i, "contains a NUL byte"
	}
	if !utf8.Valid(data) {
		if i := firstInvalid(data); at < 0 || i < at {
			at, message = i, "is not UTF-8 text"
		}
	}
	if at < 0 {
		return nil
	}
	line := bytes.Count(data[:at], []byte("\n"))
	col := utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1 : at])
	return &Error{Line: line + 1, Col: col + 1, Message: message}
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// split cuts a file into its documents, leaving out empty ones. What stands
// before an error is still given, so that its errors are reported as well.
// The YAML library may panic on input that nobody has thought of.
func split(data []byte, most int) (docs []*yaml.Node, failed *Error) {
	defer func() {
		if r := recover(); r != nil {
			failed = &Error{Line: 1, Col: 1, Message: "can't be read as YAML"}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		switch {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return docs, syntaxError(err)
		case n.Kind != yaml.DocumentNode || len(n.Content) == 0 || isNull(n.Content[0]):
			continue
		case len(docs) == most:
			return docs, &Error{Line: n.Line, Col: n.Column, Message: fmt.Sprintf("has more than %d documents", most)}
		}
		docs = append(docs, n.Content[0])
	}
}

var yamlLine = regexp.MustCompile(`^line ([0-9]+): `)

// syntaxError takes the place out of the YAML library's message, and what the
// message may repeat of the manifest.
func syntaxError(err error) *Error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	out := &Error{Line: 1, Col: 1}
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		out.Line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	if strings.HasPrefix(message, "unknown anchor") {
		message = "an alias (*) names an anchor that does not exist"
	}
	if strings.Contains(message, "that cannot start any token") {
		out.Hint = "put a text that begins with a special character in quotes, and indent with spaces"
	}
	out.Message = "is not valid YAML: " + shorten(message)
	return out
}

// document decodes one document into the struct of its kind.
func (p *parser) document(n *yaml.Node) (document, Errors) {
	d := &decoder{shapes: p.shapes}
	root := &spot{node: n}
	if !d.shallow(n, p.opts.MaxDepth) {
		d.errorf(root, "is nested deeper than %d levels", p.opts.MaxDepth)
		return nil, d.errs
	}
	kind := d.kind(root)
	if kind == nil {
		return nil, d.errs
	}
	v := reflect.New(kind.Type)
	d.value(root, v.Elem(), shape.Rules{})
	if d.visits > maxVisits {
		d.errorf(root, "has more than %d values after its aliases are followed", maxVisits)
	}
	doc := v.Interface().(document)
	o := doc.origin()
	o.Line, o.Col, o.refs = n.Line, n.Column, d.refs
	o.namePlace = placeOf(d.descend(d.descend(root, "metadata"), "name").node)
	return doc, d.errs
}

// shallow says whether the nodes below n are at most depth levels deep.
// Aliases are not followed: decoding goes only as deep as the types do.
func (d *decoder) shallow(n *yaml.Node, depth int) bool {
	if depth < 0 {
		return false
	}
	for _, c := range n.Content {
		if !d.shallow(c, depth-1) {
			return false
		}
	}
	return true
}

// kind finds out what a document is, and refuses what is no manifest.
func (d *decoder) kind(root *spot) *Kind {
	quiet := decoder{shapes: d.shapes}
	entries, ok := quiet.entries(root)
	if !ok {
		d.errs = quiet.errs
		return nil
	}
	fields := map[string]*spot{}
	for _, e := range entries {
		fields[e.key] = root.child(e.key, target(e.value))
	}
	version, kind := fields["apiVersion"], fields["kind"]
	switch {
	case version == nil && kind == nil:
		d.errorf(root, "is not a manifest: it has no apiVersion and no kind").Hint = "name the file in " + ignoreFile + " if it is meant for something else"
	case version == nil:
		d.errorAt(placeOf(root.node), "apiVersion", "is required").Hint = "apiVersion: " + APIVersion
	case version.node.Value != APIVersion:
		d.errorf(version, "must be %s", APIVersion).Hint = "name the file in " + ignoreFile + " if it is meant for something else"
	case kind == nil:
		d.errorAt(placeOf(root.node), "kind", "is required")
	default:
		return d.kindNamed(kind)
	}
	return nil
}

func (d *decoder) kindNamed(s *spot) *Kind {
	var names []string
	for _, k := range Kinds() {
		if k.Name == s.node.Value {
			return &k
		}
		names = append(names, k.Name)
	}
	if contains(reservedKinds(), s.node.Value) {
		d.errorf(s, "kind %s is not supported yet", s.node.Value)
		return nil
	}
	d.errorf(s, "must be %s, got %q", oneOf(names), shorten(s.node.Value)).Hint = didYouMean(s.node.Value, names)
	return nil
}
