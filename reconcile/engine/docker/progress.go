package docker

import (
	"cmp"
	"slices"
	"sync"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pulls are the pulls at work.
type pulls struct {
	mu   sync.Mutex
	work map[*pull]bool
}

// pull is one pull at work. Layers that the host had already are never told a
// size and don't count.
type pull struct {
	image  string
	layers map[string]layer
}

type layer struct{ done, total int64 }

// begin notes a pull; progress takes its messages, until end.
func (p *pulls) begin(image string) (progress func(pullMessage), end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := &pull{image: image, layers: map[string]layer{}}
	if p.work == nil {
		p.work = map[*pull]bool{}
	}
	p.work[at] = true
	progress = func(m pullMessage) {
		p.mu.Lock()
		defer p.mu.Unlock()
		at.note(m)
	}
	return progress, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.work, at)
	}
}

// note counts what is downloaded. What is unpacked after that has the same
// bytes again.
func (p *pull) note(m pullMessage) {
	l := p.layers[m.ID]
	switch m.Status {
	case "Downloading":
		l.done, l.total = m.Detail.Current, max(l.total, m.Detail.Total)
	case "Verifying Checksum", "Download complete", "Extracting", "Pull complete":
		l.done = l.total
	default:
		return
	}
	p.layers[m.ID] = l
}

// now are the pulls at work, sorted.
func (p *pulls) now() []model.Pull {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []model.Pull
	for at := range p.work {
		sum := model.Pull{Image: at.image}
		for _, l := range at.layers {
			sum.Done, sum.Total = sum.Done+l.done, sum.Total+l.total
		}
		out = append(out, sum)
	}
	slices.SortFunc(out, func(a, b model.Pull) int { return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(a.Done, b.Done)) })
	return out
}

// Pulls are the pulls at work now.
func (e *Engine) Pulls() []model.Pull { return e.pulls.now() }
