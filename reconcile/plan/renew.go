package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// renew makes the slot's new container: a first one, or one in place of the
// old ones.
func (p *planner) renew(c *Change, s *model.Service, old []*model.Container) {
	c.Verdict, c.Reasons = Create, []string{p.missing(s, c.Key.Slot)}
	if len(old) > 0 {
		c.Verdict, c.Reasons = Replace, p.replaceReasons(s, c.Host, old[0])
		c.Drift = p.drift(s, c.Host, old[0])
	}
	if reason := p.lacking(s, c.Host); reason != "" {
		c.Verdict, c.Reasons = Blocked, append([]string{reason}, c.Reasons...)
		return
	}
	if reason := p.image(s, c.Host); reason != "" {
		c.Verdict, c.Reasons = Blocked, append([]string{reason}, c.Reasons...)
		return
	}
	if reason := p.noSecond(s, c.Host, old); reason != "" {
		c.Verdict, c.Reasons = Blocked, append([]string{reason}, c.Reasons...)
		return
	}
	owner := model.Ownership{
		Owner: p.in.Desired.Owner, App: s.App, Service: s.Name, Slot: c.Key.Slot,
		Fingerprint: s.Fingerprint, Revision: p.revisions[s.App], Guard: s.Guard, Preview: p.previews[s.App], Reserve: s.Reserve,
	}
	owner.Name = p.newName(owner)
	p.pullAnew(c, s)
	if s.IsPod() {
		owner.Pod, owner.Role, owner.Member = owner.Name, model.RoleHolder, model.HolderName
		(&raising{planner: p, change: c, s: s, owner: owner, halted: map[string]bool{}}).raise()
		p.supersede(c, s, old)
		return
	}
	target := model.Target{Host: c.Host, Name: owner.Name, Owner: owner.Owner, Fingerprint: owner.Fingerprint}
	spec := s.Container
	spec.ImageID = "" // a pull of this very change may bring another one
	c.Steps = append(c.Steps, Step{Op: model.CreateContainer{Host: c.Host, Owner: owner, Spec: spec}})
	if len(s.Container.Files) > 0 {
		c.Steps = append(c.Steps, Step{Op: model.CopyFiles{Target: target, Files: s.Container.Files}})
	}
	c.Steps = append(c.Steps, Step{Op: model.StartContainer{Target: target, Holds: s.Held()}})
	p.supersede(c, s, old)
}

// missing says why a replica has no container.
func (p *planner) missing(s *model.Service, name string) string {
	if p.evicted == nil {
		p.evicted = map[slot]string{}
		for i := range p.in.Live.Hosts {
			h := &p.in.Live.Hosts[i]
			for _, o := range h.Evicted {
				p.evicted[slot{o.App, o.Service, o.Slot}] = h.Name
			}
		}
	}
	if host := p.evicted[slot{s.App, s.Name, name}]; host != "" {
		return fmt.Sprintf("missing; host %q, which is lost, had it", host)
	}
	return "missing"
}

// pullAnew pulls what the host may have already.
func (p *planner) pullAnew(c *Change, s *model.Service) {
	for _, i := range imagesOf(s) {
		if i.anew() {
			op := p.pull(s.App, c.Host, i.ref)
			op.Always = true
			c.Steps = append(c.Steps, Step{Op: op})
		}
	}
}

// replaceReasons says why the best of the old containers will not do.
func (p *planner) replaceReasons(s *model.Service, host string, old *model.Container) []string {
	if old.Host != host {
		return []string{fmt.Sprintf("moves from host %q", old.Host)}
	}
	switch {
	case old.State == model.StateDead:
		return []string{"the engine could not remove the old one and calls it dead"}
	case old.State == model.StateRemoving:
		return []string{"the old one is being removed by somebody else, and this one takes its place"}
	case old.Wedged:
		return []string{"the engine can't start the old one any more: " + old.Error}
	}
	var reasons []string
	switch pod := old.Owner.Role == model.RoleHolder; {
	case s.IsPod() && !pod:
		reasons = append(reasons, "becomes a pod")
	case !s.IsPod() && pod:
		reasons = append(reasons, "is a pod no longer")
	}
	if old.Spec != nil {
		diff := p.compare(s, old)
		differences := slices.Concat(diff.Replace, diff.Adjust, diff.Attach)
		if len(differences) == 0 {
			differences = p.unusual(host, diff.Dropped)
		}
		for _, d := range differences {
			reasons = append(reasons, d.String())
		}
	}
	if len(reasons) == 0 {
		reasons = []string{"made from fingerprint " + old.Owner.Fingerprint + ", wanted " + s.Fingerprint}
	}
	return reasons
}

// drift is in what a container differs that was made as it is asked for now:
// somebody or something has changed it.
func (p *planner) drift(s *model.Service, host string, old *model.Container) []Difference {
	if old.Host != host || old.Spec == nil || beyondHelp(old) || !p.comparable(s, old) {
		return nil
	}
	diff := p.compare(s, old)
	return slices.Concat(diff.Replace, diff.Adjust, diff.Attach)
}

// usualShm is what engines give a container that does not ask.
const usualShm = "64MiB"

// unusual are those of the settings that are no longer asked for which are not
// what the engine gives every container.
func (p *planner) unusual(host string, dropped []Difference) []Difference {
	return slices.DeleteFunc(slices.Clone(dropped), func(d Difference) bool {
		return d.From == usualShm || d.From == p.hosts[host].Info.LogDriver
	})
}

// newName is the name of the slot's next container. It is made from what it is
// for, so that a create whose reply was lost is found again; and it moves on
// past every name that any host knows, so that a clash can't block a roll.
func (p *planner) newName(o model.Ownership) string {
	return p.freeName(func(n int) string {
		generation := model.Hash([]any{o.Owner, o.App, o.Service + o.Run, o.Slot, o.Fingerprint, n})[:8]
		return o.App + "-" + o.Service + o.Job + "-" + o.Slot + "-" + generation // it is of the one or of the other
	})
}

// freeName is the first that no host knows, of a container or of a pod.
func (p *planner) freeName(make func(n int) string) string {
	if p.names == nil {
		p.names = map[string]bool{}
		for _, h := range p.hosts {
			for i := range h.Containers {
				for _, c := range h.Containers[i].Parts() {
					p.names[c.Name], p.names[c.Owner.Pod] = true, true
				}
			}
		}
	}
	for n := 0; ; n++ {
		if name := make(n); !p.names[name] {
			return name
		}
	}
}
