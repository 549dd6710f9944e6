package reconcile

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestOneEngineUnderTwoNames registers one engine twice. Through either name
// the same containers are seen, and none of them may be taken for surplus.
func TestOneEngineUnderTwoNames(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2, `placement: {constraints: ["host.name == host-1"]}`))
		w.converge()
		w.hosts["host-2"] = w.hosts["host-1"]
		w.stop()
		w.start()
		after(10 * time.Minute)
		if got := w.healthy("web", "web:1"); got != 2 {
			t.Errorf("%d of 2 replicas are left:\n%s", got, w.lastEvents())
		}
		hosts := w.running.Status().Hosts
		if !strings.Contains(hosts[1].Error, "same engine as host host-1") {
			t.Errorf("host-2 says %q", hosts[1].Error)
		}
	})
}

// TestANewNameForAnEngineTakesNothingOver: whose containers run there stays, also
// where the new name is the first by the alphabet, and after a restart.
func TestANewNameForAnEngineTakesNothingOver(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		made := w.sim.Effects()
		w.hosts["a-new-name"] = w.hosts["host-1"]
		w.branch.commit(tree(map[string]string{
			"hosts.yaml": hostManifests(1) + "---\n" + strings.ReplaceAll(hostManifests(1), "host-1", "a-new-name"),
			"web.yaml":   serviceManifest("web", "web:1", 2),
		}))
		for range 2 {
			after(10 * time.Minute)
			if hosts := w.running.Status().Hosts; !strings.Contains(hosts[0].Error, "same engine as host host-1") || hosts[1].Error != "" {
				t.Errorf("%s says %q, %s says %q", hosts[0].Name, hosts[0].Error, hosts[1].Name, hosts[1].Error)
			}
			w.stop()
			w.start()
		}
		if n := w.sim.Effects() - made; n != 0 {
			t.Errorf("%d ops for a second name:\n%s", n, w.lastEvents())
		}
	})
}

// TestAHostThatLeavesTheManifests gives its replicas away before it is let go,
// also when the controller is another one by then.
func TestAHostThatLeavesTheManifests(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		simulate(t, 2, func(w *world) {
			w.sim.Check(w.safe)
			w.branch.commit(web("web:1", 4))
			w.converge()
			if restarted {
				w.stop()
			}
			w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "web.yaml": serviceManifest("web", "web:1", 4)}))
			if restarted {
				w.start()
			}
			after(time.Minute)
			w.converge()
			for _, c := range w.containers("web") {
				if c.Host != "host-1" {
					t.Errorf("%s still runs on %s", c.Name, c.Host)
				}
			}
			if n := w.healthy("web", "web:1"); n != 4 {
				t.Errorf("%d replicas are healthy, want 4:\n%s", n, w.lastEvents())
			}
		})
	}
}

// TestANewHostHoldsUpNobody registers a host that does not answer: the others
// roll on.
func TestANewHostHoldsUpNobody(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.hosts["host-3"].Inject(sim.Fault{Verb: "observe", Hang: true})
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(3), "web.yaml": serviceManifest("web", "web:2", 2)}))
		after(5 * time.Second)
		if got := w.healthy("web", "web:2"); got != 2 {
			t.Errorf("%d of 2 replicas have rolled while a new host does not answer:\n%s", got, w.describe())
		}
	})
}

// TestAnOldCommitsFailureIsNotTheNewOnes ends an op of an older commit with an
// error that no repetition would mend.
func TestAnOldCommitsFailureIsNotTheNewOnes(t *testing.T) {
	for digest, noted := range map[string]bool{"old": false, "new": true} {
		c, err := New(Config{Journal: &journal{world: sim.NewWorld(1)}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		key := plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: "1"}
		c.effective = &model.Desired{Apps: []model.App{{Name: "shop", Digest: "new"}}}
		c.busy[key] = &task{digest: digest, cancel: func() {}}
		op := model.CreateContainer{Host: "host-1"}
		c.ended(end{task: rollout.Task{Key: key, Ops: []model.Op{op}}, outcome: execute.Outcome{Op: op, Err: &engine.Error{Class: engine.Invalid, Err: errors.New("no")}}})
		if _, got := c.memory.Attempts[key]; got != noted {
			t.Errorf("a failure of the %s commit's op is noted: %v, want %v", digest, got, noted)
		}
	}
}

// TestGitAway takes the repository away: the hosts are held to what was last
// read, and the status says that it may be out of date.
func TestGitAway(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.branch.fail("connection refused")
		after(time.Minute)
		victim := w.containers("web")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if got := w.healthy("web", "web:1"); got != 2 {
			t.Errorf("%d of 2 replicas while Git is away", got)
		}
		s := w.running.Status()
		if s.Sync != report.SyncUnknown || s.SourceError != "" || !strings.Contains(s.FetchError, "connection refused") {
			t.Errorf("sync %s, source error %q, fetch error %q", s.Sync, s.SourceError, s.FetchError)
		}
		w.branch.fail("")
		w.branch.commit(web("web:2", 2))
		w.converge()
	})
}

// TestAnAppThatComesBack is rolled out, also by a controller that was not there
// when it went: a bad one fails, and is not merely healed.
func TestAnAppThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.start()
		defer func() { w.stop() }()
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2), "x/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: x}\nspec: {}\n", "x/x.yaml": serviceManifest("x", "web:1", 1)}))
		after(time.Minute)
		w.converge()
		w.stop()
		if _, kept := w.journal.memory.Records["default"]; kept {
			t.Error("the journal still has the app that is gone")
		}
		w.start()
		w.branch.commit(web("web:1", 2))
		after(time.Minute)
		w.converge()
	})
}

// TestFailureKeepsTheLog looks for the failed container's last words where
// people look for them.
func TestFailureKeepsTheLog(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.branch.commit(web("web:2", 2, `environment: {FAIL: exit, EXIT_CODE: "3"}`))
		after(2 * time.Minute)
		for _, r := range w.journal.history {
			if (r.Phase == rollout.Failed) != (r.Log != "") {
				t.Errorf("the record of the %s rollout has the log lines %q", r.Phase, r.Log)
			}
		}
	})
}
