package report

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// goneBack is a history with a failure, newest first: good, bad, and the way
// back from it in the given phase.
func goneBack(back rollout.Phase) []rollout.Record {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 12, minute, 0, 0, time.UTC) }
	good, bad := strings.Repeat("a", 40), strings.Repeat("b", 40)
	return []rollout.Record{
		{App: "shop", Revision: good, RollbackOf: bad, Because: "rolled back from bbbbbbbb: web-1: exited", StartedAt: at(4), Phase: back, Reason: ""},
		{App: "blog", Revision: bad, StartedAt: at(3), EndedAt: at(3), Phase: rollout.Failed, Reason: "blog's own"},
		{App: "shop", Revision: bad, Subject: "Break it", Author: "Ada", StartedAt: at(2), EndedAt: at(3), Phase: rollout.Failed,
			Reason: "web-1: exited", Changed: []string{"web: replace, image 1 → 2 (3 replicas)"}, Log: "one\ntwo",
			Images: map[string]string{"web:1": "sha256:ab"}, Undigested: []string{"own:1"}},
		{App: "shop", Revision: good, StartedAt: at(1), EndedAt: at(1), Phase: rollout.Complete},
	}
}

func TestHistoryTellsWhatWasGoneBackFrom(t *testing.T) {
	for _, tc := range []struct {
		back rollout.Phase
		want string
	}{
		{rollout.Progressing, "progressing, failed, rolling back, complete"},
		{rollout.Complete, "complete, failed, rolled back, complete"},
		{rollout.Failed, "failed, failed, failed, complete"},
	} {
		records := goneBack(tc.back)
		var got []string
		for i := range records {
			got = append(got, rolloutOutcome(records, i))
		}
		if text := strings.Join(got, ", "); text != tc.want {
			t.Errorf("way back %s: reads %q, want %q", tc.back, text, tc.want)
		}
	}
}

func TestARolloutIsDescribed(t *testing.T) {
	var b strings.Builder
	if err := RolloutText(&b, goneBack(rollout.Complete), 2, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rollout of app shop to bbbbbbbb\n", "outcome   rolled back\n", "commit    Break it (Ada)\n", "took      1m0s\n",
		"  images:\n    web:1@sha256:ab\n    own:1: no digest, as no registry is asked with pull: never; ", "why       web-1: exited\n", "  changed:\n    web: replace, image 1 → 2 (3 replicas)\n", "  last log lines of the failed container:\n    one\n    two\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("does not say %q:\n%s", want, b.String())
		}
	}
}
