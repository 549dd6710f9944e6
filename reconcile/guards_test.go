package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// withDB is a commit with a web and, if lines say how, a db.
func withDB(replicas int, lines ...string) fstest.MapFS {
	files := map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": serviceManifest("web", "web:1", 1)}
	if replicas > 0 {
		files["db.yaml"] = serviceManifest("db", "web:1", replicas, lines...)
	}
	return tree(files)
}

// TestOrphansAreLetGoOf through restarts and the loss of the journal: the
// container neither goes nor is healed, and is taken back when it is declared.
func TestOrphansAreLetGoOf(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withDB(1, "deletionPolicy: orphan"))
		w.converge()
		id := w.containers("db")[0].ID
		w.branch.commit(withDB(0))
		s := w.converge()
		if len(s.Orphaned) != 1 || s.Orphaned[0].Key.String() != "default/db-1" {
			t.Errorf("the status says of orphans %+v", s.Orphaned)
		}
		w.stop()
		w.journal.memory = Memory{}
		w.start()
		w.converge()
		after(10 * time.Minute)
		if got := w.containers("db"); len(got) != 1 || got[0].ID != id {
			t.Fatalf("the orphan is %+v", got)
		}
		w.branch.commit(withDB(1, "deletionPolicy: delete"))
		w.converge()
		if got := w.containers("db"); len(got) != 1 || got[0].ID != id {
			t.Errorf("it was made anew: %+v", got)
		}
		w.branch.commit(withDB(0))
		w.converge()
		if got := w.containers("db"); len(got) != 0 {
			t.Errorf("its policy is delete now, and it is left: %+v", got)
		}
	})
}

// TestAnOrphanedAppStays: the policy of the app is that of its services, and is
// remembered when both have gone.
func TestAnOrphanedAppStays(t *testing.T) {
	simulate(t, 1, func(w *world) {
		files := map[string]string{"hosts.yaml": hostManifests(1), "shop/web.yaml": serviceManifest("web", "web:1", 2)}
		app := "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {deletionPolicy: %s}\n"
		files["shop/app.yaml"] = fmt.Sprintf(app, "delete")
		w.branch.commit(tree(files))
		w.converge()
		files["shop/app.yaml"] = fmt.Sprintf(app, "orphan")
		w.branch.commit(tree(files))
		w.converge()
		effects := w.sim.Effects()
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1)}))
		w.converge()
		w.stop()
		w.start()
		w.converge()
		if got := len(w.containers("web")); got != 2 || w.sim.Effects() != effects {
			t.Errorf("%d replicas are left, want 2; %d ops, want none", got, w.sim.Effects()-effects)
		}
	})
}

// TestProtectedServicesStay until an earlier commit has taken the protection
// away, or a person allows it; also when the controller was away meanwhile and
// has lost its journal.
func TestProtectedServicesStay(t *testing.T) {
	for name, allow := range map[string]func(w *world){
		"a commit before takes it away": func(w *world) {
			w.branch.commit(withDB(1))
			w.converge()
			w.branch.commit(withDB(0))
		},
		"a person allows it": func(w *world) {
			if err := w.running.Apply(w.t.Context(), true); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.branch.commit(withDB(1, "protect: true"))
				w.converge()
				w.stop()
				w.journal.memory = Memory{}
				w.branch.commit(withDB(0))
				w.start()
				after(10 * time.Minute)
				s := w.running.Status()
				if len(w.containers("db")) != 1 || len(s.Changes) != 1 || s.Changes[0].HeldBy != plan.HeldByProtect {
					t.Fatalf("want db held, got %+v", s.Changes)
				}
				if got := report.OutcomeOf(&s); got != report.Incomplete {
					t.Errorf("an apply would end as %s, want incomplete", got)
				}
				allow(w)
				w.converge()
				if got := len(w.containers("db")); got != 0 {
					t.Errorf("%d containers of db are left", got)
				}
			})
		})
	}
}

// TestACommitAllowsItsRemovals by its trailer, and no later one's.
func TestACommitAllowsItsRemovals(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withDB(11))
		w.converge()
		w.branch.commitWith("Drop the database\n\nTallyman-Allow-Removals: 10", withDB(0))
		after(time.Minute)
		if got := len(w.containers("db")); got != 11 {
			t.Fatalf("the commit allows 10 of 11 and %d are left", got)
		}
		p := w.running.Plan()
		if !strings.Contains(p.String(), model.TrailerAllowRemovals+": 11") {
			t.Errorf("does not say what to write:\n%s", p.String())
		}
		w.branch.commitWith("Drop the database\n\nReally.\n\ntallyman-allow-removals: 11\nSigned-off-by: Ada", withDB(0))
		w.converge()
		if got := len(w.containers("db")); got != 0 {
			t.Errorf("%d are left", got)
		}
		w.branch.commit(withDB(11))
		w.converge()
		w.branch.commit(withDB(0))
		after(time.Minute)
		if got := len(w.containers("db")); got != 11 {
			t.Errorf("an earlier commit's trailer let them go, %d are left", got)
		}
	})
}

// TestGuardsOutliveTheirApp: of an orphan on a host that is away nothing is in
// sight, and its app is forgotten; when it is back, it is still let go of. What
// the labels say is older.
func TestGuardsOutliveTheirApp(t *testing.T) {
	simulate(t, 2, func(w *world) {
		files := func(hosts int, policy string) fstest.MapFS {
			all := map[string]string{"hosts.yaml": hostManifests(hosts)}
			if policy != "" {
				all["shop/app.yaml"] = "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\n"
				all["shop/db.yaml"] = serviceManifest("db", "web:1", 1, `placement: {constraints: ["host.name == host-2"]}`, "deletionPolicy: "+policy)
			}
			return tree(all)
		}
		w.branch.commit(files(2, "delete"))
		w.converge()
		w.branch.commit(files(2, "orphan"))
		w.converge()
		after(time.Second)
		w.hosts["host-2"].SetGone(true)
		w.branch.commit(files(1, ""))
		after(10 * time.Minute)
		w.stop()
		w.start()
		after(10 * time.Minute)
		w.hosts["host-2"].SetGone(false)
		w.branch.commit(files(2, ""))
		w.converge()
		after(10 * time.Minute)
		if got := len(w.containers("db")); got != 1 {
			t.Errorf("%d containers of db are left, want the orphan:\n%s", got, w.lastEvents())
		}
	})
}

// TestAnOrphansPortIsTaken: what wants it waits and says for what, instead of
// waiting for the orphan to go.
func TestAnOrphansPortIsTaken(t *testing.T) {
	simulate(t, 1, func(w *world) {
		commit := func(name string) {
			w.branch.commit(tree(map[string]string{
				"hosts.yaml": hostManifests(1), "service.yaml": serviceManifest(name, "web:1", 1, "ports: [{port: 80, published: 80}]", "deletionPolicy: orphan"),
			}))
		}
		commit("old")
		w.converge()
		commit("new")
		after(time.Minute)
		p := w.running.Plan()
		if got := p.String(); !strings.Contains(got, `port 80/tcp taken by "default-old-1-`) || len(w.containers("new")) != 0 {
			t.Errorf("does not say what is in the way:\n%s", got)
		}
	})
}
