package manifest

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Setting is a document that says how things are dealt with, and not what runs.
type Setting struct {
	Kind, Name string
	// File and Line are where it stands; an app that no document declares stands
	// nowhere.
	File string
	Line int
	// Fields are what it says, defaults too, by the paths of the fields.
	Fields map[string]string
}

// Settings are the documents of the kinds Host, Fleet, Policy, App, ImagePolicy and Notification.
func (s *Set) Settings() []Setting {
	var out []Setting
	add := func(kind string, d document) {
		o := d.origin()
		out = append(out, Setting{Kind: kind, Name: d.name(), File: o.File, Line: o.Line, Fields: fieldTexts(d)})
	}
	for _, h := range s.Hosts {
		add(KindHost, h)
	}
	for _, f := range s.Fleets {
		add(KindFleet, f)
	}
	for _, p := range s.Policies {
		add(KindPolicy, p)
	}
	for _, a := range s.Apps {
		add(KindApp, a)
	}
	for _, p := range s.ImagePolicies {
		add(KindImagePolicy, p)
	}
	for _, n := range s.Notifications {
		add(KindNotification, n)
	}
	return out
}

// fieldTexts are the values of a document's fields, but for what names it.
func fieldTexts(d document) map[string]string {
	out := map[string]string{}
	var root yaml.Node
	if err := root.Encode(d); err != nil { // a document that was read can be written
		panic(fmt.Sprintf("write %s: %v", d.name(), err))
	}
	flatten(&root, nil, out)
	for _, path := range []string{"apiVersion", "kind", "metadata.name"} {
		delete(out, path)
	}
	return out
}

// flatten notes the scalars below a node. A list of them is one value.
func flatten(n *yaml.Node, at []string, into map[string]string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			flatten(n.Content[i+1], append(at[:len(at):len(at)], n.Content[i].Value), into)
		}
	case yaml.SequenceNode:
		var texts []string
		for _, element := range n.Content {
			texts = append(texts, inline(element))
		}
		if len(texts) > 0 {
			into[string(joinPath(at))] = strings.Join(texts, ", ")
		}
	default:
		if !isNull(n) {
			into[string(joinPath(at))] = n.Value
		}
	}
}

// inline is an element of a list in one line.
func inline(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return n.Value
	}
	var texts []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		texts = append(texts, n.Content[i].Value+": "+inline(n.Content[i+1]))
	}
	return "{" + strings.Join(texts, ", ") + "}"
}
