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
		for _, host := range slices.Sorted(maps.Keys(p.users[thing{app.Name, n.HostName}])) {
			f := finding{
				key:      Key{Kind: KindNetwork, App: app.Name, Host: host, Name: n.HostName},
				create:   model.CreateNetwork{Host: host, Network: *n, Owner: p.thing(app.Name, n.HostName)},
				external: n.External,
			}
			if named := p.networksNamed(host, n.HostName); len(named) > 0 {
				f.there, f.twice, f.owner = true, len(named) > 1, p.ownerOf(named)
				f.misfit, f.surplus = surplus(named)
			}
			p.thingChange(f)
		}
	}
}

// unusedThings are networks and volumes of ours that no replica needs where
// they are. Networks go when nothing is attached to them any more; volumes hold
// data and stay, but for those of a preview that is over.
func (p *planner) unusedThings() {
	for _, h := range p.hosts {
		for i, n := range h.Networks {
			another := slices.ContainsFunc(h.Networks[:i], func(o model.NetworkState) bool { return o.Name == n.Name && p.mine(o.Owner, o.Name) })
			if p.mine(n.Owner, n.Name) && !another && !p.users[thing{"", n.Name}][h.Name] {
				p.unusedNetwork(h, n)
			}
		}
		for _, v := range h.Volumes {
			if p.mine(v.Owner, v.Name) && !p.users[thing{"", v.Name}][h.Name] {
				p.unusedVolume(h, &v)
			}
		}
	}
}

func (p *planner) unusedVolume(host *model.HostState, v *model.VolumeState) {
	c := Change{
		Key: Key{Kind: KindVolume, App: v.Owner.App, Host: host.Name, Name: v.Name}, Host: host.Name, Verdict: Unchanged,
		Reasons: []string{"no replica here mounts it; kept, because volumes hold data and are removed by people only"},
	}
	if v.Owner.Preview != "" && p.keepsPreview(v.Owner.App) {
		c.Reasons = []string{"no replica here mounts it; kept until the preview is over"}
	}
	if p.overWith(v) {
		c.Verdict, c.Removal, c.Preview, c.Reasons = Remove, true, true, []string{previewOver + ", and this is its own"}
		c.Steps = []Step{{Op: model.RemoveVolume{Host: host.Name, Name: v.Name, Owner: previewOwner(v.Owner)}, After: Idle}}
		if !host.Reachable {
			c.Steps = nil
			c = p.unreachable(c, host)
		}
	}
	p.changes = append(p.changes, c)
}

// overWith says whether a volume goes with the preview that made it: it is known
// that this one is not to run any more, not even after a wait, and nobody else names the volume.
func (p *planner) overWith(v *model.VolumeState) bool {
	return v.Owner.Preview != "" && p.in.Desired.PreviewsKnown && !p.declared(v.Owner.App) && !p.keepsPreview(v.Owner.App) && !p.named[v.Name]
}

// previewOwner is what the labels of a preview's volume must say for it to go.
func previewOwner(o model.Ownership) model.Ownership {
	return model.Ownership{Owner: o.Owner, App: o.App, Name: o.Name, Preview: o.Preview}
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
		Preview: n.Owner.Preview != "",
	}
	for _, same := range host.NetworksNamed(n.Name) {
		if p.mine(same.Owner, same.Name) {
			c.Steps = append(c.Steps, Step{Op: removal(host.Name, same), After: Idle})
		}
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
		for _, host := range slices.Sorted(maps.Keys(p.users[thing{app.Name, v.HostName}])) {
			owner := p.thing(app.Name, v.HostName)
			owner.Guard.Protect = v.Protect
			f := finding{
				key:      Key{Kind: KindVolume, App: app.Name, Host: host, Name: v.HostName},
				create:   model.CreateVolume{Host: host, Volume: *v, Owner: owner},
				external: v.External,
			}
			if state := p.findVolume(host, v.HostName); state != nil {
				f.there, f.owner = true, state.Owner.Owner
				switch {
				case owner.Preview != state.Owner.Preview || owner.Preview != "" && owner.App != state.Owner.App:
					f.misfit = "a volume of that name is on the host, and one of the two is a preview's; remove it or give this one another name"
				case !state.Made(v.Driver, v.Options):
					f.misfit = misfit(v, state, owner)
				}
			}
			p.thingChange(f)
		}
	}
}

// finding is a network or volume that is needed on a host, and what was found
// there.
type finding struct {
	key      Key
	create   model.Op
	external bool
	there    bool
	owner    string
	misfit   string // why what is there can't be used, if it can't
	twice    bool   // the name is on the host more than once
	surplus  []model.NetworkState
}

// thingChange decides about a network or volume that is needed on a host.
func (p *planner) thingChange(f finding) {
	c := Change{Key: f.key, Host: f.key.Host, Verdict: Unchanged}
	state := p.hosts[f.key.Host]
	switch {
	case state == nil || !state.Reachable:
		c = p.unreachable(c, state)
	case f.external && f.there && !f.twice:
	case f.external && f.there:
		p.block(&c, "there are two of that name, and the engine can't tell which is meant; remove one of them")
	case f.external:
		p.block(&c, fmt.Sprintf("is external and not on the host; make it there with `docker %s create %s`, or take external out of its manifest",
			f.key.Kind, f.key.Name))
	case f.there && f.owner != p.in.Desired.Owner:
		p.block(&c, fmt.Sprintf("a %s of that name is on the host and is not ours; rename or remove it", f.key.Kind))
	case f.there && f.misfit != "":
		p.block(&c, f.misfit)
	case len(f.surplus) > 0:
		c.Verdict, c.Reasons = Update, []string{"there are two of that name, and the engine can't tell which is meant: one of them goes"}
		for _, n := range f.surplus {
			c.Steps = append(c.Steps, Step{Op: removal(f.key.Host, n)})
		}
	case !f.there:
		c.Verdict, c.Reasons, c.Steps = Create, []string{"missing"}, []Step{{Op: f.create}}
	}
	p.changes = append(p.changes, c)
}

// surplus are the networks of a name that are to go, so that one is left, or why
// they can't.
func surplus(named []model.NetworkState) (misfit string, surplus []model.NetworkState) {
	for _, n := range named[1:] {
		if n.InUse {
			return "there are two of that name and containers on both; take them off one of them and remove it", nil
		}
	}
	return "", named[1:]
}

func removal(host string, n model.NetworkState) model.Op {
	return model.RemoveNetwork{Host: host, ID: n.ID, Name: n.Name, Owner: n.Owner.Owner}
}

// ownerOf is whose the networks of one name are: ours if all of them are.
func (p *planner) ownerOf(named []model.NetworkState) string {
	for _, n := range named {
		if n.Owner.Owner != p.in.Desired.Owner {
			return n.Owner.Owner
		}
	}
	return p.in.Desired.Owner
}

// block notes that a network or volume can't be had, for those who need it.
func (p *planner) block(c *Change, reason string) {
	c.Verdict, c.Reasons = Blocked, []string{reason}
	p.blocked[Key{Kind: c.Key.Kind, Host: c.Key.Host, Name: c.Key.Name}] = reason
}

func (p *planner) thing(app, name string) model.Ownership {
	return model.Ownership{Owner: p.in.Desired.Owner, App: app, Revision: p.revisions[app], Name: name, Preview: p.previews[app]}
}

func (p *planner) networksNamed(host, name string) []model.NetworkState {
	if h := p.hosts[host]; h != nil {
		return h.NetworksNamed(name)
	}
	return nil
}

func (p *planner) findVolume(host, name string) *model.VolumeState {
	if h := p.hosts[host]; h != nil {
		return h.Volume(name)
	}
	return nil
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
	for _, m := range s.Mounts() {
		if reason, ok := p.blocked[Key{Kind: KindVolume, Host: host, Name: m.Source}]; ok {
			return fmt.Sprintf("volume %q: %s", m.Source, reason)
		}
	}
	return ""
}

// imageUse is an image that a replica runs, and how it comes to a host.
type imageUse struct{ ref, pull string }

// imagesOf are the images that a replica of the service runs.
func imagesOf(s *model.Service) []imageUse {
	out := []imageUse{{s.Container.Image, s.Pull}}
	for i := range s.Members {
		out = append(out, imageUse{s.Members[i].Container.Image, s.Members[i].Pull})
	}
	if s.IsPod() {
		out = append(out, imageUse{ref: model.HoldImage})
	}
	return out
}

// anew says whether an image is pulled that the host may have already. What a
// digest names is the same wherever it is.
func (i imageUse) anew() bool {
	_, digest := model.SplitDigest(i.ref)
	return i.pull == "always" && digest == ""
}

// image sees to it that a new replica's images will be on its host, and says
// why when one can't be.
func (p *planner) image(s *model.Service, host string) string {
	if reason := p.unresolved[s.App]; reason != "" {
		return reason
	}
	for _, i := range imagesOf(s) {
		if reason := p.obtain(s.App, host, i); reason != "" {
			return reason
		}
	}
	return ""
}

func (p *planner) obtain(app, host string, i imageUse) string {
	if _, there := p.hosts[host].Images[i.ref]; there || i.anew() {
		return ""
	}
	key := Key{Kind: KindImage, App: app, Host: host, Name: i.ref}
	reason := ""
	switch {
	case slices.Contains(p.hosts[host].Unasked, i.ref):
		reason = fmt.Sprintf("host %q has not said yet whether it has image %q", host, i.ref)
	case i.pull == "never":
		reason = fmt.Sprintf("image %q is not on host %q, and pull is never; load it there or set pull: missing", i.ref, host)
	default:
		var get model.Op = p.pull(app, host, i.ref)
		if i.ref == model.HoldImage {
			get = model.LoadImage{Host: host, Image: i.ref}
		}
		p.pulls[key] = Change{Key: key, Host: host, Verdict: Create, Reasons: []string{"not on the host"}, Steps: []Step{{Op: get}}}
		return ""
	}
	if _, pulled := p.pulls[key]; !pulled { // another service may pull what this one only waits for
		p.pulls[key] = Change{Key: key, Host: host, Verdict: Blocked, Reasons: []string{reason}}
	}
	return reason
}

// pull is the op that fetches an image for an app, with the app's credentials.
func (p *planner) pull(app, host, ref string) model.PullImage {
	return model.PullImage{Host: host, Image: ref, PullSecrets: p.pullSecrets[app]}
}
