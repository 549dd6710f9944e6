package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// networks gives each network of an app its change on each host that needs it.
func (p *planner) networks(app *model.App) {
	for i := range app.Networks {
		n := &app.Networks[i]
		for _, host := range slices.Sorted(maps.Keys(p.users[n.HostName])) {
			key := Key{Kind: KindNetwork, App: app.Name, Host: host, Name: n.HostName}
			op := model.CreateNetwork{Host: host, Network: *n, Owner: p.thing(app.Name, n.HostName)}
			owner, there := p.findNetwork(host, n.HostName)
			p.thingChange(key, op, owner, there)
		}
	}
}

// unusedThings are networks and volumes of ours that no replica needs where
// they are. Networks go when nothing is attached to them any more; volumes hold
// data and stay.
func (p *planner) unusedThings() {
	for _, h := range p.hosts {
		for _, n := range h.Networks {
			if p.mine(n.Owner, n.Name) && !p.users[n.Name][h.Name] {
				p.unusedNetwork(h, n)
			}
		}
		for _, v := range h.Volumes {
			if p.mine(v.Owner, v.Name) && !p.users[v.Name][h.Name] {
				p.changes = append(p.changes, Change{
					Key:     Key{Kind: KindVolume, App: v.Owner.App, Host: h.Name, Name: v.Name},
					Host:    h.Name,
					Verdict: Unchanged,
					Reasons: []string{"no replica here mounts it; kept, because volumes hold data and are removed by people only"},
				})
			}
		}
	}
}

func (p *planner) mine(o model.Ownership, name string) bool {
	return o.Owner == p.in.Desired.Owner && o.Name == name
}

func (p *planner) removeNetwork(host *model.HostState, n model.NetworkState) {
	c := Change{
		Key:     Key{Kind: KindNetwork, App: n.Owner.App, Host: host.Name, Name: n.Name},
		Host:    host.Name,
		Verdict: Remove,
		Removal: true,
		Reasons: []string{"no replica here needs it any more"},
		Steps:   []Step{{Op: model.RemoveNetwork{Host: host.Name, ID: n.ID, Name: n.Name, Owner: n.Owner.Owner}, After: Idle}},
	}
	if !host.Reachable {
		c.Steps = nil
		c = p.unreachable(c, host)
	}
	p.changes = append(p.changes, c)
}

// volumes gives each volume of an app its change on each host that needs it.
func (p *planner) volumes(app *model.App) {
	for i := range app.Volumes {
		v := &app.Volumes[i]
		for _, host := range slices.Sorted(maps.Keys(p.users[v.HostName])) {
			key := Key{Kind: KindVolume, App: app.Name, Host: host, Name: v.HostName}
			op := model.CreateVolume{Host: host, Volume: *v, Owner: p.thing(app.Name, v.HostName)}
			op.Owner.Guard.Protect = v.Protect
			owner, there := p.findVolume(host, v.HostName)
			p.thingChange(key, op, owner, there)
		}
	}
}

// thingChange decides about a network or volume that is needed on a host.
func (p *planner) thingChange(key Key, create model.Op, owner string, there bool) {
	c := Change{Key: key, Host: key.Host, Verdict: Unchanged}
	state := p.hosts[key.Host]
	switch {
	case state == nil || !state.Reachable:
		c = p.unreachable(c, state)
	case there && owner != p.in.Desired.Owner:
		c.Verdict = Blocked
		c.Reasons = []string{fmt.Sprintf("a %s of that name is on the host and is not ours; rename or remove it", key.Kind)}
		p.blocked[Key{Kind: key.Kind, Host: key.Host, Name: key.Name}] = c.Reasons[0]
	case !there:
		c.Verdict, c.Reasons, c.Steps = Create, []string{"missing"}, []Step{{Op: create}}
	}
	p.changes = append(p.changes, c)
}

func (p *planner) thing(app, name string) model.Ownership {
	return model.Ownership{Owner: p.in.Desired.Owner, App: app, Revision: p.in.Desired.Revision, Name: name}
}

func (p *planner) findNetwork(host, name string) (owner string, there bool) {
	if h := p.hosts[host]; h != nil {
		for i := range h.Networks {
			if h.Networks[i].Name == name {
				return h.Networks[i].Owner.Owner, true
			}
		}
	}
	return "", false
}

func (p *planner) findVolume(host, name string) (owner string, there bool) {
	if h := p.hosts[host]; h != nil {
		for i := range h.Volumes {
			if h.Volumes[i].Name == name {
				return h.Volumes[i].Owner.Owner, true
			}
		}
	}
	return "", false
}

// lacking says what a new replica of the service would miss on a host.
func (p *planner) lacking(s *model.Service, host string) string {
	if len(p.blocked) == 0 {
		return ""
	}
	for _, a := range s.Container.Networks {
		if reason, ok := p.blocked[Key{Kind: KindNetwork, Host: host, Name: a.Network}]; ok {
			return fmt.Sprintf("network %q: %s", a.Network, reason)
		}
	}
	for _, m := range s.Container.Mounts {
		if reason, ok := p.blocked[Key{Kind: KindVolume, Host: host, Name: m.Source}]; ok {
			return fmt.Sprintf("volume %q: %s", m.Source, reason)
		}
	}
	return ""
}

// image sees to it that a new replica's image will be on its host, and says
// why when it can't be.
func (p *planner) image(s *model.Service, host string) string {
	if _, there := p.hosts[host].Images[s.Container.Image]; there || s.Pull == "always" {
		return ""
	}
	if slices.Contains(p.hosts[host].Unasked, s.Container.Image) {
		return fmt.Sprintf("host %q has not said yet whether it has image %q", host, s.Container.Image)
	}
	if s.Pull == "never" {
		return fmt.Sprintf("image %q is not on host %q, and pull is never; load it there or set pull: missing", s.Container.Image, host)
	}
	key := Key{Kind: KindImage, App: s.App, Host: host, Name: s.Container.Image}
	p.pulls[key] = Change{
		Key: key, Host: host, Verdict: Create, Reasons: []string{"not on the host"},
		Steps: []Step{{Op: model.PullImage{Host: host, Image: s.Container.Image}}},
	}
	return ""
}
