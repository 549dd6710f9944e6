package plan

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// memberDiff is in what a container differs from what is asked for now.
func memberDiff(m *model.Member, c *model.Container) []Difference {
	diff := Compare(&m.Container, c)
	all := named(m, slices.Concat(diff.Replace, diff.Adjust))
	if len(all) == 0 {
		return []Difference{{field(m), "made from fingerprint " + c.Owner.Fingerprint, m.Fingerprint}}
	}
	return all
}

// field is the path of a container in the manifest.
func field(m *model.Member) string {
	if m.Role == model.RoleInit {
		return keyed("initContainers", m.Name)
	}
	return keyed("sidecars", m.Name)
}

// named are differences of one container among those of its pod.
func named(m *model.Member, list []Difference) []Difference {
	var out []Difference
	for _, d := range list {
		out = append(out, Difference{field(m) + "." + d.Field, d.From, d.To})
	}
	return out
}

// initDifferences are why a pod that was prepared otherwise will not do.
func initDifferences(s *model.Service, c *model.Container) []Difference {
	var out []Difference
	known := map[string]bool{}
	for _, m := range s.MembersOf(model.RoleInit) {
		known[m.Name] = true
		switch part := c.Part(m.Name); {
		case part == nil:
			out = append(out, Difference{field(&m), "", "declared"})
		case part.Owner.Fingerprint == m.Fingerprint:
		case part.Spec == nil:
			out = append(out, Difference{field(&m), "made from fingerprint " + part.Owner.Fingerprint, m.Fingerprint})
		default:
			out = append(out, memberDiff(&m, part)...)
		}
	}
	for i := range c.Pod {
		if part := &c.Pod[i]; part.Owner.Role == model.RoleInit && !known[part.Owner.Member] {
			out = append(out, Difference{keyed("initContainers", part.Owner.Member), "declared", ""})
		}
	}
	return out
}
