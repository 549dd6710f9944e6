package rollout

import (
	"fmt"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Well is since when an app has been healthy, without a break that anybody saw,
// as the rendering with this digest. A controller that was away takes the time of
// its absence for healthy when it finds the app so.
type Well struct {
	Digest string    `json:"digest"`
	Since  time.Time `json:"since"`
}

// unproved says in which app what the target says has to prove itself before this
// one gets it, and how far it is there. Kargo's freight is what this is after, with
// the commit as its only cargo: what has to be proved is the rendering of the other
// app that the commit has, and that it once was healthy does not count when it is
// not any more.
func (c *chooser) unproved(target *model.App) wait {
	p := target.Promotion
	if p == nil || c.in.Unordered {
		return wait{}
	}
	from := fmt.Sprintf("it is promoted from app %q, ", p.From)
	if why := c.notThere(p.From); why != "" {
		return wait{model.HeldSoak, from + "and " + why, p.From}
	}
	digest, well := c.targetDigest(p.From), c.in.State.Standings[p.From].Well
	if c.in.State.Records[p.From].Digest != digest {
		return wait{kind: model.HeldSoak, reason: from + "which is held to another revision"}
	}
	if well == nil || well.Digest != digest {
		return wait{model.HeldSoak, from + "which has only just become healthy", p.From}
	}
	proved := well.Since.Add(p.Soak)
	if !proved.After(c.in.Now) {
		return wait{}
	}
	c.wakeAt(proved)
	return wait{kind: model.HeldSoak, reason: fmt.Sprintf("it is promoted from app %q when it has been healthy there for %s, at %s", p.From, p.Soak, second(proved))}
}

// second is a time of which minutes say too little: a soak may be shorter than one.
func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// soak notes since when an app from which others are promoted has been well.
func (r *roll) soak(well bool) {
	before := r.standing.Well
	switch {
	case !well && before == nil, well && before != nil && before.Digest == r.record.Digest:
		return
	case !well:
		r.standing.Well = nil
	default:
		r.standing.Well = &Well{Digest: r.record.Digest, Since: r.in.Now}
	}
	r.out.State.stand(r.app.Name, r.standing)
}
