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
		if p.in.Desired.Unheard(containers[0].Owner) {
			p.changes = append(p.changes, p.letBe(key, containers, model.UnheardBecause))
			continue
		}
		guard := p.guardOf(key, containers)
		if guard.Orphan && p.services[slot{app: key.app, service: key.service}] == nil {
			p.changes = append(p.changes, p.orphan(key, containers))
			continue
		}
		c := Change{Key: replicaKey(key), Host: containers[0].Host, Verdict: Remove, Removal: true, Reasons: []string{p.goneBecause(key)}}
		c.Preview = containers[0].Owner.Preview != ""
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
	c := p.letBe(key, containers, "orphaned: "+p.goneBecause(key)+", and deletionPolicy is orphan; it is left as it is")
	c.Orphaned = true
	return c
}

// letBe is a replica that nothing asks for and that stays as it is.
func (p *planner) letBe(key slot, containers []*model.Container, why string) Change {
	c := Change{Key: replicaKey(key), Host: containers[0].Host, Verdict: Unchanged, Current: containers[0].ID, Reasons: []string{why}}
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
	case p.slots[key] != nil && p.slots[key][0].Owner.Preview != "" && !p.declared(key.app):
		if p.keepsPreview(key.app) {
			return "the preview does not run now"
		}
		return previewOver
	case p.declared(key.app):
		return fmt.Sprintf("service %q is no longer in the manifests", key.service)
	}
	return fmt.Sprintf("app %q is no longer in the manifests", key.app)
}

// previewOver is why what is left of a preview goes.
const previewOver = "the preview is over"

// keepsPreview says whether an app is a preview that does not run and is not over.
func (p *planner) keepsPreview(app string) bool {
	return slices.Contains(p.in.Desired.PreviewsKept, app)
}

func (p *planner) declared(app string) bool {
	_, declared := p.revisions[app]
	return declared
}
