package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

func (w *world) volumes(app string) string {
	var names []string
	for _, thing := range w.things(app) {
		if name, is := strings.CutPrefix(thing, "volume "); is {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// TestVolumesStayUntilAPreviewIsOver: those of one that is refused by a policy of the
// branch, or waits for its place, which a smaller max takes from nobody. Its time and
// the end of its pull request remove them.
func TestVolumesStayUntilAPreviewIsOver(t *testing.T) {
	simulate(t, 2, func(w *world) {
		rules := func(max int) string { return fmt.Sprintf("ttl: 10h, max: %d, overrides: {replicas: 1}", max) }
		w.branch.commit(previewed(rules(2)))
		w.converge()
		one, two := w.pull(1, "a1", shop("web:2", "web:2")), w.pull(2, "b1", shop("web:3", "web:2"))
		w.running.SetPreviews([]Preview{one, two})
		w.reach("previews", func(report.Status) bool { return len(w.of("shop-pr-1")) == 2 && len(w.of("shop-pr-2")) == 2 })
		data := [2]string{w.volumes("shop-pr-1"), w.volumes("shop-pr-2")}
		kept := func(when string) {
			t.Helper()
			if got := [2]string{w.volumes("shop-pr-1"), w.volumes("shop-pr-2")}; got != data || got[0] == "" || got[1] == "" {
				t.Errorf("%s: the volumes were %q and are %q", when, data, got)
			}
		}
		w.branch.commit(previewed(rules(1)))
		after(5 * time.Minute)
		if n := len(w.of("shop-pr-1")) + len(w.of("shop-pr-2")); n != 4 {
			t.Errorf("with a smaller max %d containers of 4 run", n)
		}
		held := previewed(rules(1))
		policy := strings.ReplaceAll(strings.ReplaceAll(noPrivileged, "!c.privileged", "!c.image.startsWith('web:3')"), "no-privileged", "no-threes")
		for name, file := range tree(map[string]string{"policy.yaml": policy}) {
			held[name] = file
		}
		w.branch.commit(held)
		w.reach("refusal", func(report.Status) bool { return len(w.of("shop-pr-2")) == 0 })
		after(5 * time.Minute)
		kept("refused by a policy")
		w.branch.commit(previewed(rules(1)))
		after(5 * time.Minute)
		if p := w.preview("shop-pr-2"); p.State != preview.Queued {
			t.Fatalf("it is %s: %s", p.State, p.Reason)
		}
		kept("waiting for its place")
		w.branch.commit(held)
		after(10 * time.Hour)
		if got := w.volumes("shop-pr-2"); got != "" {
			t.Errorf("its time is over and it has %s", got)
		}
	})
}

// TestAPreviewIsSmall: one with too many replicas is refused, and says what helps.
func TestAPreviewIsSmall(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("label: preview"))
		w.converge()
		many := shop("web:2", "web:2")
		many["shop/web.yaml"] = tree(map[string]string{"a": serviceManifest("web", "web:2", maxPreviewReplicas, "dependsOn: [db]")})["a"]
		w.running.SetPreviews([]Preview{w.pull(1, "a1", many), w.pull(2, "b1", shop("web:2", "web:2"))})
		w.reach("the small one", func(report.Status) bool { return len(w.of("shop-pr-2")) == 4 })
		want := fmt.Sprintf("it asks for %d replicas, and a preview has at most %d; lower previews.overrides.replicas", maxPreviewReplicas+1, maxPreviewReplicas)
		if p := w.preview("shop-pr-1"); p.State != preview.Refused || !strings.HasPrefix(p.Reason, want) {
			t.Errorf("it is %s: %s", p.State, p.Reason)
		}
		if n := len(w.of("shop-pr-1")); n != 0 {
			t.Errorf("%d containers of it run", n)
		}
	})
	global := []model.App{{Services: []model.Service{{Mode: model.ModeGlobal}}}}
	if smallPreview(global, maxPreviewReplicas) != nil || smallPreview(global, maxPreviewReplicas+1) == nil {
		t.Error("a replica on each host is not counted as that")
	}
}

// TestTheBranchIsReadOnceForAllPreviews of a round.
func TestTheBranchIsReadOnceForAllPreviews(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(previewed("overrides: {replicas: 1}"))
		w.converge()
		reads := func(list []Preview) int {
			count := func() int {
				w.branch.mu.Lock()
				defer w.branch.mu.Unlock()
				return w.branch.reads[commitOf(0).ID]
			}
			before := count()
			w.running.SetPreviews(list)
			after(time.Minute)
			return count() - before
		}
		var list []Preview
		for n := 1; n <= 5; n++ {
			list = append(list, w.pull(n, fmt.Sprintf("a%d", n), shop("web:2", "web:2")))
		}
		if one, more := reads(list[:1]), reads(list); one != more {
			t.Errorf("the branch is read %d times for one preview and %d times for 4", one, more)
		}
	})
}

// TestOtherPullSecretsAreAnotherPreview, though its digest is the same.
func TestOtherPullSecretsAreAnotherPreview(t *testing.T) {
	app := func(digest string) []model.App {
		return []model.App{{Name: "shop-pr-1", PullSecrets: []model.SecretRef{{Secret: "hub", Key: "config", Digest: digest}}}}
	}
	if !samePreviews(app("a"), app("a")) || samePreviews(app("a"), app("b")) || samePreviews(app("a"), []model.App{{Name: "shop-pr-1"}}) {
		t.Error("previews are not told apart by what their images are pulled with")
	}
}
