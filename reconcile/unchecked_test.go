package reconcile

import (
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestAnEngineThatForgetsHealthChecks in the middle of a rollout says for ever that
// what it has just started is starting. That is nothing to the commit: the checks
// are resumed, and nothing that runs is stopped for it.
func TestAnEngineThatForgetsHealthChecks(t *testing.T) {
	for name, service := range map[string]string{
		"a replica": serviceManifest("web", "web:2", 3),
		"a pod":     serviceManifest("web", "web:2", 3, "sidecars: [{name: proxy, image: 'web:1', pull: never, healthCheck: {command: [/server, health], interval: 1s, timeout: 1s, retries: 2}}]"),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 3, func(w *world) {
				w.branch.commit(onThree(serviceManifest("web", "web:1", 3)))
				w.converge()
				w.branch.commit(onThree(service))
				for range 3 {
					w.reach("a new container is starting", func(report.Status) bool {
						c := w.ofImage("web:2")
						return c != nil && c.Health == model.HealthStarting && !c.Unchecked
					})
					w.loseChecks()
				}
				w.converge()
				if phase := w.running.Status().Apps[0].Phase; phase != rollout.Complete {
					t.Errorf("the rollout is %s:\n%s", phase, w.lastEvents())
				}
			})
		})
	}
}

// TestForgottenHealthChecksAreResumed where all is well: a container that turns
// unhealthy later would go on to be called healthy.
func TestForgottenHealthChecksAreResumed(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 4)))
		w.converge()
		w.sim.Check(func(call sim.Call, _ model.Live) error {
			if _, resumes := call.Op.(model.ResumeHealthCheck); !resumes {
				t.Errorf("%s, where only health checks are to be resumed", model.Verb(call.Op))
			}
			return nil
		})
		w.loseChecks()
		after(time.Minute)
		for _, c := range w.containers("web") {
			if c.Unchecked || c.Health != model.HealthHealthy {
				t.Errorf("%s on %s: unchecked %t, health %q", c.Name, c.Host, c.Unchecked, c.Health)
			}
		}
	})
}

func (w *world) loseChecks() {
	for _, h := range w.hosts {
		h.LoseChecks()
	}
}
