package report

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestThereIsANoticeOfEachEnd, of the commit that it is about, with its author.
func TestThereIsANoticeOfEachEnd(t *testing.T) {
	ended := time.Unix(5, 0)
	records := []rollout.Record{ // newest first
		{App: "shop", Revision: "aaaaaaaaaa", RollbackOf: "bbbbbbbbbb", Phase: rollout.Complete, Subject: "Good", Author: "Ada", EndedAt: ended},
		{App: "shop", Revision: "bbbbbbbbbb", Phase: rollout.Failed, Reason: "web-1 ended\nand more", Subject: "Bad", Author: "Bob"},
		{App: "blog", Revision: "aaaaaaaaaa", Phase: rollout.Superseded},
		{App: "shop", Revision: "aaaaaaaaaa", Phase: rollout.Complete, Subject: "Good", Author: "Ada"},
		{App: "cart", Revision: "aaaaaaaaaa", Phase: rollout.Progressing},
	}
	s := &Status{Target: Revision{ID: "bbbbbbbbbb", Subject: "Bad", Author: "Bob"}}
	var got []string
	for _, n := range Notices(s, records) {
		got = append(got, strings.Join([]string{n.Event, n.App, n.Revision, n.Subject, n.Author, n.Text}, "/"))
	}
	want := []string{
		"succeeded/shop/aaaaaaaaaa/Good/Ada/runs and is healthy",
		"failed/shop/bbbbbbbbbb/Bad/Bob/web-1 ended",
		"rolledBack/shop/bbbbbbbbbb/Bad/Bob/runs as aaaaaaaa says again, and is healthy",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if back := Notices(s, records)[2]; !back.At.Equal(ended) {
		t.Errorf("it ended at %s", back.At)
	}
}

// TestThereIsANoticeOfWhatIsTheCase with an app, and none while nothing is decided.
func TestThereIsANoticeOfWhatIsTheCase(t *testing.T) {
	for name, c := range map[string]struct {
		app  App
		want string
	}{
		"healthy":     {App{Phase: rollout.Complete, Health: Healthy}, EventRecovered + ": is healthy again"},
		"degraded":    {App{Phase: rollout.Complete, Health: Degraded, Services: []Service{{Name: "web", Health: Degraded, Reason: "ended"}}}, EventDegraded + ": web: ended"},
		"missing":     {App{Phase: rollout.Complete, Health: Missing}, EventDegraded + ": is Missing"},
		"on its way":  {App{Phase: rollout.Progressing, Health: Degraded}, ""},
		"not known":   {App{Phase: rollout.Complete, Health: Unknown}, ""},
		"paused":      {App{Phase: rollout.Complete, Held: &model.Held{Kind: model.HeldPause, Revision: "b", Reason: "by Ada"}}, EventHeld + ": by Ada"},
		"rolled back": {App{Phase: rollout.Complete, Health: Unknown, Held: &model.Held{Kind: model.HeldRollback}}, ""},
	} {
		got := ""
		s := &Status{Apps: []App{c.app}}
		for _, n := range Notices(s, nil) {
			got = n.Event + ": " + n.Text
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if s.Undecided = "no look yet"; len(Notices(s, nil)) > 0 {
			t.Errorf("%s: told before it is known", name)
		}
	}
}

// TestAStatusSaysWhoCantBeTold, and nothing of the others.
func TestAStatusSaysWhoCantBeTold(t *testing.T) {
	now := time.Unix(1000, 0)
	got := statusText(t, &Status{Time: now, Notifications: []Notification{
		{Name: "chat", Error: "slack refuses the message, with 404", Since: now.Add(-2 * time.Minute), Waiting: 2}, {Name: "hook"},
	}})
	if !strings.Contains(got, "notification \"chat\" fails, since 2m ago\n  slack refuses the message, with 404; 2 messages wait\n") || strings.Contains(got, "hook") {
		t.Errorf("got\n%s", got)
	}
}
