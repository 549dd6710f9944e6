package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/tallyman-io/tallyman/manifest/shape"
	"gopkg.in/yaml.v3"
)

// parsed is what one file holds. It depends on nothing but the file's bytes,
// so it may be kept and shared; whoever uses its documents copies them.
type parsed struct {
	docs   []document // also those with errors, which know where
	errs   Errors
	sops   bool // it is data that SOPS encrypted
	unread bool // it may hold more documents than docs, or others refer to one by a name that is not known
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
		return parsed{errs: Errors{err}, unread: true}
	}
	nodes, err := split(data, p.opts.MaxDocuments)
	if err != nil {
		out.errs, out.unread = append(out.errs, err), true
	}
	if len(nodes) == 1 && err == nil && isSOPS(nodes[0]) {
		return parsed{sops: true}
	}
	for _, n := range nodes {
		doc, errs := p.document(n)
		out.errs = append(out.errs, errs...)
		if doc != nil {
			for _, e := range errs {
				doc.origin().wrong = append(doc.origin().wrong, e.Path)
			}
			out.docs = append(out.docs, doc)
		}
		out.unread = out.unread || doc == nil && mayBeMeant(n) || doc != nil && doc.name() == ""
	}
	if len(nodes) == 0 && err == nil {
		out.errs = Errors{{Line: 1, Col: 1, Message: "holds no manifest", Hint: "remove the file, or name it in " + ignoreFile}}
	}
	return out
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
			return docs, syntaxError(err, data)
		case n.Kind != yaml.DocumentNode || len(n.Content) == 0 || isNull(n.Content[0]):
			continue
		case len(docs) == most:
			return docs, &Error{Line: n.Content[0].Line, Col: n.Content[0].Column, Message: fmt.Sprintf("has more than %d documents", most)}
		}
		docs = append(docs, n.Content[0])
	}
}

// document decodes one document into the struct of its kind.
func (p *parser) document(n *yaml.Node) (document, Errors) {
	d := &decoder{shapes: p.shapes}
	root := &spot{node: n}
	if deep := tooDeep(n, p.opts.MaxDepth); deep != nil {
		d.errorAt(placeOf(deep), "", fmt.Sprintf("is nested deeper than %d levels", p.opts.MaxDepth))
		return nil, d.errs
	}
	kind := d.kind(root)
	if kind == nil {
		return nil, d.errs
	}
	v := reflect.New(kind.Type)
	d.value(root, v.Elem(), shape.Rules{})
	if d.visits > maxVisits {
		d.errs = nil // they are only of what came first
		d.errorf(root, "has more than %d values after its aliases are followed", maxVisits)
		return nil, d.errs
	}
	doc := v.Interface().(document)
	o := doc.origin()
	o.Line, o.Col, o.refs, o.doubts = n.Line, n.Column, d.refs, d.doubts
	o.namePlace = placeOf(d.descend(d.descend(root, "metadata"), "name").node)
	return doc, d.errs
}

// tooDeep finds the first node that is more than depth levels below n. Aliases
// are not followed: decoding goes only as deep as the types do.
func tooDeep(n *yaml.Node, depth int) *yaml.Node {
	if depth < 0 {
		return n
	}
	for _, c := range n.Content {
		if found := tooDeep(c, depth-1); found != nil {
			return found
		}
	}
	return nil
}

// mayBeMeant says whether a document that is not understood may be one that
// others refer to: it has a name. What has none is a file of something else.
func mayBeMeant(n *yaml.Node) bool {
	quiet, root := decoder{}, &spot{node: n}
	metadata := quiet.descend(root, "metadata")
	name, kind := quiet.descend(metadata, "name"), quiet.descend(root, "kind")
	return name.node != metadata.node && metadata.node != n && !contains(reservedKinds(), kind.node.Value)
}

const ignoreHint = "name the file in " + ignoreFile + " if it is meant for something else"

// kind finds out what a document is, and refuses what is no manifest.
func (d *decoder) kind(root *spot) *Kind {
	if root.node.Kind != yaml.MappingNode {
		d.errorf(root, "is not a manifest: it is %s", nodeType(root.node)).Hint = ignoreHint
		return nil
	}
	quiet := decoder{shapes: d.shapes}
	entries, _ := quiet.entries(root)
	fields := map[string]*spot{}
	for _, e := range entries {
		fields[e.key] = root.child(e.key, target(e.value))
	}
	version, kind := fields["apiVersion"], fields["kind"]
	switch {
	case fields[sopsKey] != nil:
		d.errorf(fields[sopsKey], "a manifest that is itself encrypted is not supported").Hint =
			"encrypt a file with nothing but the values, and name it in spec.sops of a Secret"
	case version == nil && kind == nil:
		d.errorf(root, "is not a manifest: it has no apiVersion and no kind").Hint = ignoreHint
	case version == nil:
		d.errorAt(placeOf(root.node), "apiVersion", "is required").Hint = "apiVersion: " + APIVersion
	case version.node.Value != APIVersion:
		d.errorf(version, "must be %s", APIVersion).Hint = ignoreHint
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
