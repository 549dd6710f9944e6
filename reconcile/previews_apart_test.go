package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// mischief are commits of pull requests, of which hardly one is good.
func mischief(r *rand.Rand) fstest.MapFS {
	web := func(extra ...string) fstest.MapFS { return shop("web:2", "web:2", extra...) }
	all := []func() fstest.MapFS{
		func() fstest.MapFS { return web(broken) },
		func() fstest.MapFS { return web("nonsense: [") },
		func() fstest.MapFS { return tree(map[string]string{"readme": "no manifests"}) },
		func() fstest.MapFS { return shop("none:1", "web:1") },
		func() fstest.MapFS { return web("privileged: true") },
		func() fstest.MapFS { return web("mounts: [{bind: /, path: /host}]") },
		func() fstest.MapFS { return web("ports: [{port: 80, published: 8080}]") },
		func() fstest.MapFS { return web("priority: 1000", "mode: global", "onHostLoss: move") },
		func() fstest.MapFS { return web("resources: {reservations: {memory: 900GiB}}") },
		func() fstest.MapFS { return edited(web(), "shop/app.yaml", "shop", "blog2") },
		func() fstest.MapFS {
			return edited(web(), "shop/app.yaml", "spec: {}", "spec: {sync: {auto: false}, dependsOn: [blog]}")
		},
		func() fstest.MapFS { return edited(web(), "shop/data.yaml", "spec: {}", "spec: {protect: true}") },
		func() fstest.MapFS { t := web(); delete(t, "hosts.yaml"); delete(t, "blog/blog.yaml"); return t },
	}
	return all[r.IntN(len(all))]()
}

// TestNothingOfAPullRequestReachesAnythingElse: whatever pull requests hold, come and
// go, no call on any host names what is the real apps', nor what is another preview's
// that is good, through restarts, unreadable commits and new commits of the branch.
func TestNothingOfAPullRequestReachesAnythingElse(t *testing.T) {
	for seed := range uint64(25) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t, 2)
			w.start()
			defer func() { w.stop() }()
			w.branch.commit(previewed("ttl: 20h, max: 3, overrides: {replicas: 1}"))
			w.converge()
			good := w.pull(1, "good", shop("web:3", "web:3"))
			w.running.SetPreviews([]Preview{good})
			w.reach("good preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
			real, theirs, calls := w.untouched(), w.containersOf("shop-pr-1"), len(w.sim.Calls())
			for n := range 8 {
				list := []Preview{good}
				for number := 2; number <= 5; number++ {
					switch id := fmt.Sprintf("%d-%d", number, n); r.IntN(4) {
					case 0:
					case 1:
						list = append(list, Preview{App: "shop", Number: number, Head: "missing"})
					default:
						list = append(list, w.pull(number, id, mischief(r)))
					}
				}
				w.running.SetPreviews(list)
				after(time.Duration(r.IntN(180)) * time.Second)
				if r.IntN(3) == 0 {
					w.stop()
					w.start()
				}
				if r.IntN(3) == 0 {
					w.branch.commit(previewed("ttl: 20h, max: 3, overrides: {replicas: 1}"))
				}
			}
			w.converge()
			if got := w.untouched(); got != real {
				t.Errorf("seed %d: the real apps were\n%s\nand are\n%s", seed, real, got)
			}
			if got := w.containersOf("shop-pr-1"); got != theirs {
				t.Errorf("seed %d: the good preview was %s and is %s", seed, theirs, got)
			}
			w.running.SetPreviews(nil)
			w.reach("end of all", func(report.Status) bool { return w.previewsLeft() == "" })
			for _, call := range w.sim.Calls()[calls:] {
				if app := appOf(call); app != "" && !strings.Contains(app, "-pr-") {
					t.Errorf("seed %d: %s on %s is about app %s", seed, model.Verb(call.Op), call.Host, app)
				}
			}
		})
	}
}

// appOf is the app that an op which makes or removes something is about, as far as
// it tells.
func appOf(call sim.Call) string {
	switch op := call.Op.(type) {
	case model.CreateContainer:
		return op.Owner.App
	case model.CreateNetwork:
		return op.Owner.App
	case model.CreateVolume:
		return op.Owner.App
	case model.RemoveVolume:
		return op.Owner.App
	case model.RemoveNetwork:
		return op.Name
	case interface{ Container() string }:
		return op.Container()
	}
	return ""
}

func (w *world) containersOf(app string) string {
	var ids []string
	for _, c := range w.of(app) {
		ids = append(ids, c.ID)
	}
	return fmt.Sprint(ids)
}

// previewsLeft is what is on the hosts of any preview.
func (w *world) previewsLeft() string {
	var left []string
	for n := 1; n <= 5; n++ {
		app := fmt.Sprintf("shop-pr-%d", n)
		left = append(left, w.things(app)...)
		for _, c := range w.of(app) {
			left = append(left, c.Name)
		}
	}
	return strings.Join(left, " ")
}

// TestACommitThatCantRunLeavesTheLastOneThatCould, and says why, also after a restart;
// a first one that can't runs nothing.
func TestACommitThatCantRunLeavesTheLastOneThatCould(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(1, "a1", shop("web:2", "web:2")), w.pull(2, "b1", shop("web:2", "web:2", "privileged: true"))})
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 2 && s.Previews[0].Health == report.Healthy })
		if p := w.preview("shop-pr-2"); p.State != preview.Refused || !strings.Contains(p.Reason, `service "web" is privileged`) {
			t.Errorf("it is %s: %s", p.State, p.Reason)
		}
		w.running.SetPreviews([]Preview{w.pull(1, "a2", shop("web:2", "web:2", "nonsense: 1"))})
		after(time.Minute)
		w.stop()
		w.start()
		after(time.Minute)
		victim := w.of("shop-pr-1")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		w.reach("healing", func(report.Status) bool { return len(w.of("shop-pr-1")) == 2 })
		if p := w.preview("shop-pr-1"); p.State != preview.Running || p.Revision != "a1" || !strings.Contains(p.Reason, "commit a2 is not run: ") || !strings.Contains(p.Reason, "nonsense") {
			t.Errorf("it is %s at %s: %s", p.State, p.Revision, p.Reason)
		}
		if n := len(w.of("shop-pr-2")); n != 0 {
			t.Errorf("%d containers of one that is refused", n)
		}
	})
}

// TestPreviewsEndWithTheirRules: when a secret is no longer for them, those that run
// end and find their volumes again; when the branch wants none any more, all goes.
func TestPreviewsEndWithTheirRules(t *testing.T) {
	simulate(t, 2, func(w *world) {
		key := newKey(t)
		w.ageKeys.Store(key.String())
		secret := fmt.Sprintf("apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: db}\nspec:\n  age:\n    url: |\n      %s\n", sealed(t, "hush-1", key))
		with := func(rules, image string) fstest.MapFS {
			f := shop(image, "web:1", "environment: {URL: {secret: db, key: url}}")
			f = edited(f, "shop/app.yaml", "spec: {}", "spec: {previews: {"+rules+"}}")
			f["shop/secret.yaml"] = &fstest.MapFile{Data: []byte(secret), Mode: 0o644}
			return f
		}
		w.branch.commit(with("secrets: [db]", "web:1"))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(1, "a1", with("secrets: [db]", "web:2"))})
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		data := w.volumes("shop-pr-1")
		w.branch.commit(with("secrets: []", "web:1"))
		w.reach("end", func(report.Status) bool { return len(w.of("shop-pr-1")) == 0 })
		after(5 * time.Minute)
		if got := w.volumes("shop-pr-1"); got != data || data == "" {
			t.Errorf("its volumes were %q and are %q", data, got)
		}
		if p := w.preview("shop-pr-1"); p.State != preview.Refused || !strings.Contains(p.Reason, `uses secret "db"`) {
			t.Errorf("it is %s: %s", p.State, p.Reason)
		}
		w.branch.commit(with("secrets: [db]", "web:1"))
		w.reach("return", func(report.Status) bool { return len(w.of("shop-pr-1")) == 4 })
		w.branch.commit(shop("web:1", "web:1"))
		w.reach("end", func(report.Status) bool { return w.previewsLeft() == "" })
		w.silent("hush-")
	})
}

// TestEverythingElseGoesBeforePreviews: they make room where a real replica fits
// nowhere.
func TestEverythingElseGoesBeforePreviews(t *testing.T) {
	const size = "resources: {reservations: {memory: 6GiB}}"
	simulate(t, 1, func(w *world) {
		real := func(blogs int) fstest.MapFS {
			f := previewed("overrides: {replicas: 1}")
			f["hosts.yaml"] = &fstest.MapFile{Data: []byte(hostManifests(1)), Mode: 0o644}
			f["blog/blog.yaml"] = &fstest.MapFile{Data: []byte(serviceManifest("blog", "web:1", blogs, size)), Mode: 0o644}
			return f
		}
		w.branch.commit(real(1))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(1, "a1", shop("web:2", "web:2", size))})
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		w.branch.commit(real(2))
		w.converge()
		if n := w.healthy("blog", "web:1"); n != 2 {
			t.Errorf("%d replicas of the real app run", n)
		}
		if n := len(w.of("shop-pr-1")); n != 1 {
			t.Errorf("%d containers of the preview are left, want its database alone", n)
		}
		s := w.running.Status()
		if got := report.OutcomeOf(&s); got != report.Converged {
			t.Errorf("the branch's outcome is %s", got)
		}
	}, sim.Info(model.HostInfo{NanoCPUs: 4e9, Memory: 16 << 30, Arch: "amd64", OS: "linux"}))
}

// TestAPreviewHoldsUpNoEnd: what has gone from the branch goes, though a preview is on
// its way for long.
func TestAPreviewHoldsUpNoEnd(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		slow := edited(shop("web:2", "web:2", "environment: {START_DELAY: 50s}"), "shop/web.yaml", "retries: 2", "retries: 2, startPeriod: 2m")
		w.running.SetPreviews([]Preview{w.pull(1, "a1", slow)})
		after(10 * time.Second)
		without := previewed("overrides: {replicas: 1}")
		delete(without, "blog/app.yaml")
		delete(without, "blog/blog.yaml")
		w.branch.commit(without)
		after(30 * time.Second)
		if p := w.preview("shop-pr-1"); p.Health == report.Healthy {
			t.Fatalf("the preview is %s already", p.Health)
		}
		if n := len(w.containers("blog")); n != 0 {
			t.Errorf("%d containers of the app that has gone are left", n)
		}
	})
}

// TestWhatIsOrderedOfAPreviewEndsWithIt: it may be paused, and closing it ends that
// too.
func TestWhatIsOrderedOfAPreviewEndsWithIt(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(1, "a1", shop("web:2", "web:2"))})
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		w.order(rollout.Order{App: "shop-pr-1", Verb: rollout.VerbPause, By: "ada"})
		w.running.SetPreviews([]Preview{w.pull(1, "a2", shop("web:3", "web:3"))})
		after(5 * time.Minute)
		if n := w.healthy("web", "web:3"); n != 0 {
			t.Errorf("%d replicas of a paused preview were replaced", n)
		}
		w.running.SetPreviews(nil)
		w.reach("end", func(report.Status) bool { return w.previewsLeft() == "" })
		after(time.Minute)
		if r, kept := w.running.memory.Standings["shop-pr-1"]; kept {
			t.Errorf("there is still remembered of it: %+v", r)
		}
	})
}

// TestApplyLeavesPreviewsAlone: it is about the branch, and does not know which there
// are.
func TestApplyLeavesPreviewsAlone(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(1, "a1", shop("web:2", "web:2"))})
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		ids, record := w.containersOf("shop-pr-1"), w.journal.memory.Records["shop-pr-1"]
		w.stop()
		w.manual = true
		w.start()
		w.converge()
		after(time.Minute)
		if got := w.containersOf("shop-pr-1"); got != ids {
			t.Errorf("its containers were %s and are %s", ids, got)
		}
		if got := w.journal.memory.Records["shop-pr-1"]; got.Gone || got.Revision != record.Revision {
			t.Errorf("the journal has %+v", got)
		}
	})
}

// TestThePoliciesOfTheBranchCount, and not those of the pull request.
func TestThePoliciesOfTheBranchCount(t *testing.T) {
	simulate(t, 2, func(w *world) {
		held := previewed("overrides: {replicas: 1}")
		held["policy.yaml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(strings.ReplaceAll(noPrivileged, "!c.privileged", "!c.image.startsWith('web:3')"), "no-privileged", "no-threes")), Mode: 0o644}
		w.branch.commit(held)
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(1, "a1", shop("web:3", "web:1")), w.pull(2, "b1", shop("web:2", "web:3"))})
		w.reach("the good one", func(s report.Status) bool { return len(s.Previews) == 2 && s.Previews[1].Health == report.Healthy })
		if p := w.preview("shop-pr-1"); p.State != preview.Refused || !strings.Contains(p.Reason, "no-threes") || strings.Contains(p.Reason, "\n") {
			t.Errorf("it is %s: %s", p.State, p.Reason)
		}
	})
}
