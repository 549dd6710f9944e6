package plan

import (
	"reflect"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhatServeWaitsForIsNoted of apps that have something to do, and of no others.
func TestWhatServeWaitsForIsNoted(t *testing.T) {
	shut := &model.Held{Kind: model.HeldWindow, Reason: "shut"}
	p := Plan{}
	for app, verdict := range map[string]Verdict{"shut": Replace, "idle": Unchanged, "new": Create, "by-hand": Update, "unresolved": Create, "pinned": Replace} {
		p.Changes = append(p.Changes, Change{Key: Key{Kind: KindReplica, App: app}, Verdict: verdict})
	}
	asked := &model.Desired{Apps: []model.App{{Name: "new"}, {Name: "unresolved", Waits: "no digest"}}}
	p.NoteLater(asked, &model.Desired{Apps: []model.App{
		{Name: "shut", Revision: "r1", Held: shut}, {Name: "idle", Held: shut}, {Name: "pinned", Held: &model.Held{Kind: model.HeldPin}},
		{Name: "new", Waits: "shut", Sync: model.Sync{Auto: true}}, {Name: "by-hand", Waits: "auto is off"}, {Name: "unresolved", Waits: "no digest"}, {Name: "free"},
	}})
	want := []HeldApp{
		{App: "shut", At: "r1", Kind: model.HeldWindow, Reason: "shut"}, {App: "new", Kind: model.HeldWindow, Reason: "shut"},
		{App: "by-hand", Kind: model.HeldManual, Reason: "auto is off"},
	}
	if !reflect.DeepEqual(p.Later, want) {
		t.Errorf("noted %+v, want %+v", p.Later, want)
	}
}
