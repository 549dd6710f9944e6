package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/plan"
)

func statusText(t *testing.T, s *Status) string {
	t.Helper()
	var b bytes.Buffer
	if err := StatusText(&b, s, Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWhatWaitsIsSaidOnce, whatever the reason begins with.
func TestWhatWaitsIsSaidOnce(t *testing.T) {
	for held, want := range map[string]string{
		`waits for service "db" to be healthy`: `missing; waits for service "db" to be healthy`,
		"the rollout has failed":               "missing; waits: the rollout has failed",
	} {
		s := &Status{Changes: []Change{{Key: replica("web", "1"), Verdict: plan.Create, Reasons: []string{"missing"}, Held: held}}}
		if got := statusText(t, s); !strings.Contains(got, want+"\n") {
			t.Errorf("got\n%s\nwithout %q", got, want)
		}
	}
}

// TestAStatusEndsWithWhoDoesNothing: without a controller all of it is only seen.
func TestAStatusEndsWithWhoDoesNothing(t *testing.T) {
	if got := statusText(t, &Status{Unattended: "no controller is running: do"}); !strings.HasSuffix(got, "\n\nno controller is running: do\n") {
		t.Errorf("got\n%s", got)
	}
}
