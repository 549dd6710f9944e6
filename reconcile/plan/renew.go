package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// renew makes the slot's new container: a first one, or one in place of the
// old ones.
func (p *planner) renew(c *Change, s *model.Service, old []*model.Container) {
	c.Verdict, c.Reasons = Create, []string{"missing"}
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
	owner := model.Ownership{
		Owner: p.in.Desired.Owner, App: s.App, Service: s.Name, Slot: c.Key.Slot,
		Fingerprint: s.Fingerprint, Revision: p.revisions[s.App], Guard: s.Guard,
	}
	owner.Name = p.newName(owner)
	target := model.Target{Host: c.Host, Name: owner.Name, Owner: owner.Owner, Fingerprint: owner.Fingerprint}
	if pullsAnew(s) {
		c.Steps = append(c.Steps, Step{Op: p.pullAnew(s, c.Host)})
	}
	spec := s.Container
	spec.ImageID = "" // a pull of this very change may bring another one
	c.Steps = append(c.Steps, Step{Op: model.CreateContainer{Host: c.Host, Owner: owner, Spec: spec}})
	if len(s.Container.Files) > 0 {
		c.Steps = append(c.Steps, Step{Op: model.CopyFiles{Target: target, Files: s.Container.Files}})
	}
	c.Steps = append(c.Steps, Step{Op: model.StartContainer{Target: target, Holds: s.Held()}})
	p.supersede(c, s, old)
}

// replaceReasons says why the best of the old containers will not do.
func (p *planner) replaceReasons(s *model.Service, host string, old *model.Container) []string {
	if old.Host != host {
		return []string{fmt.Sprintf("moves from host %q", old.Host)}
	}
	switch old.State {
	case model.StateDead:
		return []string{"the engine could not remove it and calls it dead"}
	case model.StateRemoving:
		return []string{"is being removed, and not by this installation"}
	}
	var reasons []string
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
	if p.names == nil {
		p.names = map[string]bool{}
		for _, h := range p.hosts {
			for i := range h.Containers {
				p.names[h.Containers[i].Name] = true
			}
		}
	}
	for n := 0; ; n++ {
		generation := model.Hash([]any{o.Owner, o.App, o.Service + o.Run, o.Slot, o.Fingerprint, n})[:8]
		name := o.App + "-" + o.Service + o.Job + "-" + o.Slot + "-" + generation // it is of the one or of the other
		if !p.names[name] {
			return name
		}
	}
}
