package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// leftovers are owned replicas that nothing asks for any more.
func (p *planner) leftovers() {
	for key, containers := range p.slots {
		containers = sorted(containers)
		guard := p.guardOf(key, containers)
		if guard.Orphan && p.services[slot{app: key.app, service: key.service}] == nil {
			p.changes = append(p.changes, p.orphan(key, containers))
			continue
		}
		c := Change{Key: replicaKey(key), Host: containers[0].Host, Verdict: Remove, Removal: true, Reasons: []string{p.goneBecause(key)}}
		for _, o := range containers {
			c.Old = append(c.Old, o.ID)
		}
		if guard.Protect && p.ends(key) {
			p.protected[c.Key] = true
		}
		p.retire(&c, containers)
		p.changes = append(p.changes, c)
	}
}

// orphan lets go of a replica: it runs on as it is, whatever becomes of it, until
// a manifest names its service again.
func (p *planner) orphan(key slot, containers []*model.Container) Change {
	c := Change{
		Key: replicaKey(key), Host: containers[0].Host, Verdict: Unchanged, Orphaned: true,
		Current: containers[0].ID,
		Reasons: []string{"orphaned: " + p.goneBecause(key) + ", and deletionPolicy is orphan; it is left as it is"},
	}
	for _, o := range containers[1:] {
		c.Old = append(c.Old, o.ID)
	}
	return c
}

func (p *planner) goneBecause(key slot) string {
	s := p.services[slot{app: key.app, service: key.service}]
	switch {
	case s != nil && numeric(key.slot) == (s.Mode == model.ModeGlobal):
		return fmt.Sprintf("service %q is %s now", key.service, s.Mode)
	case s != nil && s.Mode == model.ModeGlobal:
		return fmt.Sprintf("host %q no longer gets service %q", key.slot, key.service)
	case s != nil:
		return fmt.Sprintf("scaled down to %d", s.Replicas)
	case slices.ContainsFunc(p.in.Desired.Apps, func(a model.App) bool { return a.Name == key.app }):
		return fmt.Sprintf("service %q is no longer in the manifests", key.service)
	}
	return fmt.Sprintf("app %q is no longer in the manifests", key.app)
}
