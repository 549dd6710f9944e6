package manifest

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// entry is one key of a mapping with its value.
type entry struct {
	key     string
	keyNode *yaml.Node
	value   *yaml.Node
}

// maxMerges bounds how deep merge keys may refer to mappings with merge keys.
const maxMerges = 16

// entries are the keys of the spot's mapping in order, with merge keys (<<)
// followed: what is written directly wins over what is merged, and what is
// merged first over what is merged later.
func (d *decoder) entries(s *spot) ([]entry, bool) {
	if s.node.Kind != yaml.MappingNode {
		err := d.wrongType(s, "a mapping")
		if s.node.Kind == yaml.SequenceNode {
			err.Hint = "write it as name: value"
		}
		return nil, false
	}
	m := merger{d: d, at: s, seen: make(map[string]place, len(s.node.Content)/2)}
	m.add(s.node, 0)
	return m.out, true
}

type merger struct {
	d    *decoder
	at   *spot
	seen map[string]place
	out  []entry
}

func (m *merger) add(n *yaml.Node, depth int) {
	if depth > maxMerges {
		m.d.errorf(m.at, "merges more than %d mappings into each other", maxMerges)
		return
	}
	m.d.visits++
	if m.d.visits > maxVisits {
		return
	}
	var merges []*yaml.Node
	own := make(map[string]place, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := target(n.Content[i]), n.Content[i+1]
		if key.Tag == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if m.usable(key, own) {
			m.keep(entry{key.Value, key, value})
		}
	}
	for _, value := range merges {
		m.merge(value, depth)
	}
}

func (m *merger) keep(e entry) {
	if _, overridden := m.seen[e.key]; overridden {
		return
	}
	m.seen[e.key] = placeOf(e.keyNode)
	m.out = append(m.out, e)
}

// usable refuses keys that are no text and those that the mapping repeats.
func (m *merger) usable(key *yaml.Node, own map[string]place) bool {
	m.d.visits++
	if m.d.visits > maxVisits {
		return false
	}
	if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
		err := m.d.errorAt(placeOf(key), m.at.path(), "has a key that is "+nodeType(key)+" and not a text")
		if key.Kind == yaml.ScalarNode {
			err.Hint = "put it in quotes"
		}
		return false
	}
	if first, twice := own[key.Value]; twice {
		m.d.errorAt(placeOf(key), m.at.child(key.Value, nil).path(), fmt.Sprintf("duplicate key, first given in line %d", first.line))
		return false
	}
	own[key.Value] = placeOf(key)
	return true
}

func (m *merger) merge(value *yaml.Node, depth int) {
	value = target(value)
	switch value.Kind {
	case yaml.MappingNode:
		m.add(value, depth+1)
	case yaml.SequenceNode:
		for _, n := range value.Content {
			if n = target(n); n.Kind != yaml.MappingNode {
				m.d.errorAt(placeOf(n), m.at.path(), "a merge key (<<) takes a mapping or a list of mappings")
				continue
			}
			m.add(n, depth+1)
		}
	default:
		m.d.errorAt(placeOf(value), m.at.path(), "a merge key (<<) takes a mapping or a list of mappings")
	}
}
