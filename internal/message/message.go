// Package message makes texts of what there is to tell, by templates of people
// who may write to the repository: what one of them costs is bounded when it is
// read. It is a leaf, and pure.
//
// Templates are read by text/template/parse and filled in here. text/template itself
// finds methods by name, for which the linker would keep all methods of all types of
// the program: that is half of it again.
package message

import (
	"strings"
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

// fields are the names that a template can use.
func fields() []string {
	return []string{"Event", "App", "Revision", "Subject", "Author", "Text", "Owner"}
}

func (m *Message) field(name string) string {
	switch name {
	case "Event":
		return m.Event
	case "App":
		return m.App
	case "Revision":
		return m.Revision
	case "Subject":
		return m.Subject
	case "Author":
		return m.Author
	case "Owner":
		return m.Owner
	}
	return m.Text
}

// usual is the message of who says nothing else.
const usual = "{{if .App}}{{.App}} {{end}}{{.Event}} at {{short .Revision}}{{if .Subject}} ({{.Subject}}){{end}}: {{.Text}}"

// maxText bounds a message: chats take no more.
const maxText = 16 << 10

// Template is one that has been found good.
type Template struct{ root *parse.ListNode }

// Render fills the template in. What is too long is cut off.
func (t *Template) Render(m Message) string {
	f := filling{m: &m}
	f.list(t.root)
	text := f.out.String()
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// filling is a template on its way to a text. All values are texts; true is "true",
// and false is empty.
type filling struct {
	m   *Message
	out strings.Builder
}

func (f *filling) list(l *parse.ListNode) {
	if l == nil || f.out.Len() > maxText {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			f.out.Write(n.Text)
		case *parse.ActionNode:
			f.out.WriteString(f.value(n.Pipe))
		case *parse.IfNode:
			branch := n.List
			if f.value(n.Pipe) == "" {
				branch = n.ElseList
			}
			f.list(branch)
		}
	}
}

func (f *filling) value(n parse.Node) string {
	switch n := n.(type) {
	case *parse.StringNode:
		return n.Text
	case *parse.BoolNode:
		return truth(n.True)
	case *parse.FieldNode:
		return f.m.field(n.Ident[0])
	case *parse.PipeNode:
		return f.pipe(n)
	}
	return ""
}

func (f *filling) pipe(n *parse.PipeNode) string {
	var value string
	for i, c := range n.Cmds {
		name, args := called(c)
		if name == "" {
			value = f.value(c.Args[0])
			continue
		}
		values := make([]string, 0, len(args)+1)
		for _, arg := range args {
			values = append(values, f.value(arg))
		}
		if i > 0 {
			values = append(values, value)
		}
		value = functions()[name].call(values)
	}
	return value
}

// called is the function that a command calls, or "", and its arguments.
func called(c *parse.CommandNode) (name string, args []parse.Node) {
	if f, is := c.Args[0].(*parse.IdentifierNode); is {
		return f.Ident, c.Args[1:]
	}
	return "", c.Args[1:]
}

func truth(is bool) string {
	if is {
		return "true"
	}
	return ""
}
