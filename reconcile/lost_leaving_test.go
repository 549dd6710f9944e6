package reconcile

import (
	"strings"
	"testing"
	"time"
)

// TestAHostThatIsBackIsNotLostInTheJournal, also where nothing on it has changed:
// the next controller would give it up at its first missed look.
func TestAHostThatIsBackIsNotLostInTheJournal(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6, "onHostLoss: wait")))
		w.converge()
		warm()
		w.take("host-1")
		after(2 * time.Minute)
		if w.journal.memory.Hosts["host-1"].Lost.IsZero() {
			t.Fatal("the journal does not know that the host is lost")
		}
		w.give("host-1")
		after(time.Minute)
		if at := w.journal.memory.Hosts["host-1"].Lost; !at.IsZero() {
			t.Errorf("the host is back, and the journal has it as lost since %s", at)
		}
	})
}

// TestALeavingHostIsNotLetGoForAHiccup: its exclusive volume is still there, and
// perhaps a container that writes to it.
func TestALeavingHostIsNotLetGoForAHiccup(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.sim.Check(oneHolder)
		w.branch.commit(onThree(dataVolume, holderOf("db", "web:1")))
		w.converge()
		warm()
		home := w.containers("db")[0].Host
		if home != "host-1" {
			t.Fatalf("db is on %s", home)
		}
		without := onThree(dataVolume, holderOf("db", "web:1"))
		without["hosts.yaml"].Data = []byte(strings.ReplaceAll(hostManifests(3), "name: host-1", "name: host-9"))
		w.hosts["host-9"] = w.sim.Host("host-9")
		w.branch.commit(without)
		after(time.Minute)
		w.take(home)
		after(20 * time.Second)
		w.give(home)
		after(5 * time.Minute)
		if live := w.containers("db"); len(live) != 1 || live[0].Host != home {
			t.Errorf("containers %v, want the one on %s", live, home)
		}
		w.wantNoViolations()
	})
}

// TestWhatCanNotLeaveAHostRunsOn: its manifest has gone, and nowhere else is room.
// Later commits that have nothing to do with it go through, as on a drained host.
func TestWhatCanNotLeaveAHostRunsOn(t *testing.T) {
	simulate(t, 2, func(w *world) {
		a := serviceManifest("a", "web:1", 2, "placement: {maxPerHost: 1}")
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2), "a.yaml": a}))
		w.converge()
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "a.yaml": a}))
		after(time.Minute)
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "a.yaml": a, "b.yaml": serviceManifest("b", "web:1", 1)}))
		after(10 * time.Minute)
		if a, b := w.healthy("a", "web:1"), w.healthy("b", "web:1"); a != 2 || b != 1 {
			t.Errorf("%d of 2 replicas of a and %d of 1 of b serve:\n%s", a, b, w.describe())
		}
		if r := w.running.Status().Apps[0]; r.Hold != nil || r.Phase != "complete" {
			t.Errorf("the app is %s, held %v: %s", r.Phase, r.Hold != nil, r.Reason)
		}
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "a.yaml": serviceManifest("a", "web:1", 1, "placement: {maxPerHost: 1}")}))
		after(10 * time.Minute)
		if live := w.containers("a"); len(live) != 1 || live[0].Host != "host-1" {
			t.Errorf("on a host that could be let go is still something: %v", live)
		}
	})
}
