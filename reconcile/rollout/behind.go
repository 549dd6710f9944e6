package rollout

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// behind says which app has to come before a rollout of this one may begin, and
// why it is not there. It is there when its last rollout is complete and is what
// it is held to now, all of it is healthy, and it was not rolled back.
func (c *chooser) behind(target *model.App) (app, reason string) {
	if c.in.Unordered {
		return "", ""
	}
	for _, name := range target.DependsOn {
		if why := c.notThere(name); why != "" {
			return name, fmt.Sprintf("app %q comes first, and %s", name, why)
		}
	}
	return "", ""
}

func (c *chooser) notThere(name string) string {
	digest := c.targetDigest(name)
	if digest == "" {
		return "there is none"
	}
	if chosen, ok := c.chosen[name]; ok {
		digest = chosen.Digest
	}
	record := c.in.State.Records[name]
	switch {
	case c.out.State.Standings[name].Hold != nil:
		return "was rolled back"
	case record.Digest == digest && record.Phase == Failed:
		return "its rollout has failed"
	case record.Digest != digest || record.Phase != Complete || record.Gone:
		return "its rollout is not complete"
	case !c.in.State.Well[name]:
		return "is not healthy"
	}
	return ""
}

// targetDigest is an app's as the branch has it, "" if that has no such app.
func (c *chooser) targetDigest(name string) string {
	i := slices.IndexFunc(c.in.Target.Apps, func(a model.App) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return c.in.Target.Apps[i].Digest
}

// first chooses for the apps that come first, as what they are held to is asked
// for. It reports false when the choice for this one is made already.
func (c *chooser) first(target *model.App) bool {
	if c.asked[target.Name] {
		return false
	}
	c.asked[target.Name] = true
	for i := range c.in.Target.Apps {
		if slices.Contains(comesFirst(target), c.in.Target.Apps[i].Name) {
			c.app(&c.in.Target.Apps[i])
		}
	}
	return true
}

// comesFirst are the apps that have to be somewhere before this one goes on.
func comesFirst(app *model.App) []string {
	if app.Promotion == nil {
		return app.DependsOn
	}
	return append(slices.Clone(app.DependsOn), app.Promotion.From)
}

// noteWell notes of an app that others depend on whether it is where it should
// be, healthy. They are looked at again when that has changed.
func (d *decider) noteWell(r *roll) {
	well := r.record.Phase == Complete && r.everySettled()
	r.soak(well && d.proving[r.app.Name])
	if !d.depended[r.app.Name] {
		return
	}
	if well {
		d.out.State.Well[r.app.Name] = true
	}
	if well != d.in.State.Well[r.app.Name] {
		d.soon()
	}
}
