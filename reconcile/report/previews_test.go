package report

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// besides is a status of a branch that is fine, and of a preview that is not.
func besides() Status {
	replica := func(app string) []Service {
		return []Service{{App: app, Name: "web", Replicas: []Replica{{App: app, Service: "web", Slot: "1", ID: app}}}}
	}
	return Status{
		Target: Revision{ID: "cccccccc"}, Effective: Revision{ID: "cccccccc"}, Sync: Synced, Health: Healthy,
		Apps: []App{
			{Name: "shop", Phase: rollout.Complete, Revision: "cccccccc", Sync: Synced, Health: Healthy, Services: replica("shop")},
			{Name: "shop-pr-4", Preview: "4", Phase: rollout.Failed, Reason: "broken", Sync: OutOfSync, Health: Degraded, Services: replica("shop-pr-4")},
		},
		Previews: []Preview{{Name: "shop-pr-4", App: "shop", Number: 4, Head: "dddddddd", State: preview.Running, Title: "Try\x1b[31m it", Health: Degraded, Addresses: []Address{{Service: "web", Port: 80, Host: "edge-1", Published: 32771}}}},
	}
}

// TestAPreviewIsNothingToTheBranch: neither for the outcome, nor for what a forge is
// told of the commit, nor for a name without its app.
func TestAPreviewIsNothingToTheBranch(t *testing.T) {
	s := besides()
	if got := OutcomeOf(&s); got != Converged {
		t.Errorf("the outcome is %s", got)
	}
	verdicts := Verdicts(&s, nil, nil)
	if len(verdicts) != 2 || verdicts[0].Is != FateGood || verdicts[0].Text != "1 app runs as this commit says" || verdicts[1].App != "shop" {
		t.Errorf("a forge is told %+v", verdicts)
	}
	s.Target.ID = "eeeeeeee"
	records := []rollout.Record{{App: "shop-pr-4", Preview: "4", Revision: "b", Phase: rollout.Failed}}
	if got := Verdicts(&s, []Verdict{{Commit: "b", Is: FateOpen}}, records); len(got) != 1 || got[0].Is != FateDropped {
		t.Errorf("of a commit that was a preview's before it was merged a forge is told %+v", got)
	}
	if r, err := FindReplica(&s, "web"); err != nil || r.App != "shop" {
		t.Errorf("web is %+v, %v", r, err)
	}
	if r, err := FindReplica(&s, "shop-pr-4/web"); err != nil || r.App != "shop-pr-4" {
		t.Errorf("the preview's is %+v, %v", r, err)
	}
}

func TestPreviewsAreListed(t *testing.T) {
	s := besides()
	var out strings.Builder
	if _, err := GetText(&out, &s, "previews", Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"shop-pr-4", "running", "dddddddd", "edge-1:32771"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b[31m") {
		t.Error("a title writes to the terminal")
	}
}

// TestATitleKeepsToItsColumn: it neither turns around what stands behind it nor pushes
// that off the screen.
func TestATitleKeepsToItsColumn(t *testing.T) {
	s := Status{Previews: []Preview{{
		Name: "shop-pr-4", State: preview.Refused, Reason: "it is\u2066 privileged", Title: "Try\u202e this\u2028out\u200f " + strings.Repeat("and this ", 30),
	}}}
	var out strings.Builder
	if _, err := GetText(&out, &s, "previews", Style{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) }) {
		t.Errorf("there are characters that nobody sees in %q", out.String())
	}
	row := strings.Split(out.String(), "\n")[1]
	if at := strings.Index(row, "it is privileged"); at < 0 || at > 100 || !strings.Contains(row, "Try this out and this") {
		t.Errorf("the reason is at %d in %q", at, row)
	}
}

// TestWhatIsLeftIsToldInHours, as a ttl is written.
func TestWhatIsLeftIsToldInHours(t *testing.T) {
	for left, want := range map[time.Duration]string{
		72*time.Hour - time.Second: "71h", 47 * time.Hour: "47h", 30 * time.Minute: "30m", 240 * time.Hour: "10d",
	} {
		if got := (&Preview{Until: noon.Add(left)}).left(noon); got != want {
			t.Errorf("with %s left it says %s, want %s", left, got, want)
		}
	}
	if got := (&Preview{}).left(noon); got != "-" {
		t.Errorf("of one without an end it says %s", got)
	}
}

// TestOneAddressForBothFamilies: an engine that chooses gives IPv6 another number.
func TestOneAddressForBothFamilies(t *testing.T) {
	f := folder{containers: map[string]*model.Container{"a": {
		Host: "edge-1", State: model.StateRunning, Owner: model.Ownership{App: "shop-pr-4", Service: "web"},
		Ports: []model.Port{{Container: 80, Published: 32946, Protocol: "tcp", HostIP: "::"}, {Container: 80, Published: 32947, Protocol: "tcp", HostIP: "0.0.0.0"}, {Container: 90, Published: 9, Protocol: "tcp", HostIP: "::"}},
	}}}
	want := []Address{{"web", 80, "edge-1", 32947, "tcp"}, {"web", 90, "edge-1", 9, "tcp"}}
	if got := f.addresses("shop-pr-4"); !slices.Equal(got, want) {
		t.Errorf("addresses %v, want %v", got, want)
	}
}
