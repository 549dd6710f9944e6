package sim_test

import (
	"testing"
	"testing/synctest"

	"github.com/tallyman-io/tallyman/reconcile/engine/enginetest"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
)

const image = "tallyman/hello:1"

// Every promise of the port, in virtual time.
func TestConformance(t *testing.T) {
	for _, c := range enginetest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.Run(t, newHost()) })
		})
	}
}

// The suite runs in real time too: nothing in the simulator needs the bubble.
func TestConformanceInRealTime(t *testing.T) {
	enginetest.Run(t, enginetest.Cases(), func(*testing.T) enginetest.Host { return newHost() })
}

func newHost() enginetest.Host {
	h := sim.New("alpha", sim.With(sim.TestImage(image)))
	return enginetest.Host{Engine: h, Name: "alpha", Owner: "test-owner", Image: image, Hands: h}
}
