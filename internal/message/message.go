// Package message makes texts of what there is to tell, by templates of people
// who may write to the repository: what one of them costs is bounded when it is
// read. It is a leaf, and pure.
package message

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// Message is what a template can say, each field as {{.Field}}.
type Message struct {
	Event    string // one of the events of a Notification
	App      string // empty when it is about the whole commit
	Revision string // the commit's full id; {{short .Revision}} is its beginning
	Subject  string // the first line of its message
	Author   string
	Text     string // what happened
	Owner    string // the installation
}

const (
	// maxTemplate bounds a template, maxText a message: chats take no more.
	maxTemplate = 4 << 10
	maxText     = 16 << 10
	maxDepth    = 20
)

// usual is the message of who says nothing else.
const usual = "{{if .App}}{{.App}} {{end}}{{.Event}} at {{short .Revision}}{{if .Subject}} ({{.Subject}}){{end}}: {{.Text}}"

// Template is one that has been found good.
type Template struct{ made *template.Template }

// functions make nothing longer, so that no row of them can grow without end: that
// is why print and printf are not among them.
func functions() template.FuncMap {
	return template.FuncMap{
		"upper": strings.ToUpper, "lower": strings.ToLower,
		"short": func(id string) string { return id[:min(len(id), 8)] },
	}
}

// builtin are the functions of all templates that may be used.
func builtin() []string { return []string{"and", "or", "not", "eq", "ne"} }

// fields are the names that a template can use.
func fields() []string {
	return []string{"Event", "App", "Revision", "Subject", "Author", "Text", "Owner"}
}

// Parse reads a template; "" is the usual one.
func Parse(text string) (*Template, error) {
	if text == "" {
		text = usual
	}
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("has %d bytes, at most %d", len(text), maxTemplate)
	}
	made, err := template.New("template").Funcs(functions()).Parse(text)
	if err != nil {
		return nil, errors.New("is no template: " + strings.TrimPrefix(err.Error(), "template: "))
	}
	if len(made.Templates()) > 1 {
		return nil, errors.New("defines another template; write it out where it is used")
	}
	if made.Tree == nil {
		return nil, errors.New("says nothing")
	}
	if err := allowed(made.Root, 0); err != nil {
		return nil, err
	}
	return &Template{made}, nil
}

// allowed refuses what could cost more than it is long, and what is not there.
func allowed(n parse.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("is nested more than %d deep", maxDepth)
	}
	switch n := n.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.StringNode, *parse.BoolNode, *parse.NumberNode:
		return nil
	case *parse.ListNode:
		return eachAllowed(n.Nodes, depth)
	case *parse.ActionNode:
		return allowed(n.Pipe, depth+1)
	case *parse.IfNode:
		return ifAllowed(n, depth+1)
	case *parse.PipeNode:
		return pipeAllowed(n, depth+1)
	case *parse.FieldNode:
		if len(n.Ident) > 1 || !slices.Contains(fields(), n.Ident[0]) {
			return fmt.Errorf("has no %s: there are .%s", n, strings.Join(fields(), ", ."))
		}
		return nil
	case *parse.IdentifierNode:
		if _, ours := functions()[n.Ident]; !ours && !slices.Contains(builtin(), n.Ident) {
			return fmt.Errorf("has no function %s: there are upper, lower, short, %s", n.Ident, strings.Join(builtin(), ", "))
		}
		return nil
	}
	return fmt.Errorf("can't use %s: there are fields, functions, and if with else", n)
}

func eachAllowed(nodes []parse.Node, depth int) error {
	for _, n := range nodes {
		if err := allowed(n, depth); err != nil {
			return err
		}
	}
	return nil
}

func ifAllowed(n *parse.IfNode, depth int) error {
	nodes := []parse.Node{n.Pipe, n.List}
	if n.ElseList != nil {
		nodes = append(nodes, n.ElseList)
	}
	return eachAllowed(nodes, depth)
}

func pipeAllowed(n *parse.PipeNode, depth int) error {
	if len(n.Decl) > 0 {
		return fmt.Errorf("can't use %s: there are no variables", n)
	}
	for _, cmd := range n.Cmds {
		if err := eachAllowed(cmd.Args, depth); err != nil {
			return err
		}
	}
	return tried(n)
}

// tried fills in one part by itself, so that arguments of wrong types and counts are
// found also where the condition before them is rarely true.
func tried(n *parse.PipeNode) error {
	part, err := template.New("template").Funcs(functions()).Parse("{{" + n.String() + "}}")
	for _, m := range []Message{{}, {"e", "a", "r", "s", "b", "t", "o"}} {
		if err == nil {
			err = part.Execute(&bytes.Buffer{}, m)
		}
	}
	if err != nil {
		return errors.New("can't be filled in: " + strings.TrimPrefix(err.Error(), "template: "))
	}
	return nil
}

// Render fills the template in. What is too long is cut off, and what can't be
// filled in after all is told plainly: better than not at all.
func (t *Template) Render(m Message) string {
	var out bytes.Buffer
	if err := t.made.Execute(&out, m); err != nil {
		return m.Event + " " + m.App + " " + m.Revision + ": " + m.Text
	}
	text := out.String()
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
