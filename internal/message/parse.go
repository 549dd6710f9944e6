package message

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"
)

const (
	maxTemplate = 4 << 10
	maxDepth    = 20
)

// function is what can be called, with how many arguments.
type function struct {
	least, most int
	call        func(args []string) string
}

// many is for functions that take any number of arguments.
const many = maxTemplate

// functions make nothing longer, so that no row of them can grow without end: that
// is why print and printf are not among them.
func functions() map[string]function {
	return map[string]function{
		"upper": {1, 1, func(args []string) string { return strings.ToUpper(args[0]) }},
		"lower": {1, 1, func(args []string) string { return strings.ToLower(args[0]) }},
		"short": {1, 1, func(args []string) string { return args[0][:min(len(args[0]), 8)] }},
		"not":   {1, 1, func(args []string) string { return truth(args[0] == "") }},
		"or":    {1, many, func(args []string) string { return cmp.Or(args...) }},
		"and":   {1, many, and},
		"eq":    {2, many, func(args []string) string { return truth(slices.Contains(args[1:], args[0])) }},
		"ne":    {2, 2, func(args []string) string { return truth(args[0] != args[1]) }},
	}
}

func and(args []string) string {
	if slices.Contains(args, "") {
		return ""
	}
	return args[len(args)-1]
}

// Parse reads a template; "" is the usual one.
func Parse(text string) (*Template, error) {
	text = cmp.Or(text, usual)
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("has %d bytes, at most %d", len(text), maxTemplate)
	}
	tree, all := parse.New("template"), map[string]*parse.Tree{}
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", all); err != nil {
		return nil, errors.New("is no template: " + strings.TrimPrefix(err.Error(), "template: "))
	}
	delete(all, "template")
	if len(all) > 0 {
		return nil, errors.New("defines another template; write it out where it is used")
	}
	return &Template{tree.Root}, allowed(tree.Root, 0)
}

// allowed refuses what is not there, and what could cost more than it is long.
func allowed(n parse.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("is nested more than %d deep", maxDepth)
	}
	switch n := n.(type) {
	case *parse.TextNode, *parse.StringNode, *parse.BoolNode:
		return nil
	case *parse.ListNode:
		return eachAllowed(n.Nodes, depth)
	case *parse.ActionNode:
		return allowed(n.Pipe, depth+1)
	case *parse.IfNode:
		nodes := []parse.Node{n.Pipe, n.List}
		if n.ElseList != nil {
			nodes = append(nodes, n.ElseList)
		}
		return eachAllowed(nodes, depth+1)
	case *parse.PipeNode:
		return pipeAllowed(n, depth+1)
	case *parse.FieldNode:
		if len(n.Ident) > 1 || !slices.Contains(fields(), n.Ident[0]) {
			return fmt.Errorf("has no %s: there are .%s", n, strings.Join(fields(), ", ."))
		}
		return nil
	}
	return fmt.Errorf("can't use %s: there are fields, texts, functions, and if with else", n)
}

func eachAllowed(nodes []parse.Node, depth int) error {
	for _, n := range nodes {
		if err := allowed(n, depth); err != nil {
			return err
		}
	}
	return nil
}

func pipeAllowed(n *parse.PipeNode, depth int) error {
	if len(n.Decl) > 0 {
		return fmt.Errorf("can't use %s: there are no variables", n)
	}
	for i, c := range n.Cmds {
		name, args := called(c)
		if name == "" {
			if len(args) > 0 || i > 0 {
				return fmt.Errorf("can't call %s: it is no function", c.Args[0])
			}
			args = c.Args
		} else if err := callAllowed(name, len(args)+min(i, 1)); err != nil {
			return err
		}
		if err := eachAllowed(args, depth); err != nil {
			return err
		}
	}
	return nil
}

// callAllowed: a value that comes through a pipe is the last argument.
func callAllowed(name string, args int) error {
	f, there := functions()[name]
	switch {
	case !there:
		return fmt.Errorf("has no function %s: there are %s", name, strings.Join(slices.Sorted(maps.Keys(functions())), ", "))
	case args < f.least || args > f.most:
		return fmt.Errorf("calls %s with %d arguments, which it does not take", name, args)
	}
	return nil
}
