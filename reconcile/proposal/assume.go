package proposal

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// reported is what a host of the base reported, nil when it could not be looked
// at.
func (in *Input) reported(name string) *model.HostState {
	for i := range in.Live.Hosts {
		if h := &in.Live.Hosts[i]; h.Name == name && h.Reachable && h.Condition != model.Lost {
			return h
		}
	}
	return nil
}

// unknown are the base's hosts that could not be looked at.
func (in *Input) unknown() []string {
	var out []string
	for i := range in.Base.Desired.Hosts {
		if name := in.Base.Desired.Hosts[i].Name; in.reported(name) == nil {
			out = append(out, name)
		}
	}
	return out
}

// assumed is the fleet that the base is carried out on: every host answers. One
// that could not be looked at is as it was last seen, and else empty.
func (in *Input) assumed() model.Live {
	var live model.Live
	for i := range in.Base.Desired.Hosts {
		h := &in.Base.Desired.Hosts[i]
		state := in.reported(h.Name)
		if state == nil {
			state = in.stand(h.Name)
		}
		live.Hosts = append(live.Hosts, in.supplied(*state))
	}
	for _, h := range in.Leaving {
		if state := in.reported(h.Name); state != nil {
			live.Hosts = append(live.Hosts, in.supplied(*state))
		}
	}
	return sorted(live)
}

func sorted(live model.Live) model.Live {
	slices.SortFunc(live.Hosts, func(a, b model.HostState) int { return cmp.Compare(a.Name, b.Name) })
	return live
}

// stand is a host in the place of one that does not answer.
func (in *Input) stand(name string) *model.HostState {
	stand := model.HostState{Name: name, Reachable: true, Known: true, Info: in.machine(), Images: map[string]string{}}
	for i := range in.Live.Hosts {
		last := &in.Live.Hosts[i]
		if last.Name != name {
			continue
		}
		stand.Volumes = last.Volumes
		for _, c := range last.Containers {
			if c.Spec != nil { // else only that it was there is known
				stand.Containers = append(stand.Containers, c)
			}
		}
	}
	in.have(&stand, in.Asked)
	return &stand
}

// machine is like the others, as far as these are known.
func (in *Input) machine() model.HostInfo {
	info := in.Machine
	for i := range in.Live.Hosts {
		if known := in.Live.Hosts[i].Info; known.Arch != "" {
			known.NanoCPUs, known.Memory = info.NanoCPUs, info.Memory
			return known
		}
	}
	return info
}

// supplied has the images that nobody asked the host for.
func (in *Input) supplied(h model.HostState) model.HostState {
	h.Images = maps.Clone(h.Images)
	h.Unasked = nil
	for _, d := range []*model.Desired{in.Base.Desired, in.Merged.Desired} {
		in.have(&h, slices.DeleteFunc(d.Images(), func(ref string) bool { return slices.Contains(in.Asked, ref) }))
	}
	return h
}

func (in *Input) have(h *model.HostState, refs []string) {
	if h.Images == nil {
		h.Images = map[string]string{}
	}
	for _, ref := range refs {
		if h.Images[ref] == "" {
			h.Images[ref] = "sha256:" + model.Hash("imagined "+ref)
		}
	}
}

// gone are hosts that the base has and the merge has not, and that are no other
// name of one that it has.
func (in *Input) gone() []model.Host {
	return slices.DeleteFunc(slices.Clone(in.Base.Desired.Hosts), func(h model.Host) bool {
		return declared(in.Merged.Desired, h.Name) != nil || in.renamed(&h) != nil
	})
}

func declared(d *model.Desired, name string) *model.Host {
	for i := range d.Hosts {
		if d.Hosts[i].Name == name {
			return &d.Hosts[i]
		}
	}
	return nil
}

// renamed is the name that the merge gives to a host of the base: another one
// with its endpoint.
func (in *Input) renamed(h *model.Host) *model.Host {
	for i := range in.Merged.Desired.Hosts {
		other := &in.Merged.Desired.Hosts[i]
		if other.Endpoint == h.Endpoint && h.Endpoint != "" && declared(in.Base.Desired, other.Name) == nil {
			return other
		}
	}
	return nil
}

// withNew is the fleet with the merge's hosts: what has another name now, and
// empty ones.
func (in *Input) withNew(settled model.Live) model.Live {
	live := model.Live{Hosts: slices.Clone(settled.Hosts)}
	for i := range in.Base.Desired.Hosts {
		h := &in.Base.Desired.Hosts[i]
		if now := in.renamed(h); now != nil && declared(in.Merged.Desired, h.Name) == nil {
			rename(&live, h.Name, now.Name)
		}
	}
	for i := range in.Merged.Desired.Hosts {
		name := in.Merged.Desired.Hosts[i].Name
		if !slices.ContainsFunc(live.Hosts, func(h model.HostState) bool { return h.Name == name }) {
			live.Hosts = append(live.Hosts, in.supplied(*in.stand(name)))
		}
	}
	return sorted(live)
}

func rename(live *model.Live, from, to string) {
	for i := range live.Hosts {
		h := &live.Hosts[i]
		if h.Name != from {
			continue
		}
		h.Name, h.Containers = to, slices.Clone(h.Containers)
		for j := range h.Containers {
			h.Containers[j].Host = to
		}
	}
}

// clone is for who folds and sorts what it gets.
func clone(live model.Live) *model.Live {
	out := model.Live{Hosts: slices.Clone(live.Hosts)}
	for i := range out.Hosts {
		out.Hosts[i].Containers = slices.Clone(out.Hosts[i].Containers)
	}
	return &out
}
