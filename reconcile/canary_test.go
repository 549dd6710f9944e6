package reconcile

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// careful is app shop with a web front that is rolled with a canary and a delay,
// and a database that is replaced in its place.
func careful(image, promoteAfter string, extra ...string) fstest.MapFS {
	update := "  update: {monitor: 2s, deadline: 1m, delay: 3s, canary: {replicas: 1, promoteAfter: " + promoteAfter + "}}\n"
	t := shop(image, "web:1", extra...)
	text := string(t["shop/web.yaml"].Data)
	before, rest, _ := strings.Cut(text, "  update: ")
	_, after, _ := strings.Cut(rest, "\n")
	t["shop/web.yaml"].Data = []byte(before + update + after)
	return t
}

func TestACanaryWaitsForAPersonAndSaysSo(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(careful("web:1", "manual"))
		w.converge()
		w.branch.commit(careful("web:2", "manual"))
		after(time.Hour)
		a := w.app("shop")
		if want := "canary: 1 of 3 replicas of web on the new revision, waits for `tallyman promote shop`"; a.Reason != want || a.Phase != rollout.Progressing {
			t.Errorf("the app is %s and says %q, want %q", a.Phase, a.Reason, want)
		}
		s := w.running.Status()
		if got := report.OutcomeOf(&s); got != report.Waiting {
			t.Errorf("the outcome is %s", got)
		}
		if old, fresh := w.healthy("web", "web:1"), w.healthy("web", "web:2"); old != 3 || fresh != 1 {
			t.Errorf("%d old and %d new replicas serve", old, fresh)
		}
		w.order(rollout.Order{Verb: rollout.VerbPromote})
		w.converge()
		w.expectOn("web:2")
	})
}

// TestACommitPreEmptsEveryWait: whatever a rollout waits for, the next commit is
// on its way a moment later.
func TestACommitPreEmptsEveryWait(t *testing.T) {
	const never, patient = "environment: {START_DELAY: 10h}", "retries: 2, startPeriod: 20h"
	delayed := "update: {monitor: 2s, deadline: 1h, delay: 1h}"
	for name, waiting := range map[string]fstest.MapFS{
		"canary for a person": careful("web:2", "manual"),
		"canary for a time":   careful("web:2", "24h"),
		"delay":               edited(shop("web:2", "web:1"), "shop/web.yaml", "update: {parallelism: 1, monitor: 2s, deadline: 1m}", delayed),
		"deadline":            edited(shop("web:2", "web:1", never), "shop/web.yaml", "retries: 2", patient),
		"dependency":          edited(edited(shop("web:2", "web:1"), "shop/db.yaml", "replicas: 1", "replicas: 1\n  "+never), "shop/db.yaml", "retries: 2", patient),
		"monitor":             edited(shop("web:2", "web:1"), "shop/web.yaml", "monitor: 2s", "monitor: 24h"),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.branch.commit(shop("web:1", "web:1"))
				w.converge()
				w.branch.commit(waiting)
				after(20 * time.Second)
				if a := w.app("shop"); a.Phase != rollout.Progressing {
					t.Fatalf("the app is %s and does not wait: %s", a.Phase, a.Reason)
				}
				began := time.Now()
				w.branch.commit(shop("web:3", "web:1"))
				w.converge()
				if took := time.Since(began); took > 2*time.Minute {
					t.Errorf("the next commit took %s", took)
				}
				w.expectOn("web:3")
			})
		})
	}
}

// TestACommitPreEmptsAPullThatHangs, on every host.
func TestACommitPreEmptsAPullThatHangs(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		for _, h := range w.hosts {
			h.Inject(sim.Fault{Verb: "pull", Hang: true})
		}
		pulled := edited(shop("web:2", "web:1"), "shop/web.yaml", "image: web:2", "image: web:9")
		w.branch.commit(edited(pulled, "shop/web.yaml", "pull: never", "pull: missing"))
		after(20 * time.Second)
		if s := w.running.Status(); s.Busy == 0 {
			t.Fatalf("nothing hangs:\n%s", w.describe())
		}
		began := time.Now()
		w.branch.commit(shop("web:3", "web:1"))
		w.converge()
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("the next commit took %s", took)
		}
		w.expectOn("web:3")
	})
}

// edited is a commit with something else in one of its files.
func edited(t fstest.MapFS, file, old, new string) fstest.MapFS {
	text := strings.Replace(string(t[file].Data), old, new, 1)
	if text == string(t[file].Data) {
		panic("nothing to replace in " + file)
	}
	t[file].Data = []byte(text)
	return t
}

// TestPathIndependenceWithCanaryAndDelay: S0→S1→S2→S1, some of it cut short, ends
// like S1 alone.
func TestPathIndependenceWithCanaryAndDelay(t *testing.T) {
	s0, s1, s2 := shop("web:1", "web:1"), careful("web:2", "10s"), careful("web:3", "10s")
	end := func(pause time.Duration, states ...fstest.MapFS) (state string) {
		simulate(t, 2, func(w *world) {
			for _, s := range states {
				w.branch.commit(s)
				after(pause)
			}
			w.converge()
			state = strings.Join(w.inShop(), "\n")
		})
		return state
	}
	want := end(0, s1)
	for _, pause := range []time.Duration{500 * time.Millisecond, 4 * time.Second, 8 * time.Second, 17 * time.Second, 5 * time.Minute} {
		if got := end(pause, s0, s1, s2, s1); got != want {
			t.Errorf("with %s between the commits the walk ends\n%s\nwant\n%s", pause, got, want)
		}
	}
}

// inShop is what is there of app shop, wherever it is.
func (w *world) inShop() []string {
	counts := map[string]int{}
	for _, name := range []string{"web", "db"} {
		for _, c := range w.containers(name) {
			counts[name+"-"+c.Owner.Slot+" "+string(c.State)+" "+c.Owner.Fingerprint]++
		}
	}
	return lines(counts)
}

// TestCrashWithCanaryAndDelay kills the controller after each effect and each
// journal write of a rollout that waits between replicas and for a promotion.
func TestCrashWithCanaryAndDelay(t *testing.T) {
	everyCrash(t, func(w *world) string {
		return w.live([]fstest.MapFS{careful("web:1", "10s"), careful("web:2", "10s")})
	})
}

// partly is a commit of which one service fails, while another goes on with
// canary and delay.
func partly(image string, extra ...string) fstest.MapFS {
	t := careful(image, "10s")
	t["shop/app.yaml"].Data = []byte("apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {onFailure: continue}\n")
	t["shop/api.yaml"] = &fstest.MapFile{Data: []byte(serviceManifest("api", image, 2, extra...)), Mode: 0o644}
	t["shop/last.yaml"] = &fstest.MapFile{Data: []byte(serviceManifest("last", image, 1, "dependsOn: [api]")), Mode: 0o644}
	return t
}

// TestCrashWhileOneServiceFailsAndOthersGoOn kills the controller after each
// effect and each journal write of such a life.
func TestCrashWhileOneServiceFailsAndOthersGoOn(t *testing.T) {
	everyCrash(t, func(w *world) string {
		w.sim.Check(w.safe)
		w.start()
		defer func() { w.stop() }()
		w.branch.commit(partly("web:1"))
		w.converge()
		w.branch.commit(partly("web:2", broken))
		w.reach("failed rollout", func(s report.Status) bool {
			i := slices.IndexFunc(s.Apps, func(a report.App) bool { return a.Name == "shop" })
			return i >= 0 && s.Apps[i].Phase == rollout.Failed && s.Busy == 0
		})
		after(time.Minute)
		a := w.app("shop")
		if !strings.HasPrefix(a.Reason, "shop/api-") || !strings.Contains(a.Reason, "exited with code 3") {
			w.t.Errorf("failed because %q", a.Reason)
		}
		if api, last, web := w.healthy("api", "web:1"), w.healthy("last", "web:1"), w.healthy("web", "web:2"); api != 2 || last != 1 || web != 3 {
			w.t.Errorf("%d old of api, %d old of last, %d new of web serve", api, last, web)
		}
		for _, v := range w.sim.Violations() {
			w.t.Error(v)
		}
		return w.endState()
	})
}
