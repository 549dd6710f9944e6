package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// exits is the environment of a program that ends by itself.
func exits(code int, after string) string {
	return fmt.Sprintf(`environment: {FAIL: exit, EXIT_CODE: "%d", EXIT_AFTER: %s}`, code, after)
}

func jobManifest(name, image string, lines ...string) string {
	all := []string{"apiVersion: tallyman/v1", "kind: Job", "metadata: {name: " + name + "}", "spec:", "  image: " + image, "  pull: never"}
	for _, line := range lines {
		all = append(all, "  "+line)
	}
	return strings.Join(all, "\n") + "\n"
}

// withJobs is an app with a web front at an image, and jobs.
func withJobs(web string, docs ...string) fstest.MapFS {
	return tree(map[string]string{
		"hosts.yaml":     hostManifests(2),
		"shop/app.yaml":  "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {}\n",
		"shop/web.yaml":  serviceManifest("web", web, 2),
		"shop/jobs.yaml": strings.Join(docs, "---\n"),
	})
}

// runsOf are the containers of a job, oldest first.
func (w *world) runsOf(job string) []model.Container {
	var out []model.Container
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.Job == job {
				out = append(out, c)
			}
		}
	}
	slices.SortFunc(out, func(a, b model.Container) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return out
}

// created counts how many containers of a job were ever made.
func (w *world) created(job string) int {
	n := 0
	for _, call := range w.sim.Calls() {
		if c, ok := call.Op.(model.CreateContainer); ok && c.Owner.Job == job {
			n++
		}
	}
	return n
}

// history is what is remembered of a job.
func (w *world) history(job string) jobs.History {
	memory := w.running.memory.Standings["shop"].Jobs
	if memory == nil {
		return jobs.History{}
	}
	return (*memory)[job]
}

func migration(image string, code int) string {
	return jobManifest("migrate", image, "when: preDeploy", "backoffLimit: 1", exits(code, "5s"))
}

// TestAMigrationRunsOncePerChange and before anything else is touched; neither
// another controller nor a revert runs it again.
func TestAMigrationRunsOncePerChange(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", migration("web:1", 0)))
		w.converge()
		if n := w.created("migrate"); n != 1 {
			t.Fatalf("%d runs for the first commit, want 1", n)
		}
		w.branch.commit(withJobs("web:2", migration("web:2", 0)))
		after(3 * time.Second)
		if n := w.healthy("web", "web:1"); n != 2 {
			t.Errorf("%d of 2 old replicas while the migration runs", n)
		}
		if a := w.app("shop"); a.Phase != rollout.Progressing {
			t.Errorf("the app is %s while the migration runs", a.Phase)
		}
		w.converge()
		w.stop()
		w.start()
		w.branch.commit(withJobs("web:1", migration("web:1", 0)))
		w.converge()
		after(time.Hour)
		if n := w.created("migrate"); n != 2 {
			t.Errorf("%d runs for two different commits and a revert, want 2:\n%s", n, w.lastEvents())
		}
	})
}

// TestAFailedMigrationTouchesNothing, is tried again within its limit, and holds
// the commit. Going back does not run the migration of before.
func TestAFailedMigrationTouchesNothing(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", migration("web:1", 0)))
		w.converge()
		before := w.containers("web")
		w.branch.commit(withJobs("web:2", migration("web:2", 3)))
		after(20 * time.Minute)
		a := w.app("shop")
		if a.Held == nil || a.Hold == nil || !strings.Contains(a.Hold.Reason, "job migrate on host-") || !strings.Contains(a.Hold.Reason, "exited with code 3, after 2 tries") {
			t.Errorf("the app is %s, held %v, hold %+v", a.Phase, a.Held, a.Hold)
		}
		if n := w.created("migrate"); n != 3 {
			t.Errorf("%d containers of the job, want one that worked and 2 tries", n)
		}
		if now := w.containers("web"); !slices.EqualFunc(before, now, func(a, b model.Container) bool { return a.ID == b.ID }) {
			t.Errorf("replicas were replaced although the migration failed")
		}
		if a.Health != report.Healthy {
			t.Errorf("the app is %s", a.Health)
		}
		w.branch.commit(withJobs("web:2", migration("web:2", 0)))
		w.converge()
		if n := w.healthy("web", "web:2"); n != 2 {
			t.Errorf("%d of 2 replicas after a better commit", n)
		}
	})
}

// TestAfterADeployment runs when the services are healthy, and takes the app
// back when it fails.
func TestAfterADeployment(t *testing.T) {
	smoke := func(code int) string {
		return jobManifest("smoke", "web:1", "when: postDeploy", "backoffLimit: 0", exits(code, "2s"))
	}
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", smoke(0)))
		w.converge()
		run := w.runsOf("smoke")
		if len(run) != 1 {
			t.Fatalf("%d runs, want 1", len(run))
		}
		for _, c := range w.containers("web") {
			if c.StartedAt.After(run[0].CreatedAt) {
				t.Errorf("%s was started after the job", c.Name)
			}
		}
		w.branch.commit(withJobs("web:2", smoke(4)))
		after(20 * time.Minute)
		if a := w.app("shop"); a.Held == nil || !strings.Contains(a.Reason, "job smoke") {
			t.Errorf("the app is %s and says %q", a.Phase, a.Reason)
		}
		if n := w.healthy("web", "web:1"); n != 2 {
			t.Errorf("%d of 2 replicas are back", n)
		}
	})
}

// TestCrashInMigrations kills the controller at each effect and journal write of
// a commit whose migration works and one whose migration fails.
func TestCrashInMigrations(t *testing.T) {
	for name, code := range map[string]int{"that works": 0, "that fails": 3} {
		t.Run(name, func(t *testing.T) {
			everyCrash(t, func(w *world) string {
				w.start()
				defer func() { w.stop() }()
				w.branch.commit(withJobs("web:1", migration("web:1", 0)))
				w.converge()
				w.branch.commit(withJobs("web:2", migration("web:2", code)))
				w.reach("an end", func(s report.Status) bool {
					if code == 0 {
						return w.settled(s)
					}
					for _, a := range s.Apps {
						if a.Name == "shop" && s.Busy == 0 && a.Held != nil && a.Phase == rollout.Complete && len(s.Changes) == 0 {
							return true
						}
					}
					return false
				})
				succeeded := map[string]int{}
				for _, c := range w.runsOf("migrate") {
					if c.State == model.StateExited && c.ExitCode == 0 {
						succeeded[c.Owner.Run]++
					}
				}
				for run, n := range succeeded {
					if n > 1 {
						w.t.Errorf("run %s has succeeded %d times", run, n)
					}
				}
				return w.endState()
			})
		})
	}
}

func nightly(lines ...string) string {
	return jobManifest("nightly", "web:1", append([]string{"when: schedule", `schedule: "0 3 * * *"`}, lines...)...)
}

// TestAScheduleOverDays with a controller that is away for some of them: at most
// one run makes up for those that were missed, and they are counted.
func TestAScheduleOverDays(t *testing.T) {
	simulate(t, 2, func(w *world) { // it is midnight, UTC
		w.branch.commit(withJobs("web:1", nightly(exits(0, "1m"))))
		w.converge()
		after(3*24*time.Hour - time.Hour)
		if n := w.created("nightly"); n != 3 {
			t.Fatalf("%d runs in three days, want 3", n)
		}
		w.stop()
		time.Sleep(2*24*time.Hour + 12*time.Hour) // day 5, 11:00
		w.start()
		after(30 * time.Minute)
		if n := w.created("nightly"); n != 4 {
			t.Errorf("%d runs after two and a half days away, want one to make up for them", n-3)
		}
		if missed := w.history("nightly").Missed; missed != 2 {
			t.Errorf("%d missed, want 2", missed)
		}
		if !strings.Contains(w.lastEvents(), "missed 2 times") {
			t.Errorf("no event tells of it:\n%s", w.lastEvents())
		}
		w.stop()
		w.start()
		after(12 * time.Hour)
		if n := w.created("nightly"); n != 4 {
			t.Errorf("%d more runs by another controller on the same day", n-4)
		}
		after(24 * time.Hour)
		if n, kept := w.created("nightly"), len(w.runsOf("nightly")); n != 5 || kept != 3 {
			t.Errorf("%d runs in all, %d kept; want 5 and 3", n, kept)
		}
		for _, v := range w.sim.Violations() {
			t.Error(v)
		}
	})
}

// TestALostJournalRepeatsNothing: the last run is read off its container.
func TestALostJournalRepeatsNothing(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", nightly(exits(0, "1m")), migration("web:1", 0)))
		w.converge()
		after(27*time.Hour + 30*time.Minute) // day 2, 03:30
		w.stop()
		w.journal = &journal{world: w.sim}
		w.start()
		after(time.Hour)
		if n, m := w.created("nightly"), w.created("migrate"); n != 2 || m != 1 {
			t.Errorf("%d nightly runs and %d migrations, want 2 and 1", n, m)
		}
		after(24 * time.Hour)
		if n := w.created("nightly"); n != 3 {
			t.Errorf("%d nightly runs, want the next day's", n)
		}
	})
}

// TestAHostThatGoesAway takes a run along: after a minute it is tried elsewhere,
// and when the host comes back, what still runs there is stopped.
func TestAHostThatGoesAway(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", nightly(exits(0, "10m"))))
		w.converge()
		after(3*time.Hour + time.Minute)
		first := w.runsOf("nightly")
		if len(first) != 1 || !first[0].Running() {
			t.Fatalf("runs %+v, want one that runs", first)
		}
		host := w.hosts[first[0].Host]
		host.SetGone(true)
		after(30 * time.Second)
		if n := w.created("nightly"); n != 1 {
			t.Errorf("%d tries half a minute after its host went away", n)
		}
		after(2 * time.Minute)
		all := w.runsOf("nightly")
		if len(all) != 2 || all[1].Host == first[0].Host {
			t.Fatalf("%d tries, want a second one on the other host", len(all))
		}
		host.SetGone(false)
		after(time.Minute)
		if c := w.runsOf("nightly")[0]; c.Running() {
			t.Errorf("the try that was given up runs beside the other")
		}
		after(15 * time.Minute)
		if h := w.history("nightly"); len(h.Runs) != 1 || h.Runs[0].State != jobs.Succeeded {
			t.Errorf("the run has become %+v", h.Runs)
		}
	})
}

// TestRunByHand runs a job that is suspended, once.
func TestRunByHand(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", nightly("suspend: true", exits(0, "1m"))))
		w.converge()
		after(30 * time.Hour)
		if n := w.created("nightly"); n != 0 {
			t.Errorf("%d runs of a suspended job", n)
		}
		for _, c := range []struct{ job, wrong string }{{"nightly", ""}, {"weekly", "no such job"}} {
			err := w.running.Order(t.Context(), rollout.Order{Verb: rollout.VerbRun, App: "shop", Job: c.job, By: "ada"})
			if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("run %s: %v", c.job, err)
			}
		}
		after(time.Hour)
		if n := w.created("nightly"); n != 1 {
			t.Errorf("%d runs by hand, want 1", n)
		}
	})
}

// TestAJobThatGoes takes its containers along.
func TestAJobThatGoes(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(withJobs("web:1", nightly(exits(0, "10h")), migration("web:1", 0)))
		w.converge()
		after(4 * time.Hour)
		w.branch.commit(withJobs("web:1", migration("web:1", 0)))
		w.converge()
		after(time.Minute)
		if n := len(w.runsOf("nightly")); n != 0 {
			t.Errorf("%d containers of a job that has gone", n)
		}
		if n := len(w.runsOf("migrate")); n == 0 {
			t.Errorf("the containers of the other job have gone as well")
		}
	})
}

// TestAMigrationIsNotRepeatedAfterTheWayBack: it has succeeded, the app fails for
// another reason and goes back to before there was a migration, and is then
// tried again.
func TestAMigrationIsNotRepeatedAfterTheWayBack(t *testing.T) {
	simulate(t, 2, func(w *world) {
		before := withJobs("web:1")
		delete(before, "shop/jobs.yaml")
		w.branch.commit(before)
		w.converge()
		files := withJobs("web:2", migration("web:1", 0))
		files["shop/web.yaml"] = &fstest.MapFile{Data: []byte(serviceManifest("web", "web:2", 2, broken)), Mode: 0o644}
		w.branch.commit(files)
		after(10 * time.Minute)
		if a := w.app("shop"); a.Hold == nil || w.created("migrate") != 1 {
			t.Fatalf("hold %+v, and the migration ran %d times", a.Hold, w.created("migrate"))
		}
		w.order(rollout.Order{Verb: rollout.VerbRetry})
		after(10 * time.Minute)
		if n := w.created("migrate"); n != 1 {
			t.Errorf("the migration that had succeeded ran %d times", n)
		}
	})
}
