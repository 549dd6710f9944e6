package desired

import (
	"slices"
	"sort"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func placement(p manifest.Placement) model.Placement {
	out := model.Placement{
		MaxPerHost: p.MaxPerHost, MaxSkew: p.MaxSkew, Spread: slices.Clone(p.Spread),
		Affinity: sorted(p.Affinity), AntiAffinity: sorted(p.AntiAffinity),
	}
	if p.Strategy == model.StrategyPack {
		out.Strategy = model.StrategyPack
	}
	for _, c := range p.Constraints {
		out.Constraints = append(out.Constraints, model.Constraint{Attribute: c.Attribute, Operator: c.Operator, Value: c.Value, Values: sorted(c.Values)})
	}
	sort.Slice(out.Constraints, func(i, j int) bool { return out.Constraints[i].String() < out.Constraints[j].String() })
	for _, t := range p.Tolerations {
		out.Tolerations = append(out.Tolerations, model.Toleration{Key: t.Key, Operator: t.Operator, Value: t.Value})
	}
	sort.Slice(out.Tolerations, func(i, j int) bool {
		a, b := out.Tolerations[i], out.Tolerations[j]
		return a.Key+"\x00"+a.Operator+"\x00"+a.Value < b.Key+"\x00"+b.Operator+"\x00"+b.Value
	})
	return out
}

// reserve is what is set aside for a replica: for the containers that run at one
// time, all together, or for an init container, which runs before them and alone,
// where that needs more.
func reserve(s *manifest.ServiceSpec) model.Resources {
	total := amounts(s.Resources.Reservations)
	for i := range s.Sidecars {
		total = total.Plus(amounts(s.Sidecars[i].Resources.Reservations))
	}
	for i := range s.InitContainers {
		total = total.Max(amounts(s.InitContainers[i].Resources.Reservations))
	}
	return total
}
