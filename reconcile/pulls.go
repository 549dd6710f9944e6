package reconcile

import (
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pullsEvery is how often those who listen are told how far pulls have come: no
// event tells of that, and no pass needs it.
const pullsEvery = time.Second

// tellPulls pokes those who listen for as long as something is pulled.
func (c *Controller) tellPulls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.telling = false
	for _, t := range c.busy {
		if t.pulls && t.ended.IsZero() {
			c.tellPullsLater()
			break
		}
	}
	for ch := range c.listen {
		poke(ch)
	}
}

func (c *Controller) tellPullsLater() {
	if !c.telling {
		c.telling = true
		time.AfterFunc(pullsEvery, c.tellPulls)
	}
}

// pulls says whether a run of ops has a pull in it.
func pulls(ops []model.Op) bool {
	return slices.ContainsFunc(ops, func(op model.Op) bool {
		_, pull := op.(model.PullImage)
		return pull
	})
}
