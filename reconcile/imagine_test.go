package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// imagine asks the question of what the controller sees now.
func (w *world) imagine(q whatif.Question) whatif.Simulation {
	w.t.Helper()
	c := w.running
	c.mu.Lock()
	v := c.view(time.Now(), c.memory.Clone())
	c.mu.Unlock()
	r, err := Imagine(v, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// whereabouts are the replicas on hosts that are not away, as "web-1 host-2".
func (w *world) whereabouts() []string {
	var out []string
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if !w.away[h.Name] && c.Running() {
				out = append(out, fmt.Sprintf("%s-%s %s", c.Owner.Service, c.Owner.Slot, h.Name))
			}
		}
	}
	slices.Sort(out)
	return out
}

// imagined is whereabouts after the moves of a result.
func imagined(before []string, r whatif.Simulation) []string {
	out := slices.Clone(before)
	for _, m := range r.Moves {
		name := m.Service + "-" + m.Slot
		out = slices.DeleteFunc(out, func(line string) bool { return strings.HasPrefix(line, name+" ") })
		if m.To != "" {
			out = append(out, name+" "+m.To)
		}
	}
	slices.Sort(out)
	return out
}

// TestWhatIsImaginedComesTrue asks what the loss of each host would lead to, takes
// it away, and holds the answer against what the controller then does.
func TestWhatIsImaginedComesTrue(t *testing.T) {
	for n := 1; n <= 4; n++ {
		lost := fmt.Sprintf("host-%d", n)
		t.Run(lost, func(t *testing.T) {
			simulate(t, 4, func(w *world) {
				w.branch.commit(tree(map[string]string{
					"hosts.yaml": hostManifests(4), "data.yaml": dataVolume, "db.yaml": holderOf("db", "web:1"),
					"web.yaml":  serviceManifest("web", "web:1", 9, "ports: [{port: 8080, published: 80}]", "placement: {maxPerHost: 3}"),
					"api.yaml":  serviceManifest("api", "web:2", 5),
					"each.yaml": strings.Replace(serviceManifest("each", "web:1", 1), "replicas: 1", "mode: global", 1),
				}))
				after(5 * time.Minute) // published ports: web has no more than one per host, and fails
				warm()
				before := w.whereabouts()
				r := w.imagine(whatif.Question{Without: []string{lost}})
				w.take(lost)
				if !slices.ContainsFunc(r.Moves, func(m whatif.Relocation) bool { return m.Service == "each" && m.From == lost && m.To == "" }) {
					t.Errorf("it is not said that the host's replica of each goes with it: %+v", r.Moves)
				}
				before = slices.DeleteFunc(before, func(line string) bool { return strings.HasSuffix(line, " "+lost) })
				after(10 * time.Minute)
				if got, want := imagined(before, r), w.whereabouts(); !slices.Equal(got, want) {
					t.Errorf("it was imagined that there would be\n%s\nand there is\n%s\nmoves %+v", strings.Join(got, "\n"), strings.Join(want, "\n"), r.Moves)
				}
				if len(r.Waits) == 0 {
					t.Error("nothing waits: web has a published port and more replicas than hosts")
				}
			})
		})
	}
}

// TestImaginedMoves: a lost host's replicas move, what has its data there waits
// and is named, the time follows the rate, and an added host takes what did not
// fit before.
func TestImaginedMoves(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(dataVolume, holderOf("db", "web:1"), serviceManifest("web", "web:1", 9, "placement: {maxPerHost: 3}")))
		w.converge()
		home := w.containers("db")[0].Host
		effects := w.sim.Effects()
		r := w.imagine(whatif.Question{Without: []string{home}})
		if len(r.Waits) != 4 || r.Fits() {
			t.Errorf("%d things wait, want 3 of web, for which there is no room, and db: %+v", len(r.Waits), r.Waits)
		}
		if i := slices.IndexFunc(r.Waits, func(x whatif.Wait) bool { return strings.HasSuffix(x.Thing, "/db-1") }); i < 0 || !strings.Contains(r.Waits[i].Why, "waits for host "+home+", which has its volume") {
			t.Errorf("it is not said that db waits for its data: %+v", r.Waits)
		}
		if r.Noticed != 30*time.Second || len(r.Withheld) > 0 {
			t.Errorf("noticed after %s, withheld %v", r.Noticed, r.Withheld)
		}
		added := whatif.Added{Host: model.Host{Name: "new-1", Schedulable: true}, Info: model.HostInfo{NanoCPUs: 8e9}}
		r = w.imagine(whatif.Question{Without: []string{home}, Add: []whatif.Added{added}})
		if len(r.Moves) != 0 {
			t.Errorf("images with pull never are not on a new host, and %+v moved", r.Moves)
		}
		if got := w.sim.Effects(); got != effects {
			t.Errorf("imagining had %d effects", got-effects)
		}
	})
}
