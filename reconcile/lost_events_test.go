package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEachConditionOfAHostIsToldOnce, by the words that status and the docs have for
// it, and a replica that is placed elsewhere says which host had it.
func TestEachConditionOfAHostIsToldOnce(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 3)))
		w.converge()
		warm()
		seen := len(w.journal.events)
		w.take("host-1")
		after(time.Minute)
		w.give("host-1")
		after(time.Minute)
		var told []string
		moved := false
		for _, e := range w.journal.events[seen:] {
			if e.Host == "host-1" && strings.HasPrefix(e.Text, "host ") {
				what, _, _ := strings.Cut(e.Text, ":")
				told = append(told, what)
			}
			moved = moved || strings.HasPrefix(e.Text, "start container") && strings.Contains(e.Text, `missing; host "host-1", which is lost, had it`)
		}
		want := []string{"host gives no answer", "host is unreachable", "host is lost", "host is reachable"}
		if !slices.Equal(told, want) {
			t.Errorf("told are %q, want %q", told, want)
		}
		if !moved {
			t.Errorf("no replica says that it was on the lost host:\n%s", w.lastEvents())
		}
	})
}
