package desired

import (
	"sort"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// networks are the app's declared networks and, when a service needs it, the
// one that is called default.
func (b *builder) networks(app string) []model.Network {
	var out []model.Network
	declared := map[string]bool{}
	for _, n := range b.partsOf(app).networks {
		declared[n.Metadata.Name] = true
		out = append(out, b.network(model.Network{
			App: app, Name: n.Metadata.Name, Driver: n.Spec.Driver, Internal: n.Spec.Internal,
			Subnet: n.Spec.Subnet, Options: copyMap(n.Spec.Options), Labels: copyMap(n.Spec.Labels),
		}))
	}
	if !declared[manifest.DefaultNetwork] && b.needsDefault(app) {
		out = append(out, b.network(model.Network{App: app, Name: manifest.DefaultNetwork, Driver: "bridge"}))
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func (b *builder) needsDefault(app string) bool {
	for _, s := range b.partsOf(app).services {
		for _, name := range joined(s) {
			if name == manifest.DefaultNetwork {
				return true
			}
		}
	}
	return false
}

// joined are the networks that a service joins.
func joined(s *manifest.Service) []string {
	if len(s.Spec.Networks) == 0 {
		return []string{manifest.DefaultNetwork}
	}
	return s.Spec.Networks
}

// network names a network on the hosts, by its settings: a network can't be
// changed while containers are on it, so a change makes another one. Labels
// are no part of the name: they change nothing for the containers, and another
// network could not have the same subnet beside the old one.
func (b *builder) network(n model.Network) model.Network {
	settings := n
	settings.Labels = nil
	n.HostName = n.App + "-" + n.Name + "-" + model.Hash([]any{b.owner, settings})[:8]
	return n
}

// volumes are the app's volumes. Their settings are no part of the name: a
// volume holds data, and is never exchanged for another one.
func (b *builder) volumes(app string) []model.Volume {
	var out []model.Volume
	for _, v := range b.partsOf(app).volumes {
		out = append(out, model.Volume{
			App: app, Name: v.Metadata.Name, HostName: app + "-" + v.Metadata.Name + "-" + model.Hash(b.owner)[:8],
			Driver: v.Spec.Driver, Options: copyMap(v.Spec.Options), Labels: copyMap(v.Spec.Labels),
		})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
