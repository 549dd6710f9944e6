package reconcile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// TestProposalsComeTrue holds what is said of a proposal against what the
// controller does once it is merged, on hosts with drift.
func TestProposalsComeTrue(t *testing.T) {
	base := files{
		"hosts.yaml": hostManifests(3), "shop/app.yaml": appShop, "shop/web.yaml": serviceManifest("web", "web:1", 5),
		"shop/api.yaml": serviceManifest("api", "web:1", 4), "shop/old.yaml": serviceManifest("old", "web:1", 2),
		"shop/each.yaml": strings.Replace(serviceManifest("each", "web:1", 1), "replicas: 1", "mode: global", 1),
	}
	for name, changes := range map[string]files{
		"an image and a removal": {"shop/api.yaml": serviceManifest("api", "web:2", 4), "shop/old.yaml": ""},
		"more and fewer":         {"shop/web.yaml": serviceManifest("web", "web:1", 8), "shop/api.yaml": serviceManifest("api", "web:1", 1)},
		"a host's end":           {"hosts.yaml": hostManifests(2)},
		"another app":            {"blog/app.yaml": strings.Replace(appShop, "shop", "blog", 1), "blog/site.yaml": serviceManifest("site", "web:3", 3)},
		"a network of its own":   {"shop/front.yaml": "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n", "shop/api.yaml": serviceManifest("api", "web:1", 4, "networks: [front]")},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 3, func(w *world) {
				w.branch.commit(tree(base))
				w.converge()
				w.running.mu.Lock()
				live := w.running.observed()
				view := w.running.view(time.Now(), w.running.memory.Clone())
				w.running.mu.Unlock()
				before := w.bySlot()
				live.Hosts[0].Containers = slices.Delete(slices.Clone(live.Hosts[0].Containers), 0, 1) // somebody removed it by hand
				view.Live = &live
				p := proposing{view: view}.must(t, base, files(base).with(changes))
				if p.Drift.Counts.Create != 1 || len(p.Unknown) > 0 {
					t.Errorf("the drift is %+v, and %q unknown", p.Drift, p.Unknown)
				}
				w.branch.commit(tree(files(base).with(changes)))
				w.converge()
				after := w.bySlot()
				var want proposal.Counts
				for slot, id := range after {
					switch was, there := before[slot]; {
					case !there:
						want.Create++
					case was != id:
						want.Replace++
					}
				}
				for slot := range before {
					if _, there := after[slot]; !there {
						want.Remove++
					}
				}
				got := proposal.Counts{}
				for _, a := range p.Apps {
					for _, c := range a.Effects {
						if c.Key.Kind == plan.KindReplica {
							got.Add(&c)
						}
					}
				}
				if got != want {
					t.Errorf("it was said\n%s\nand it was %+v", told(p), want)
				}
			})
		})
	}
}

// TestProposalsKnowOpenedSecrets: what runs with a secret is as the base says, and
// a proposal that leaves the secret alone changes none of it.
func TestProposalsKnowOpenedSecrets(t *testing.T) {
	simulate(t, 1, func(w *world) {
		mine, theirs := newKey(t), newKey(t)
		w.ageKeys.Store(mine.String())
		secret := func(value string, key *age.X25519Identity) string {
			return "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: db}\nspec:\n  age:\n    url: |\n      " + sealed(t, value, key) + "\n"
		}
		base := files{
			"hosts.yaml": hostManifests(1), "db.yaml": secret("postgres://canary", mine),
			"web.yaml": serviceManifest("web", "web:1", 2, "environment: {URL: {secret: db, key: url}}"),
		}
		w.branch.commit(tree(base))
		w.converge()
		w.running.mu.Lock()
		live, view := w.running.observed(), w.running.view(time.Now(), w.running.memory.Clone())
		w.running.mu.Unlock()
		view.Live = &live
		ask := proposing{view: view, secrets: w.opener()}
		p := ask.must(t, base, base.with(files{"web.yaml": serviceManifest("web", "web:1", 3, "environment: {URL: {secret: db, key: url}}")}))
		if p.Counts != (proposal.Counts{Create: 1}) || len(p.Drift.Apps) > 0 || len(p.Warnings) > 0 {
			t.Errorf("with the secret left alone it is\n%s\ndrift %+v", told(p), p.Drift)
		}
		p = ask.must(t, base, base.with(files{"db.yaml": secret("postgres://canary", theirs)}))
		if got := told(p); p.Counts != (proposal.Counts{Replace: 2}) || !strings.Contains(got, "is written anew, with url") || strings.Contains(got, "canary") {
			t.Errorf("with one that nobody here can open it is\n%s", got)
		}
	})
}

// TestProposalsAreRepeatable: the same question has the same answer to the byte, and
// changes nothing of what it is asked about.
func TestProposalsAreRepeatable(t *testing.T) {
	simulate(t, 3, func(w *world) {
		base := shopFiles().with(files{"hosts.yaml": hostManifests(3), "shop/api.yaml": serviceManifest("api", "web:1", 4)})
		w.branch.commit(tree(base))
		w.converge()
		w.running.mu.Lock()
		live, view := w.running.observed(), w.running.view(time.Now(), w.running.memory.Clone())
		w.running.mu.Unlock()
		view.Live = &live
		before := asJSON(t, []any{live, view.State.Records, view.State.Standings, view.Placed, view.Guards, view.Leaving})
		merged := base.with(files{"hosts.yaml": hostManifests(2), "shop/api.yaml": serviceManifest("api", "web:2", 6), "shop/web.yaml": ""})
		first := asJSON(t, proposing{view: view}.must(t, base, merged))
		for range 3 {
			if again := asJSON(t, proposing{view: view}.must(t, base, merged)); again != first {
				t.Errorf("asked again it is\n%s\nand was\n%s", again, first)
			}
		}
		if after := asJSON(t, []any{live, view.State.Records, view.State.Standings, view.Placed, view.Guards, view.Leaving}); after != before {
			t.Errorf("what it was asked about was\n%s\nand is\n%s", before, after)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// bySlot are the containers of services, by slot.
func (w *world) bySlot() map[string]string {
	out := map[string]string{}
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.Service != "" {
				out[c.Owner.App+"/"+c.Owner.Service+"-"+c.Owner.Slot] = c.ID
			}
		}
	}
	return out
}

// TestSomebodyElsesHostsHaveNoDrift: to whom nothing on the hosts belongs, all that the
// base asks for would be missing.
func TestSomebodyElsesHostsHaveNoDrift(t *testing.T) {
	simulate(t, 1, func(w *world) {
		base := files{"hosts.yaml": hostManifests(1), "web.yaml": serviceManifest("web", "web:1", 2)}
		w.branch.commit(tree(base))
		w.converge()
		w.running.mu.Lock()
		live, view := w.running.observed(), w.running.view(time.Now(), w.running.memory.Clone())
		w.running.mu.Unlock()
		for _, theirs := range []bool{true, false} {
			h := &live.Hosts[0]
			h.Containers = slices.Clone(h.Containers)
			h.Containers = h.Containers[:1]
			if !theirs {
				h.Containers[0].Owner.Owner, h.Networks = "somebody else", nil
			}
			view.Live = &live
			p := proposing{view: view}.must(t, base, base.with(files{"x.md": "words"}))
			if theirs != (p.Drift.Counts.Create == 1) || theirs != (p.Drift.Absent == "") || !p.Drift.Known {
				t.Errorf("with something of theirs there (%t) the drift is %+v", theirs, p.Drift)
			}
		}
	})
}
