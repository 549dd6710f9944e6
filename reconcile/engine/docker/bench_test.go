package docker_test

import (
	"fmt"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// BenchmarkObserve is a pass over 100 containers of ours: idle, with all kept
// from the pass before, and as a resync, with each inspected anew.
func BenchmarkObserve(b *testing.B) {
	h := newHost(b)
	for i := range 100 {
		h.create(fmt.Sprint("c", i), model.ContainerSpec{})
	}
	for name, q := range map[string]engine.Query{"idle": {}, "resync": {Resync: true}} {
		b.Run(name, func(b *testing.B) {
			h.t = b
			h.observe(q)
			b.ReportAllocs()
			for b.Loop() {
				h.observe(q)
			}
		})
	}
}
