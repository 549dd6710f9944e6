package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestRandomWalk takes a world through commits at random, with kills of the
// controller, of containers and of hosts between and during them. It must end
// like a world that only ever saw the last commit.
func TestRandomWalk(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			var last fstest.MapFS
			var got []string
			simulate(t, 2, func(w *world) {
				w.sim.Check(w.safe)
				r := rand.New(rand.NewPCG(seed, 1))
				for range 8 {
					last = randomCommit(r)
					w.branch.commit(last)
					w.disturb(r)
				}
				after(time.Minute) // for the last disturbance to be noticed
				w.converge()
				for _, v := range w.sim.Violations() {
					t.Error(v)
				}
				got = w.summary()
			})
			simulate(t, 2, func(w *world) {
				w.branch.commit(last)
				w.converge()
				if want := w.summary(); strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("seed %d: the walk's end differs from a fresh start's; got\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		})
	}
}

func randomCommit(r *rand.Rand) fstest.MapFS {
	files := map[string]string{"hosts.yaml": hostManifests(2)}
	for _, name := range []string{"a", "b", "c"} {
		if r.IntN(4) == 0 && name != "a" {
			continue
		}
		var extra []string
		if r.IntN(3) == 0 {
			extra = append(extra, `environment: {LOG: debug}`)
		}
		if name == "c" {
			extra = append(extra, "ports: [{port: 80, published: 8080}]")
		}
		files[name+".yaml"] = serviceManifest(name, fmt.Sprintf("web:%d", 1+r.IntN(3)), r.IntN(3), extra...)
	}
	// What the walk breaks by hand in the middle of a rollout is no fault of the
	// commit: going back from it would be right, and another end.
	files["app.yaml"] = "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: default}\nspec: {onFailure: pause}\n"
	return tree(files)
}

// disturb does something unkind, or lets time pass.
func (w *world) disturb(r *rand.Rand) {
	after(time.Duration(r.IntN(20000)) * time.Millisecond)
	host := w.hosts[fmt.Sprintf("host-%d", 1+r.IntN(2))]
	switch r.IntN(5) {
	case 0:
		w.stop()
		w.start()
	case 1:
		host.SetGone(true)
		after(time.Duration(r.IntN(60)) * time.Second)
		host.SetGone(false)
	case 2:
		host.PowerCycle()
	case 3:
		for _, name := range []string{"a", "b", "c"} {
			for _, c := range w.containers(name) {
				if r.IntN(3) == 0 {
					_ = w.hosts[c.Host].Kill(c.ID) // it may not run
				}
			}
		}
	}
}

// summary is the end state without the hosts, which depend on the way.
func (w *world) summary() []string {
	counts := map[string]int{}
	for _, name := range []string{"a", "b", "c"} {
		for _, c := range w.containers(name) {
			counts[fmt.Sprintf("%s-%s %s %s", name, c.Owner.Slot, c.State, c.Owner.Fingerprint)]++
		}
	}
	return lines(counts)
}
