package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

// comments are the doc comments of a package's types, by "Type", and of their
// fields, by "Type.Field", each as one paragraph.
type comments map[string]string

// ofType is a type's comment. Users know a spec by the field it is in, not by
// the name of its type.
func (c comments) ofType(t reflect.Type) string {
	text := c[t.Name()]
	if rest, ok := strings.CutPrefix(text, t.Name()+" "); ok && strings.HasSuffix(t.Name(), "Spec") {
		return "The spec " + rest
	}
	return text
}

func (c comments) ofField(f shape.Field) string { return c[f.In+"."+f.GoName] }

func readComments(dir string) (comments, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("read comments of %q: %w", dir, fs.ErrNotExist)
	}
	docs := comments{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read comments of %q: %w", name, err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if decl, ok := n.(*ast.GenDecl); ok {
				docs.add(decl)
			}
			return true
		})
	}
	return docs, nil
}

func (c comments) add(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		c[t.Name.Name] = paragraph(decl.Doc)
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				c[t.Name.Name+"."+name.Name] = paragraph(f.Doc)
			}
		}
	}
}

func paragraph(doc *ast.CommentGroup) string {
	return strings.Join(strings.Fields(doc.Text()), " ")
}
