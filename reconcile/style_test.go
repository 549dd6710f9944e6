package reconcile_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The ceilings. What is longer hides more than one thought.
const (
	maxFileLines = 400
	maxFuncLines = 70
	maxParams    = 4
)

// exceptions are functions and files that may pass a ceiling, and why.
var exceptions = map[string]string{}

// source is one parsed file.
type source struct {
	*ast.File
	name string // within the module
	set  *token.FileSet
	data []byte
}

// sources parses a package's files.
func sources(t *testing.T, p *pkg, tests bool) []source {
	t.Helper()
	var out []source
	for _, name := range p.files(tests) {
		data, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // written and removed while the list was made
		}
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		out = append(out, source{file, path.Join(p.path(), filepath.Base(name)), set, data})
	}
	return out
}

func (s *source) at(n ast.Node) string {
	return s.name + ":" + position(s.set, n)
}

func position(set *token.FileSet, n ast.Node) string {
	_, place, _ := strings.Cut(set.Position(n.Pos()).String(), ".go:")
	return place
}

func (s *source) funcs() []*ast.FuncDecl {
	var out []*ast.FuncDecl
	for _, d := range s.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			out = append(out, f)
		}
	}
	return out
}

// clock are the functions of package time that read or wait for the clock.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}

func TestDecidingPackagesReadNoClock(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.path()) {
			continue
		}
		for _, s := range sources(t, p, false) {
			ast.Inspect(s.File, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && isIdent(sel.X, "time") && slices.Contains(clock, sel.Sel.Name) {
					t.Errorf("%s: calls time.%s: in a package that decides, time is an argument", s.at(n), sel.Sel.Name)
				}
				return true
			})
		}
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func TestNothingHappensOnImport(t *testing.T) {
	for _, p := range packages(t) {
		for _, s := range sources(t, p, false) {
			for _, f := range s.funcs() {
				if f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: has an init function: make it a constructor that the caller calls", s.at(f))
				}
			}
		}
	}
}

// TestPackageVariablesHaveAValue looks for variables such as a mutex or a
// cache, which nobody assigns to and which change all the same.
func TestPackageVariablesHaveAValue(t *testing.T) {
	for _, p := range packages(t) {
		for _, s := range sources(t, p, false) {
			for _, d := range s.Decls {
				decl, ok := d.(*ast.GenDecl)
				if !ok || decl.Tok != token.VAR || isEmbed(decl.Doc) {
					continue
				}
				for _, spec := range decl.Specs {
					if v := spec.(*ast.ValueSpec); len(v.Values) == 0 && !isEmbed(v.Doc) {
						t.Errorf("%s: the package variable %s begins empty, so it is meant to change: put it into a struct",
							s.at(v), v.Names[0].Name)
					}
				}
			}
		}
	}
}

func isEmbed(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed") })
}

func TestPackageVariablesAreNeverAssignedTo(t *testing.T) {
	for _, p := range packages(t) {
		files := sources(t, p, false)
		vars := map[string]bool{}
		for _, s := range files {
			for _, name := range packageVars(s.File) {
				vars[name] = true
			}
		}
		for _, s := range files {
			for _, f := range s.funcs() {
				for _, id := range assigned(f, vars) {
					t.Errorf("%s: assigns to the package variable %s: keep the state in a value that is passed around", s.at(id), id.Name)
				}
			}
		}
	}
}

func packageVars(f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, spec := range decl.Specs {
			for _, id := range spec.(*ast.ValueSpec).Names {
				if id.Name != "_" {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

// assigned are the package variables that the function writes to, wholly or in
// part. A name that the function declares itself is not one of them.
func assigned(f *ast.FuncDecl, vars map[string]bool) []*ast.Ident {
	local := declared(f)
	var out []*ast.Ident
	note := func(e ast.Expr) {
		if id := root(e); id != nil && vars[id.Name] && !local[id.Name] {
			out = append(out, id)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				note(e)
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.CallExpr:
			if isIdent(n.Fun, "delete") || isIdent(n.Fun, "clear") {
				note(n.Args[0])
			}
		}
		return true
	})
	return out
}

// declared are all names that a function declares anywhere in it.
func declared(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	note := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok {
			names[id.Name] = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				note(id)
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				note(id)
			}
		case *ast.RangeStmt:
			note(n.Key)
			note(n.Value)
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if n.Tok == token.DEFINE {
					note(e)
				}
			}
		}
		return true
	})
	return names
}

// root is the variable that an expression to be assigned to is a part of.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func TestFilesAndFunctionsStaySmall(t *testing.T) {
	for _, p := range packages(t) {
		for _, s := range sources(t, p, true) {
			if lines := bytes.Count(s.data, []byte("\n")); lines > maxFileLines && exceptions[s.name] == "" {
				t.Errorf("%s has %d lines, at most %d: split it by what a reader would look for", s.name, lines, maxFileLines)
			}
			if strings.HasSuffix(s.name, "_test.go") || slices.Contains(p.Imports, "testing") {
				continue // a table of cases may be as long as it likes
			}
			for _, f := range s.funcs() {
				checkFunc(t, &s, f)
			}
		}
	}
}

func checkFunc(t *testing.T, s *source, f *ast.FuncDecl) {
	name := f.Name.Name
	if exceptions[s.name+" "+name] != "" {
		return
	}
	lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
	if lines > maxFuncLines {
		t.Errorf("%s: %s has %d lines, at most %d: give its parts names", s.at(f), name, lines, maxFuncLines)
	}
	if params := f.Type.Params.NumFields(); params > maxParams {
		t.Errorf("%s: %s takes %d parameters, at most %d: gather what belongs together in a struct", s.at(f), name, params, maxParams)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		files := sources(t, p, false)
		if len(files) == 0 {
			continue
		}
		if !slices.ContainsFunc(files, func(s source) bool { return s.Doc != nil }) {
			t.Errorf("%s has no package comment: say what it is for and what it must not know", p.path())
		}
	}
}

// TestNoExceptionIsLeftOver keeps the list of exceptions honest.
func TestNoExceptionIsLeftOver(t *testing.T) {
	known := map[string]bool{}
	for _, p := range packages(t) {
		for _, s := range sources(t, p, true) {
			known[s.name] = true
			for _, f := range s.funcs() {
				known[s.name+" "+f.Name.Name] = true
			}
		}
	}
	for name, reason := range exceptions {
		if !known[name] || reason == "" {
			t.Errorf("exception %q is about nothing that exists or gives no reason: remove it", name)
		}
	}
}
