package plan

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// ended is a world in which app shop loses services, as many as it allows, and a
// preview of it is over that had replicas on edge-1 and a volume on edge-2.
func ended(t *testing.T, replicas int) *world {
	w := running(t, []string{"edge-1", "edge-2"}, service("old", "web:1", 10), service("web", "web:1", 1))
	for range replicas {
		c := *w.container("web-1")
		w.made++
		c.ID, c.Host, c.Owner.App, c.Owner.Preview, c.Owner.Slot = "p"+string(rune('a'+w.made)), "edge-1", "shop-pr-4", "4", string(rune('0'+w.made%10))
		c.Name = "shop-pr-4-web-" + c.ID
		c.Owner.Name = c.Name
		w.live.Hosts[0].Containers = append(w.live.Hosts[0].Containers, c)
	}
	for _, v := range []model.Ownership{{App: "shop-pr-4", Preview: "4", Name: "own"}, {App: "shop-pr-4", Name: "older"}, {App: "shop", Preview: "4", Name: "named"}} {
		v.Owner = us
		w.live.Hosts[1].Volumes = append(w.live.Hosts[1].Volumes, model.VolumeState{Name: v.Name, Owner: v})
	}
	w.declare(service("web", "web:1", 1))
	w.desired.PreviewsKnown = true
	return w
}

func removalsOf(p Plan) (real, preview int, held string) {
	for _, c := range p.Changes {
		switch {
		case c.Removal && c.Verdict == Blocked:
			held = strings.Join(c.Reasons, "; ")
		case c.Verdict != Remove || c.Key.Kind != KindReplica:
		case c.Preview:
			preview++
		default:
			real++
		}
	}
	return real, preview, held
}

// TestTheEndOfAPreviewIsHeldByNoGuard, and does not count for what guards hold of
// others.
func TestTheEndOfAPreviewIsHeldByNoGuard(t *testing.T) {
	w := ended(t, 5)
	if real, preview, held := removalsOf(w.plan()); real != 10 || preview != 5 || held != "" {
		t.Errorf("%d of 10 and %d of 5 go; held: %s", real, preview, held)
	}
	w.app("shop").Sync.MaxRemovals, w.desired.AllowRemovals = 3, 10
	if real, preview, held := removalsOf(w.plan()); real != 10 || preview != 5 || held != "" {
		t.Errorf("with as many allowed %d of 10 and %d of 5 go; held: %s", real, preview, held)
	}
	w.desired.AllowRemovals = 0
	if real, preview, _ := removalsOf(w.plan()); real != 0 || preview != 5 {
		t.Errorf("with fewer allowed %d and %d of 5 go", real, preview)
	}
}

// TestWhichVolumesGoWithAPreview: those with its mark, when it is known to be over,
// nobody names them, and the host answers.
func TestWhichVolumesGoWithAPreview(t *testing.T) {
	removed := func(w *world) string {
		var names []string
		p := w.plan()
		for _, op := range p.Ops() {
			if o, is := op.(model.RemoveVolume); is {
				names = append(names, o.Name)
			}
		}
		return strings.Join(names, " ")
	}
	if got := removed(ended(t, 1)); got != "own" {
		t.Errorf("removed %q", got)
	}
	for what, spoil := range map[string]func(w *world){
		"nobody knows of previews": func(w *world) { w.desired.PreviewsKnown = false },
		"it only waits":            func(w *world) { w.desired.PreviewsKept = []string{"shop-pr-4"} },
		"it is to run":             func(w *world) { w.desired.Apps = append(w.desired.Apps, model.App{Name: "shop-pr-4", Preview: "4"}) },
		"another app names it":     func(w *world) { w.app("shop").Volumes = []model.Volume{{App: "shop", Name: "own", HostName: "own"}} },
		"its host is away":         func(w *world) { away(w, "edge-2") },
	} {
		w := ended(t, 1)
		spoil(w)
		if got := removed(w); got != "" {
			t.Errorf("when %s: removed %q", what, got)
		}
	}
}
