package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// previewed is shop with previews by these rules.
func previewed(rules string) fstest.MapFS {
	return edited(shop("web:1", "web:1"), "shop/app.yaml", "spec: {}", "spec: {previews: {"+rules+"}}")
}

// pull is a pull request of app shop with a commit, which is made if it is new.
func (w *world) pull(number int, head string, tree fstest.MapFS) Preview {
	w.branch.pull(head, tree)
	return Preview{App: "shop", Number: number, Head: head, Title: "Try " + head, Author: "stranger"}
}

// of are the containers of an app.
func (w *world) of(app string) []model.Container {
	var out []model.Container
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.App == app {
				out = append(out, c)
			}
		}
	}
	return out
}

// things are the networks and volumes of an app.
func (w *world) things(app string) []string {
	var out []string
	for _, h := range w.sim.Live().Hosts {
		for _, n := range h.Networks {
			if n.Owner.App == app {
				out = append(out, "network "+n.Name)
			}
		}
		for _, v := range h.Volumes {
			if v.Owner.App == app {
				out = append(out, "volume "+v.Name)
			}
		}
	}
	return out
}

// preview is what the status says of a preview.
func (w *world) preview(name string) report.Preview {
	w.t.Helper()
	for _, p := range w.running.Status().Previews {
		if p.Name == name {
			return p
		}
	}
	w.t.Fatalf("no preview %q in the status", name)
	return report.Preview{}
}

// untouched is what is on the hosts of all apps that are no previews, with the ids
// of the containers.
func (w *world) untouched() string {
	var lines []string
	for _, line := range strings.Split(w.endState(), "\n") {
		if !strings.Contains(line, "-pr-") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + w.ids("blog")
}

// TestAPullRequestRunsBesideItsApp from its label to its end, on what is its own, and
// leaves nothing behind. The real app is not touched at any moment.
func TestAPullRequestRunsBesideItsApp(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		before := w.untouched()
		pull := shop("web:2", "web:3", `ports: [{port: 80, published: 8080}]`)
		w.running.SetPreviews([]Preview{w.pull(42, "a1", pull)})
		s := w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		p := s.Previews[0]
		if p.Name != "shop-pr-42" || p.Revision != "a1" || p.State != preview.Running || p.Title != "Try a1" {
			t.Errorf("the status says %+v", p)
		}
		containers := w.of("shop-pr-42")
		if len(containers) != 2 {
			t.Errorf("%d containers of the preview, want one of db and one of web", len(containers))
		}
		for _, c := range containers {
			if c.Spec.Image != "web:2" || c.Owner.Preview != "42" || len(c.Ports) > 0 && c.Ports[0].Published == 8080 {
				t.Errorf("container %s has image %s, label %q and ports %v", c.Name, c.Spec.Image, c.Owner.Preview, c.Ports)
			}
		}
		if got := w.things("shop-pr-42"); len(got) != 3 && len(got) != 2 {
			t.Errorf("the preview has %v, want a network where it runs and its volume", got)
		}
		if s.Sync != report.Synced || s.Health != report.Healthy {
			t.Errorf("the branch is %s and %s", s.Sync, s.Health)
		}

		w.running.SetPreviews([]Preview{w.pull(42, "a2", shop("web:3", "web:3"))})
		w.reach("newer commit", func(report.Status) bool { return w.healthy("web", "web:3") == 1 && len(w.of("shop-pr-42")) == 2 })
		if got := w.untouched(); got != before {
			t.Errorf("the real apps changed; before\n%s\nafter\n%s", before, got)
		}

		w.running.SetPreviews(nil)
		w.reach("end of the preview", func(report.Status) bool { return len(w.of("shop-pr-42"))+len(w.things("shop-pr-42")) == 0 })
		after(time.Minute)
		if got := w.untouched(); got != before {
			t.Errorf("the end touched the real apps; before\n%s\nafter\n%s", before, got)
		}
		if _, remembered := w.journal.memory.Records["shop-pr-42"]; remembered && w.running.memory.Records["shop-pr-42"].Revision != "" {
			t.Error("the preview is not forgotten")
		}
	})
}

// TestOnlyAPreviewsOwnVolumeIsRemoved: not one that has its labels but for the mark,
// nor one that the real app has.
func TestOnlyAPreviewsOwnVolumeIsRemoved(t *testing.T) {
	simulate(t, 1, func(w *world) {
		one := previewed("overrides: {replicas: 1}")
		one["hosts.yaml"] = &fstest.MapFile{Data: []byte(hostManifests(1)), Mode: 0o644}
		w.branch.commit(one)
		w.converge()
		host := w.hosts["host-1"]
		old := model.Ownership{Owner: owner, App: "shop-pr-42", Name: "shop-pr-42-old"}
		do(t, host, model.CreateVolume{Host: "host-1", Volume: model.Volume{HostName: old.Name, Driver: "local"}, Owner: old})
		w.running.SetPreviews([]Preview{w.pull(42, "a1", shop("web:2", "web:3"))})
		w.reach("preview", func(s report.Status) bool { return s.Previews[0].Health == report.Healthy })
		w.running.SetPreviews(nil)
		w.reach("end", func(report.Status) bool { return len(w.of("shop-pr-42")) == 0 })
		after(5 * time.Minute)
		if got := fmt.Sprint(w.things("shop-pr-42")); got != "[volume shop-pr-42-old]" {
			t.Errorf("left of the preview: %s", got)
		}
		var removed []string
		for _, call := range w.sim.Calls() {
			if op, is := call.Op.(model.RemoveVolume); is {
				removed = append(removed, op.Name)
				if op.Owner.Preview != "42" || op.Owner.App != "shop-pr-42" {
					t.Errorf("a volume of %+v was to go", op.Owner)
				}
			}
		}
		if len(removed) != 1 || !strings.HasPrefix(removed[0], "shop-pr-42-data-") {
			t.Errorf("volumes removed: %v", removed)
		}
	})
}

func do(t *testing.T, host *sim.Host, op model.Op) {
	t.Helper()
	if err := host.Do(t.Context(), op, nil); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutAForgePreviewsStayAsTheyAre: a controller that is told nothing goes on
// with what the journal has, and without a journal leaves alone what it finds.
func TestWithoutAForgePreviewsStayAsTheyAre(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		pulls := []Preview{w.pull(42, "a1", shop("web:2", "web:3"))}
		w.running.SetPreviews(pulls)
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		ids := w.ids("web") + w.ids("db")
		w.stop()
		w.start()
		after(time.Minute)
		if got := w.ids("web") + w.ids("db"); got != ids {
			t.Errorf("before the restart the containers were %s, and then %s", ids, got)
		}
		victim := w.of("shop-pr-42")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		w.reach("healing", func(report.Status) bool { return len(w.of("shop-pr-42")) == 2 && w.healthy("web", "web:2") == 1 })
		ids = w.ids("web") + w.ids("db")

		w.stop()
		w.journal.memory = Memory{}
		w.start()
		w.converge()
		after(10 * time.Minute)
		if got := w.ids("web") + w.ids("db"); got != ids {
			t.Errorf("without a journal the containers were %s and are %s", ids, got)
		}
		w.running.SetPreviews(pulls)
		after(5 * time.Minute)
		if got := w.ids("web") + w.ids("db"); got != ids {
			t.Errorf("told of them again the containers were %s and are %s", ids, got)
		}
		w.running.SetPreviews([]Preview{})
		w.reach("end", func(report.Status) bool { return len(w.of("shop-pr-42"))+len(w.things("shop-pr-42")) == 0 })
	})
}

// TestTheTimeOfAPreviewIsCountedFromItsLastCommit, and one that is over comes back
// with the next commit only, whatever is said of it meanwhile.
func TestTheTimeOfAPreviewIsCountedFromItsLastCommit(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("ttl: 1h, overrides: {replicas: 1}"))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(7, "a1", shop("web:2", "web:3"))})
		after(50 * time.Minute)
		w.running.SetPreviews([]Preview{w.pull(7, "a2", shop("web:3", "web:3"))})
		after(50 * time.Minute)
		if n := len(w.of("shop-pr-7")); n != 2 {
			t.Errorf("%d containers within an hour of the last commit", n)
		}
		after(15 * time.Minute)
		if got := w.preview("shop-pr-7"); got.State != preview.Expired || len(w.of("shop-pr-7"))+len(w.things("shop-pr-7")) > 0 {
			t.Errorf("after its time it is %s and has %d containers and %v", got.State, len(w.of("shop-pr-7")), w.things("shop-pr-7"))
		}
		again := w.pull(7, "a2", shop("web:3", "web:3"))
		again.Title = "Another title"
		w.running.SetPreviews([]Preview{again})
		w.stop()
		w.start()
		after(10 * time.Minute)
		if n := len(w.of("shop-pr-7")); n != 0 {
			t.Errorf("%d containers came back without a new commit", n)
		}
		w.running.SetPreviews([]Preview{w.pull(7, "a3", shop("web:3", "web:3"))})
		w.reach("next commit", func(report.Status) bool { return len(w.of("shop-pr-7")) == 2 })
	})
}

// TestThereAreNoMorePreviewsThanMax: the others wait, in their order, and who runs is
// not sent away by a label on an older pull request.
func TestThereAreNoMorePreviewsThanMax(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("max: 1, overrides: {replicas: 1}"))
		w.converge()
		tree := shop("web:2", "web:3")
		nine, ten, two := w.pull(9, "c9", tree), w.pull(10, "c10", tree), w.pull(2, "c2", tree)
		w.running.SetPreviews([]Preview{ten, nine})
		after(2 * time.Minute)
		w.running.SetPreviews([]Preview{ten, nine, two})
		after(2 * time.Minute)
		if len(w.of("shop-pr-9")) != 2 || len(w.of("shop-pr-10"))+len(w.of("shop-pr-2")) != 0 {
			t.Errorf("containers of 9: %d, of 10: %d, of 2: %d", len(w.of("shop-pr-9")), len(w.of("shop-pr-10")), len(w.of("shop-pr-2")))
		}
		if p := w.preview("shop-pr-10"); p.State != preview.Queued || p.Reason != `1 previews of app "shop" run, and max is 1` {
			t.Errorf("it is %s: %s", p.State, p.Reason)
		}
		w.running.SetPreviews([]Preview{ten, two})
		w.reach("the next one", func(report.Status) bool { return len(w.of("shop-pr-10")) == 2 && len(w.of("shop-pr-9")) == 0 })
	})
}

// TestAPreviewRunsOnWhileItCantBeRead: neither its branch nor its own commit has to be
// readable for what runs to be healed.
func TestAPreviewRunsOnWhileItCantBeRead(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		w.running.SetPreviews([]Preview{w.pull(42, "a1", shop("web:2", "web:3"))})
		w.reach("preview", func(s report.Status) bool { return len(s.Previews) == 1 && s.Previews[0].Health == report.Healthy })
		w.branch.mu.Lock()
		delete(w.branch.pulls, "a1")
		w.branch.mu.Unlock()
		w.branch.commit(edited(previewed("overrides: {replicas: 1}"), "blog/blog.yaml", "web:1", "web:2"))
		w.converge()
		victim := w.of("shop-pr-42")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		w.reach("healing", func(report.Status) bool { return len(w.of("shop-pr-42")) == 2 })
		w.stop()
		w.start()
		after(10 * time.Minute)
		if n := len(w.of("shop-pr-42")); n != 2 {
			t.Errorf("%d containers after a restart", n)
		}
		if p := w.preview("shop-pr-42"); !strings.Contains(p.Reason, "can't be read: ") {
			t.Errorf("it says %q", p.Reason)
		}
		w.branch.pull("a1", shop("web:2", "web:3"))
		w.reach("reading it again", func(s report.Status) bool {
			return s.Previews[0].Health == report.Healthy && s.Previews[0].Reason == ""
		})
	})
}
