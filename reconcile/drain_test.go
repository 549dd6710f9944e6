package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// fleetOf declares n hosts, of which some are to be drained.
func fleetOf(n int, drained map[int]bool) string {
	text := hostManifests(n)
	for i := range n {
		if drained[i+1] {
			endpoint := fmt.Sprintf("endpoint: tcp://host-%d:", i+1)
			text = strings.Replace(text, endpoint, "drain: true, "+endpoint, 1)
		}
	}
	return text
}

// host is what the status says of one.
func (w *world) host(name string) report.Host {
	w.t.Helper()
	for _, h := range w.running.Status().Hosts {
		if h.Name == name {
			return h
		}
	}
	return report.Host{}
}

// TestADrainWithoutACommit moves everything away, is told, outlives the
// controller, ends at its time, and is let go of.
func TestADrainWithoutACommit(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 4))
		w.converge()
		drain := func(until time.Time) {
			w.order(rollout.Order{Verb: rollout.VerbDrain, Host: "host-1", By: "ada", Reason: "smoke", Until: until})
		}
		drain(time.Time{})
		after(time.Minute)
		if h := w.host("host-1"); !h.Empty() || h.Pin == nil || h.Pin.By != "ada" || h.Replicas != 0 {
			t.Errorf("after the drain: %+v", h)
		}
		if pinned := w.running.Plan().Pinned; len(pinned) != 1 || pinned[0].Host != "host-1" || pinned[0].Pin.Reason != "smoke" {
			t.Errorf("the plan does not say so: %v", pinned)
		}
		w.again()
		w.branch.commit(web("web:1", 6))
		w.converge()
		if h := w.host("host-1"); h.Replicas != 0 {
			t.Errorf("the next controller puts %d replicas there", h.Replicas)
		}
		w.order(rollout.Order{Verb: rollout.VerbUncordon, Host: "host-1"})
		w.branch.commit(web("web:1", 8))
		w.converge()
		if h := w.host("host-1"); h.Replicas != 2 || h.Pin != nil {
			t.Errorf("after it was let go of: %+v", h)
		}
		drain(time.Now().Add(time.Hour))
		after(2 * time.Hour)
		if h := w.host("host-1"); h.Drain || len(w.journal.memory.Pins) > 0 {
			t.Errorf("after its time: %+v, remembered are %v", h, w.journal.memory.Pins)
		}
		for want, o := range map[string]rollout.Order{
			"there is no such host; there is host-1, host-2": {Verb: rollout.VerbDrain, Host: "host-3"},
			"nobody has cordoned or drained it":              {Verb: rollout.VerbUncordon, Host: "host-1"},
			"is in the past":                                 {Verb: rollout.VerbCordon, Host: "host-1", Until: time.Now().Add(-time.Hour)},
		} {
			if err := w.running.Order(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	})
}

// TestAPinGoesWithItsHost that no manifest names any more.
func TestAPinGoesWithItsHost(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbCordon, Host: "host-2"})
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "web.yaml": serviceManifest("web", "web:1", 2)}))
		w.converge()
		if len(w.journal.memory.Pins) > 0 {
			t.Errorf("remembered are %v", w.journal.memory.Pins)
		}
	})
}

// TestALeavingHostKeepsToTheBudget: taking a host out of the manifests moves its
// replicas one by one, and says what is left.
func TestALeavingHostKeepsToTheBudget(t *testing.T) {
	simulate(t, 2, func(w *world) {
		budget := []string{"minAvailable: 3", "update: {order: stop-first, parallelism: 4, monitor: 2s}"}
		service := strings.Replace(serviceManifest("web", "web:1", 4, budget...), "  update: {parallelism: 1, monitor: 2s, deadline: 1m}\n", "", 1)
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": service}))
		w.converge()
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "web.yaml": service}))
		told := false
		for range 600 {
			after(100 * time.Millisecond)
			if n := w.healthy("web", "web:1"); n < 3 {
				t.Fatalf("%d of 4 are healthy, minAvailable is 3", n)
			}
			h := w.host("host-2")
			told = told || h.Leaving && len(h.Left) > 0 && strings.Contains(h.Left[0].Why, "moves to host-1")
		}
		if h := w.host("host-2"); h.Name != "" || !told {
			t.Errorf("was told: %v; at the end %+v", told, h)
		}
	})
}

// TestAHostIsForgotten when it is gone for good and no manifest declares it, and
// not before.
func TestAHostIsForgotten(t *testing.T) {
	simulate(t, 2, func(w *world) {
		forget := func() error {
			return w.running.Order(t.Context(), rollout.Order{Verb: rollout.VerbForget, Host: "host-2", By: "ada"})
		}
		refused := func(why string) {
			t.Helper()
			if err := forget(); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%v, want %q", err, why)
			}
		}
		w.branch.commit(web("web:1", 2))
		w.converge()
		refused("the manifests declare it")
		w.hosts["host-2"].SetGone(true)
		after(time.Minute)
		refused("the manifests declare it")
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "web.yaml": serviceManifest("web", "web:1", 2)}))
		w.converge()
		if n := len(w.journal.memory.Hosts["host-2"].Containers); n != 1 {
			t.Fatalf("%d containers are remembered of a host that has left and can't be reached, want 1", n)
		}
		w.hosts["host-2"].SetGone(false)
		w.hosts["host-2"].Inject(sim.Fault{Verb: "remove", Hang: true})
		after(time.Minute)
		refused("it answers")
		w.hosts["host-2"].SetGone(true)
		after(time.Minute)
		if err := forget(); err != nil {
			t.Fatal(err)
		}
		if seen := w.journal.memory.Hosts["host-2"]; len(seen.Containers) > 0 || w.journal.memory.Placed.names("host-2") {
			t.Errorf("still remembered: %+v, %v", seen, w.journal.memory.Placed)
		}
		refused("nothing is remembered of it")
		w.again()
		w.converge()
	})
}

// unseen is how long it may take until a controller knows of a loss.
const unseen = resyncEvery + observeDeadline + time.Second

// ledger counts in the true state of the hosts what stops of ours leave available.
type ledger struct {
	least map[string]int // by service

	mu   sync.Mutex
	gone map[string]bool
	lost time.Time // when something was lost last that was no doing of ours
}

// lose notes a loss at this moment; of a host, that it is gone, or back.
func (l *ledger) lose(host string) (gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = time.Now()
	if host != "" {
		l.gone[host] = !l.gone[host]
	}
	return l.gone[host]
}

// check objects to a stop of a replica that served where fewer than minAvailable
// are left. For a while after a loss nobody knew of it.
func (l *ledger) check(call sim.Call, live model.Live) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	stop, ok := call.Op.(model.StopContainer)
	if !ok || call.At.Before(l.lost.Add(unseen)) {
		return nil
	}
	available, stopped := map[string]map[string]bool{}, model.Container{}
	for _, h := range live.Hosts {
		for _, c := range h.Containers {
			if c.ID == stop.ID {
				stopped = c
			}
			if c.State == model.StateRunning && c.Health == model.HealthHealthy && !l.gone[h.Name] {
				if available[c.Owner.Service] == nil {
					available[c.Owner.Service] = map[string]bool{}
				}
				available[c.Owner.Service][c.Owner.Slot] = true
			}
		}
	}
	const healthyAfter = 3 * time.Second
	service := stopped.Owner.Service
	served := stopped.FinishedAt.Sub(stopped.StartedAt) > healthyAfter && !available[service][stopped.Owner.Slot]
	if n := len(available[service]); served && n < l.least[service] {
		return fmt.Errorf("%s: the stop of %s-%s leaves %d available, minAvailable is %d", call.At.Format(time.TimeOnly), service, stopped.Owner.Slot, n, l.least[service])
	}
	return nil
}

// TestBudgetsHoldWhateverComesTogether walks at random through rollouts, drains,
// lost hosts, killed containers and controllers that begin anew, and looks at every
// stop.
func TestBudgetsHoldWhateverComesTogether(t *testing.T) {
	stops := 0
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 3)
			l := &ledger{least: map[string]int{"a": 2, "b": 3, "c": 2}, gone: map[string]bool{}, lost: time.Now().Add(-time.Hour)}
			w.sim.Check(l.check)
			w.start()
			defer func() { w.stop() }()
			r := rand.New(rand.NewPCG(seed, 7))
			images, drained := map[string]int{"a": 1, "b": 1, "c": 1}, map[int]bool{}
			w.branch.commit(budgeted(images, drained))
			w.converge()
			for range 25 {
				w.trouble(r, l, images, drained)
				after(time.Duration(r.IntN(40_000)) * time.Millisecond)
			}
			for _, v := range w.sim.Violations() {
				t.Errorf("seed %d: %v", seed, v)
			}
			for _, call := range w.sim.Calls() {
				if _, ok := call.Op.(model.StopContainer); ok {
					stops++
				}
			}
			for i := range 3 {
				w.hosts[fmt.Sprintf("host-%d", i+1)].SetGone(false)
			}
			clear(drained)
			last := budgeted(images, drained)
			for name := range images { // unlike all before, of which one may have failed for want of hosts
				last[name+".yaml"].Data = append(last[name+".yaml"].Data, "  environment: {LAST: commit}\n"...)
			}
			w.branch.commit(last)
			w.converge()
		})
	}
	if stops < 500 {
		t.Errorf("only %d stops were looked at", stops)
	}
}

// budgeted are three services with minAvailable, of each order one.
func budgeted(images map[string]int, drained map[int]bool) fstest.MapFS {
	files := map[string]string{
		"hosts.yaml": fleetOf(3, drained),
		"app.yaml":   "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: default}\nspec: {onFailure: pause}\n",
	}
	for name, extra := range map[string]string{"a": `minAvailable: "50%"`, "b": "minAvailable: 3", "c": "minAvailable: 2"} {
		order := map[string]string{"a": "stop-first", "b": "start-first", "c": "stop-first"}[name]
		text := serviceManifest(name, fmt.Sprintf("web:%d", images[name]), 3, extra)
		files[name+".yaml"] = strings.Replace(text, "update: {parallelism: 1,", "update: {order: "+order+", parallelism: 3,", 1)
	}
	return tree(files)
}

// trouble is one thing that takes replicas away, on purpose or by accident.
func (w *world) trouble(r *rand.Rand, l *ledger, images map[string]int, drained map[int]bool) {
	n := 1 + r.IntN(3)
	name := fmt.Sprintf("host-%d", n)
	switch r.IntN(8) {
	case 0, 1, 2:
		for _, service := range []string{"a", "b", "c"} {
			images[service] = 1 + r.IntN(3)
		}
		w.branch.commit(budgeted(images, drained))
	case 3, 4:
		drained[n] = !drained[n]
		w.branch.commit(budgeted(images, drained))
	case 5:
		w.hosts[name].SetGone(l.lose(name))
	case 6:
		for _, c := range w.containers("a") {
			if r.IntN(3) == 0 {
				_ = w.hosts[c.Host].Kill(c.ID) // it may not run
				l.lose("")
			}
		}
	case 7:
		w.stop()
		w.start()
	}
}
