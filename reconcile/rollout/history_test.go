package rollout

import (
	"testing"
	"time"
)

// records are an app's rollouts, newest first, each by its rendering and phase.
func records(pairs ...string) []Record {
	var out []Record
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, Record{App: "shop", Digest: pairs[i], Revision: pairs[i], Phase: Phase(pairs[i+1]), StartedAt: time.Unix(int64(100-i), 0)})
	}
	return out
}

func TestGoingBackTwiceGoesBackFurther(t *testing.T) {
	for name, tc := range map[string]struct {
		history       []Record
		present, want string
	}{
		"the one before":                   {records("b", "complete", "a", "complete"), "b", "a"},
		"what failed is skipped":           {records("c", "failed", "b", "complete", "a", "complete"), "c", "b"},
		"what was never rolled out":        {records("b", "complete", "a", "complete"), "x", "b"},
		"back once, then further":          {records("b", "complete", "c", "complete", "b", "complete", "a", "complete"), "b", "a"},
		"at the oldest there is no other":  {records("a", "complete", "b", "complete", "a", "complete"), "a", ""},
		"nothing was ever good":            {records("a", "failed"), "a", ""},
		"on the way is not good":           {records("b", "progressing", "a", "complete"), "b", "a"},
		"a rendering that the branch lost": {records("b", "complete"), "", "b"},
	} {
		got, found := LastGood(tc.history, tc.present)
		if got.Digest != tc.want || found != (tc.want != "") {
			t.Errorf("%s: %q, want %q", name, got.Digest, tc.want)
		}
	}
}

func TestOnlyTheNewestRolloutCanBeOnItsWay(t *testing.T) {
	history := records("c", "progressing", "b", "progressing", "a", "complete")
	other := Record{App: "blog", Phase: Progressing, StartedAt: time.Unix(1, 0)}
	history = append(history, other)
	Supersede(history)
	if history[0].Phase != Progressing || history[1].Phase != Superseded || !history[1].EndedAt.Equal(history[0].StartedAt) {
		t.Errorf("read %s and %s, which ended %s", history[0].Phase, history[1].Phase, history[1].EndedAt)
	}
	if history[2].Phase != Complete || history[3].Phase != Progressing {
		t.Errorf("others became %s and %s", history[2].Phase, history[3].Phase)
	}
}
