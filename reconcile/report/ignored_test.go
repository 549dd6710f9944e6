package report

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// drifted is a status of three replicas: one that differs in what is ignored, one
// in that and in more, and one that has drifted and is left alone.
func drifted() Status {
	in := scene(running("a"), running("b"), running("c"))
	log := plan.Difference{Field: "environment.LOG", From: "trace", To: "info"}
	pids := plan.Difference{Field: "resources.limits.pids", From: "3", To: "9"}
	team := plan.Difference{Field: `labels["it's.team"]`, To: "b"}
	in.Plan.Changes = []plan.Change{
		{Key: web("1"), Host: "h1", Verdict: plan.Unchanged, Current: "a", Ignored: []plan.Difference{log}},
		{Key: web("2"), Host: "h1", Verdict: plan.Update, Current: "b", Ignored: []plan.Difference{log}, Drift: []plan.Difference{pids}, Reasons: []string{pids.String()}},
		{Key: web("3"), Host: "h1", Verdict: plan.Replace, Old: []string{"c"}, LeftAlone: true, Drift: []plan.Difference{team, pids}, Reasons: []string{team.String(), plan.OnlyReported}},
	}
	in.Rollout.Held = map[plan.Key]string{web("3"): plan.OnlyReported}
	return Fold(in)
}

func TestIgnoredDifferencesAreShownAndDoNotCount(t *testing.T) {
	s := drifted()
	if len(s.Changes) != 2 || len(s.Ignored) != 1 || s.Apps[0].Services[0].Replicas[0].Verdict != plan.Unchanged {
		t.Fatalf("changes %+v, ignored %+v", s.Changes, s.Ignored)
	}
	if changes, err := ChangesOf(&s, "web-1"); err != nil || len(changes) != 1 || len(changes[0].Ignored) != 1 {
		t.Errorf("the differences of web-1 are %+v, %v", changes, err)
	}
	found, err := Find(&s, "web-2")
	if err != nil {
		t.Fatal(err)
	}
	service, err := Find(&s, "web")
	if err != nil {
		t.Fatal(err)
	}
	for what, tc := range map[string]struct {
		write func(*strings.Builder) error
		want  int
	}{
		"diff":     {func(b *strings.Builder) error { return DiffText(b, Differing(&s), Style{}) }, 2},
		"replica":  {func(b *strings.Builder) error { return DescribeText(b, &s, found, Style{}) }, 1},
		"describe": {func(b *strings.Builder) error { return DescribeText(b, &s, service, Style{}) }, 2},
	} {
		var b strings.Builder
		if err := tc.write(&b); err != nil || strings.Count(b.String(), "environment.LOG: trace → info") != tc.want || !strings.Contains(b.String(), "ignored") {
			t.Errorf("%s: %v, want the ignored difference %d times in\n%s", what, err, tc.want, b.String())
		}
	}
}

// TestDriftThatIsLeftAlone says so once in each place, and is counted apart.
func TestDriftThatIsLeftAlone(t *testing.T) {
	s := drifted()
	p := plan.Plan{Changes: []plan.Change{
		{Key: web("2"), Verdict: plan.Update}, {Key: web("3"), Host: "h1", Verdict: plan.Replace, LeftAlone: true, Reasons: []string{plan.OnlyReported}},
	}}
	if got := PlanCounts(&p); got != "1 to update, 1 left alone until `tallyman apply`; 0 unchanged" {
		t.Error(got)
	}
	for what, write := range map[string]func(*strings.Builder) error{
		"plan":   func(b *strings.Builder) error { return PlanText(b, &p, Revision{ID: "c0ffee"}, Style{}) },
		"diff":   func(b *strings.Builder) error { return DiffText(b, s.Changes, Style{}) },
		"status": func(b *strings.Builder) error { return StatusText(b, &Status{Changes: s.Changes}, Style{}) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil || strings.Count(b.String(), plan.OnlyReported) != 1 {
			t.Errorf("%s: %v, want %q once in\n%s", what, err, plan.OnlyReported, b.String())
		}
	}
}

func TestSuggestions(t *testing.T) {
	s := drifted()
	got := SuggestIgnore(s.Changes)
	want := []Suggestion{{"shop", "web", []string{`labels["it's.team"]`, "resources.limits.pids"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	for text, of := range map[string][]Suggestion{
		"# in the spec of service web of app shop, with what it ignores already\nignoreDifferences:\n  - 'labels[\"it''s.team\"]'\n  - resources.limits.pids\n": want,
		"# nothing has drifted: there is nothing to ignore\n": SuggestIgnore(nil),
	} {
		var b strings.Builder
		if err := SuggestionText(&b, of); err != nil || b.String() != text {
			t.Errorf("%v, got\n%s\nwant\n%s", err, b.String(), text)
		}
	}
}
