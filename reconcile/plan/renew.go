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
		c.Steps = append(c.Steps, Step{Op: model.PullImage{Host: c.Host, App: s.App, Image: s.Container.Image, Always: true}})
	}
	spec := s.Container
	spec.ImageID = "" // a pull of this very change may bring another one
	c.Steps = append(c.Steps, Step{Op: model.CreateContainer{Host: c.Host, Owner: owner, Spec: spec}})
	if len(s.Container.Files) > 0 {
		c.Steps = append(c.Steps, Step{Op: model.CopyFiles{Target: target, Files: s.Container.Files}})
	}
	c.Steps = append(c.Steps, Step{Op: model.StartContainer{Target: target}})
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
		diff := Compare(&s.Container, old)
		for _, d := range slices.Concat(diff.Replace, diff.Adjust) {
			reasons = append(reasons, d.String())
		}
		for _, a := range diff.Connect {
			reasons = append(reasons, "network "+a.Network+" joined")
		}
		for _, n := range diff.Disconnect {
			reasons = append(reasons, "network "+n+" left")
		}
	}
	if len(reasons) == 0 && old.Spec != nil {
		reasons = p.droppedReasons(s, host, old)
	}
	if len(reasons) == 0 {
		reasons = []string{"made from fingerprint " + old.Owner.Fingerprint + ", wanted " + s.Fingerprint}
	}
	return reasons
}

// usualShm is what engines give a container that does not ask.
const usualShm = "64MiB"

// droppedReasons are settings that are no longer asked for, where they are not
// what the engine gives every container.
func (p *planner) droppedReasons(s *model.Service, host string, old *model.Container) []string {
	var reasons []string
	diff := Compare(&s.Container, old)
	for _, d := range diff.Dropped {
		if d.From != usualShm && d.From != p.hosts[host].Info.LogDriver {
			reasons = append(reasons, d.String())
		}
	}
	return reasons
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
		generation := model.Hash([]any{o.Owner, o.App, o.Service, o.Slot, o.Fingerprint, n})[:8]
		name := o.App + "-" + o.Service + "-" + o.Slot + "-" + generation
		if !p.names[name] {
			return name
		}
	}
}
