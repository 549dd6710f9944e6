package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestTheSoakNotices holds what watches over the soak to what it is to find: a host
// given up in a mass loss, too many at once, one too soon; a healthy replica that is
// stopped without a successor; a container of somebody else's that is gone.
func TestTheSoakNotices(t *testing.T) {
	s := &script{seed: 1, hosts: 5, apps: 1}
	simulateQuietly(t, s.hosts, func(w *world) {
		l := newLife(w, s)
		l.repo.apps[0] = serviceManifest("web", "web:1", 2)
		l.branch.commit(l.repo.tree())
		if why := l.converge(); why != "" {
			t.Fatal(why)
		}
		l.pass(2 * time.Minute)
		web := l.containers("web")[0]
		call := sim.Call{Host: web.Host, Op: model.StopContainer{Target: model.Target{ID: web.ID, Host: web.Host}}, Effect: 1}
		live := l.sim.Live()
		if err := l.check(call, live); err != nil {
			t.Errorf("nothing is wrong, and it says %v", err)
		}
		for i := range live.Hosts {
			h := &live.Hosts[i]
			h.Containers = append([]model.Container(nil), h.Containers...)
			for j := range h.Containers {
				if h.Containers[j].ID == web.ID {
					h.Containers[j].State, h.Containers[j].Health = model.StateExited, model.HealthNone
				}
			}
		}
		if err := l.check(call, live); err == nil || !strings.Contains(err.Error(), "1 of 2 replicas are healthy, at least 2 should be") {
			t.Errorf("a healthy replica was stopped, and it says %v", err)
		}
		call.Host = "host-1"
		_ = l.check(call, live)
		live.Hosts[0].Containers = nil
		if err := l.check(call, live); err == nil || !strings.Contains(err.Error(), "is not ours") {
			t.Errorf("somebody's container is gone, and it says %v", err)
		}
		lost := func(host string) {
			_ = l.journal.Event(Event{Time: time.Now(), Kind: "failed", Host: host, Text: "host is lost: no answer"})
		}
		l.away1(0, true)
		l.away1(1, true)
		l.pass(20 * time.Second)
		lost("host-1")
		if wrong := l.guard.evictions(); len(wrong) != 0 {
			t.Errorf("one of two that are away, of five, was given up, and it says %q", wrong)
		}
		l.away1(2, true)
		l.away1(3, true)
		l.pass(20 * time.Second)
		lost("host-2")
		if wrong := strings.Join(l.guard.evictions(), "\n"); !strings.Contains(wrong, "3 of 4 hosts were away together") {
			t.Errorf("a mass loss, and it says %q", wrong)
		}
		for range model.DefaultFleet().EvictionRate {
			lost("host-3")
		}
		l.guard.restarted()
		lost("host-4")
		wrong := strings.Join(l.guard.evictions(), "\n")
		if !strings.Contains(wrong, "more than 6 hosts were given up within a minute") || !strings.Contains(wrong, "after a controller began") {
			t.Errorf("too many, too soon, and it says %q", wrong)
		}
	})
}
