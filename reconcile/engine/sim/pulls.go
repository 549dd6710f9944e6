package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pull is a pull at work, which goes on evenly until it ends.
type pull struct {
	image string
	begun time.Time
	takes time.Duration
}

// pullSize is what every image weighs.
const pullSize = 80 << 20

// Pulls are the pulls at work now.
func (h *Host) Pulls() []model.Pull {
	defer h.lock()()
	var out []model.Pull
	for p := range h.pulling {
		done := int64(pullSize)
		if p.takes > 0 {
			done = int64(float64(pullSize) * min(1, float64(time.Since(p.begun))/float64(p.takes)))
		}
		out = append(out, model.Pull{Image: p.image, Done: done, Total: pullSize})
	}
	slices.SortFunc(out, func(a, b model.Pull) int { return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(a.Done, b.Done)) })
	return out
}

// beginPull notes a pull until end.
func (h *Host) beginPull(op model.Op, takes time.Duration) (end func()) {
	o, ok := op.(model.PullImage)
	if !ok || takes == 0 {
		return func() {}
	}
	p := &pull{o.Image, time.Now(), takes}
	unlock := h.lock()
	if h.pulling == nil {
		h.pulling = map[*pull]bool{}
	}
	h.pulling[p] = true
	unlock()
	return func() {
		defer h.lock()()
		delete(h.pulling, p)
	}
}
