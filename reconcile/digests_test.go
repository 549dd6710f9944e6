package reconcile

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// answers are the simulated world's registry, which says the same of a reference
// all through a revision.
type answers struct {
	world *sim.World
	mu    sync.Mutex
	kept  map[asked]string
}

// asked is a question that is asked once.
type asked struct{ revision, ref, shown string }

func (a *answers) Digest(_ context.Context, q ImageQuestion) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := asked{q.Revision, q.Ref, fmt.Sprintf("%s", [][]byte(q.PullSecrets))}
	if a.kept[key] != "" {
		return a.kept[key], nil
	}
	digest, err := a.world.Digest(q.Ref, q.PullSecrets)
	if err == nil {
		a.kept[key] = digest
	}
	return digest, err
}

// registered is a world whose images come from a registry and are on no host.
func registered(t *testing.T, hosts int, f func(*world)) {
	simulate(t, hosts, func(w *world) {
		for _, h := range w.hosts {
			for _, ref := range []string{"web:1", "web:2", "web:3"} {
				h.RemoveImage(ref)
			}
		}
		w.sim.Publish(sim.TestImage("web:1"), sim.TestImage("web:2"))
		w.stop()
		w.registries = &answers{world: w.sim, kept: map[asked]string{}}
		w.start()
		f(w)
	})
}

// pulled is a service whose image comes from a registry.
func pulled(name, image string, extra ...string) string {
	return strings.Replace(serviceManifest(name, image, 2, extra...), "pull: never", "pull: missing", 1)
}

// apps is a tree with two apps, each with a service of its name.
func apps(web, other string) fstest.MapFS {
	return tree(map[string]string{
		"hosts.yaml":   hostManifests(2),
		"web/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: web}\n", "web/web.yaml": web,
		"other/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: other}\n", "other/other.yaml": other,
	})
}

// runs counts the running replicas of a service that have the image.
func (w *world) runs(service string, image *sim.Image) int {
	w.t.Helper()
	n := w.made(service, image)
	for _, c := range w.containers(service) {
		if c.Running() && c.Image.ID == image.Defaults.ID {
			if _, digest := model.SplitDigest(c.Spec.Image); digest != image.Digest() {
				w.t.Errorf("container %s was made from %q, not by the digest %s", c.Name, c.Spec.Image, image.Digest())
			}
		}
	}
	return n
}

func (w *world) reason(app string) string {
	for _, a := range w.running.Status().Apps {
		if a.Name == app {
			return a.Reason
		}
	}
	return ""
}

func TestAllHostsRunTheDigestThatTheTagHadAtTheCommit(t *testing.T) {
	registered(t, 2, func(w *world) {
		first, next := sim.TestImage("web:1"), moved("web:1")
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		if got := w.runs("web", first); got != 2 {
			t.Errorf("%d of 2 replicas run what the tag meant", got)
		}
		w.sim.Publish(next)
		after(10 * time.Minute)
		w.lose(w.containers("web")[0])
		after(time.Minute)
		if got := w.runs("web", first); got != 2 {
			t.Errorf("healed without a commit, %d of 2 replicas run what the tag meant at the commit", got)
		}
		asked := w.sim.Asked()
		if asked != 2 {
			t.Errorf("asked %d times for 2 references of one commit", asked)
		}
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2", "environment: {A: b}")))
		w.converge()
		if got := w.runs("web", next); got != 2 {
			t.Errorf("after the next commit, %d of 2 replicas run what the tag means since", got)
		}
	})
}

func TestARegistryThatIsDownHoldsBackOnlyTheNewTag(t *testing.T) {
	registered(t, 2, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:1")))
		w.converge()
		w.sim.RegistryDown(true)
		w.branch.commit(apps(pulled("web", "web:2"), pulled("other", "web:1", "environment: {A: b}")))
		after(time.Minute)
		if got := w.runs("web", sim.TestImage("web:1")); got != 2 {
			t.Errorf("%d of 2 replicas of the app with the new tag go on", got)
		}
		if reason := w.reason("web"); !strings.Contains(reason, `"web:2"`) || !strings.Contains(reason, "can't be reached") {
			t.Errorf("the status says %q", reason)
		}
		for _, c := range w.containers("other") {
			if c.Spec.Env["A"] != "b" {
				t.Errorf("the app with the known tag was not rolled: %s has %v", c.Name, c.Spec.Env)
			}
		}
		kept := w.containers("web")[0]
		w.lose(kept)
		after(time.Minute)
		if got := w.runs("web", sim.TestImage("web:1")); got != 2 {
			t.Errorf("%d of 2 replicas after one was lost: what runs must be healed", got)
		}
		w.sim.RegistryDown(false)
		w.converge()
		if got := w.runs("web", sim.TestImage("web:2")); got != 2 {
			t.Errorf("the registry is back: %d of 2 replicas run the new tag", got)
		}
	})
}

func TestANewAppWaitsForItsImage(t *testing.T) {
	registered(t, 2, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:9"), pulled("other", "web:1")))
		after(time.Minute)
		if len(w.containers("web")) != 0 || w.runs("other", sim.TestImage("web:1")) != 2 {
			t.Errorf("web has %d containers, other %d", len(w.containers("web")), len(w.containers("other")))
		}
		if reason := w.reason("web"); !strings.Contains(reason, `"web:9"`) {
			t.Errorf("the status says %q", reason)
		}
		w.sim.Publish(sim.TestImage("web:9"))
		w.converge()
		if got := w.runs("web", sim.TestImage("web:9")); got != 2 {
			t.Errorf("after it was pushed, %d of 2 replicas run", got)
		}
	})
}

// TestAskingGetsRarer counts the questions of an hour without a registry.
func TestAskingGetsRarer(t *testing.T) {
	registered(t, 1, func(w *world) {
		w.sim.RegistryDown(true)
		w.branch.commit(web1("web:2"))
		after(time.Hour)
		if n := w.sim.Asked(); n < 10 || n > 25 {
			t.Errorf("asked %d times in an hour", n)
		}
		reasons, revisions := 0, 0
		for _, e := range w.journal.events {
			switch {
			case e.Kind == "failed" && e.App != "":
				reasons++
			case e.Kind == "revision":
				revisions++
			}
		}
		if reasons != 1 || revisions != 1 {
			t.Errorf("told %d times of one reason, %d times of one revision", reasons, revisions)
		}
		begun := w.sim.Asked()
		w.branch.commit(web1("web:1"))
		after(time.Second)
		if w.sim.Asked() == begun {
			t.Error("a new commit had to wait for the turn of the old one")
		}
		begun = w.sim.Asked()
		after(2 * firstAsk)
		if w.sim.Asked() == begun {
			t.Error("of a new commit the registry is asked as rarely as of the old one")
		}
	})
}

func web1(image string) fstest.MapFS {
	return tree(map[string]string{"hosts.yaml": hostManifests(1), "web.yaml": pulled("web", image)})
}

// TestARecordedDigestGoesBeforeTheRegistry is what a rollback rests on.
func TestARecordedDigestGoesBeforeTheRegistry(t *testing.T) {
	const recorded, now = "sha256:recorded", "sha256:now"
	for _, tc := range []struct {
		name             string
		digest, revision string
		down             bool
		want, unresolved string
	}{
		{"of this revision", recorded, commitOf(0).ID, false, recorded, ""},
		{"of another revision", recorded, "another", false, now, ""},
		{"of another revision, and nobody answers", recorded, "another", true, recorded, ""},
		{"none", "", "", false, now, ""},
		{"none, and nobody answers", "", "", true, "", "nobody answers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &branch{}
			b.commit(web1("web:1"))
			d, err := Build(t.Context(), b, manifest.NewLoader(manifest.Options{}), BuildOptions{
				Commit: commitOf(0), Path: ".", Owner: owner,
				Registries: asker(func() (string, error) {
					if tc.down {
						return "", fmt.Errorf("nobody answers")
					}
					return now, nil
				}),
				Recorded: func(app, ref string) RecordedImage {
					if app != "default" || ref != "web:1" {
						t.Errorf("asked for what was recorded of %s of %s", ref, app)
					}
					return RecordedImage{tc.digest, tc.revision}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			_, digest := model.SplitDigest(d.Apps[0].Services[0].Container.Image)
			if digest != tc.want || d.Apps[0].Unresolved != tc.unresolved {
				t.Errorf("digest %q, unresolved %q; want %q, %q", digest, d.Apps[0].Unresolved, tc.want, tc.unresolved)
			}
		})
	}
}

// TestAPinTakesTheDigestOfThen: the tag has moved since the revision was rolled
// out, and a later one too; without any controller's memory of it.
func TestAPinTakesTheDigestOfThen(t *testing.T) {
	registered(t, 2, func(w *world) {
		first, next := sim.TestImage("web:1"), moved("web:1")
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		w.sim.Publish(next)
		w.branch.commit(apps(pulled("web", "web:1", "environment: {A: b}"), pulled("other", "web:2")))
		w.converge()
		if got := w.runs("web", next); got != 2 {
			t.Fatalf("%d of 2 replicas run what the tag means since", got)
		}
		w.again()
		w.registries.(*answers).kept = map[asked]string{} // another process
		pin := rollout.Order{Verb: rollout.VerbPin, App: "web", Revision: commitOf(0).ID}
		if err := w.running.Order(w.t.Context(), pin); err != nil {
			t.Fatal(err)
		}
		after(5 * time.Minute)
		w.again() // and it is remembered
		after(5 * time.Minute)
		if got := w.runs("web", first); got != 2 {
			t.Errorf("%d of 2 replicas run what the tag meant at the pinned revision: %s", got, w.describe())
		}
	})
}

// TestAPinOfWhatWasNeverRolledOutWaitsForTheRegistry, and does not take another
// revision's digest for the time being.
func TestAPinOfWhatWasNeverRolledOutWaitsForTheRegistry(t *testing.T) {
	registered(t, 2, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:1", "environment: {A: never}"), pulled("other", "web:2")))
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		ids := w.ids("web")
		w.again()
		w.registries.(*answers).kept = map[asked]string{}
		next := moved("web:1")
		w.sim.Publish(next)
		w.sim.RegistryDown(true)
		pin := rollout.Order{Verb: rollout.VerbPin, App: "web", Revision: commitOf(0).ID}
		if err := w.running.Order(w.t.Context(), pin); err != nil {
			t.Fatal(err)
		}
		after(5 * time.Minute)
		if got := w.ids("web"); got != ids {
			t.Errorf("was replaced, by another revision's digest: %s", w.describe())
		}
		w.sim.RegistryDown(false)
		after(20 * time.Minute)
		if got := w.runs("web", next); got != 2 {
			t.Errorf("%d of 2 replicas run what the registry says when it is back: %s", got, w.describe())
		}
	})
}

// asker answers every question the same.
type asker func() (string, error)

func (a asker) Digest(context.Context, ImageQuestion) (string, error) { return a() }

func (asker) Platforms(context.Context, ImageQuestion) ([]string, error) { return nil, nil }

// TestNobodyWaitsLongForRegistries asks one that never answers.
func TestNobodyWaitsLongForRegistries(t *testing.T) {
	simulate(t, 1, func(w *world) {
		hung := hanging{}
		var o BuildOptions
		o.Registries, o.Commit = hung, commitOf(0)
		b := &branch{}
		b.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		begun := time.Now()
		d, err := Build(w.t.Context(), b, manifest.NewLoader(manifest.Options{}), o)
		if err != nil || d.Apps[0].Unresolved == "" || time.Since(begun) > resolveTime+time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

type hanging struct{}

func (hanging) Digest(ctx context.Context, _ ImageQuestion) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func (hanging) Platforms(ctx context.Context, _ ImageQuestion) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// pulls are those that the status tells of.
func (w *world) pulls() []model.Pull {
	var pulls []model.Pull
	for _, h := range w.running.Status().Hosts {
		pulls = append(pulls, h.Pulls...)
	}
	return pulls
}

// lose removes a container behind the controller's back.
func (w *world) lose(c model.Container) {
	w.t.Helper()
	if err := w.sim.On(c.Host).RemoveContainer(c.ID); err != nil {
		w.t.Fatal(err)
	}
}

// TestAPullIsToldWhileItGoesOn listens as apply does.
func TestAPullIsToldWhileItGoesOn(t *testing.T) {
	registered(t, 1, func(w *world) {
		large := sim.TestImage("web:2")
		large.Pull = 20 * time.Second
		w.sim.Publish(large)
		changed, stop := w.running.Subscribe()
		defer stop()
		w.branch.commit(web1("web:2"))
		seen := map[int64]bool{}
		for deadline := time.After(time.Minute); ; {
			select {
			case <-changed:
			case <-deadline:
				if len(seen) < 15 {
					t.Errorf("a pull of 20 seconds was told of %d times", len(seen))
				}
				if got := w.pulls(); len(got) != 0 {
					t.Errorf("it is still told of: %v", got)
				}
				return
			}
			for _, p := range w.pulls() {
				seen[p.Done] = true
			}
		}
	})
}
