package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// HistoryText writes rollouts, newest first, as they are handed in.
func HistoryText(w io.Writer, records []rollout.Record, now time.Time, style Style) error {
	t := &text{Style: style}
	rows := [][]cell{header("APP", "REVISION", "STARTED", "TOOK", "OUTCOME", "COMMIT", "WHY")}
	for i := range records {
		r := &records[i]
		rows = append(rows, []cell{
			word(r.App), word(short(r.Revision)), word(since(ago(now, r.StartedAt))), word(took(r)),
			colored(rolloutOutcome(records, i), phaseColor(r.Phase)), word(commitText(r)), word(clean(whyRollout(r))),
		})
	}
	t.table("", rows)
	return t.to(w)
}

// rolloutOutcome is what became of a rollout, in a word. One that failed may have
// been gone back from: that is a later rollout of the app.
func rolloutOutcome(records []rollout.Record, i int) string {
	r := &records[i]
	for j := range i {
		back := &records[j]
		if r.Phase != rollout.Failed || back.App != r.App || back.RollbackOf != r.Revision || back.StartedAt.Before(r.EndedAt) {
			continue
		}
		switch back.Phase {
		case rollout.Complete:
			return "rolled back"
		case rollout.Progressing:
			return "rolling back"
		}
	}
	return string(r.Phase)
}

// whyRollout says why a rollout failed or, of one that nobody committed, why it
// was begun.
func whyRollout(r *rollout.Record) string {
	if r.Reason != "" {
		return r.Reason
	}
	return r.Because
}

// RolloutText writes all that is known of one of the rollouts; the others, newest
// first, are there to tell what came of it.
func RolloutText(w io.Writer, records []rollout.Record, at int, style Style) error {
	t, r := &text{Style: style}, &records[at]
	t.line("%s", t.paint(bold, fmt.Sprintf("rollout of app %s to %s", r.App, short(r.Revision))))
	var f facts
	f.add("outcome", rolloutOutcome(records, at), phaseColor(r.Phase))
	f.add("revision", r.Revision, plain)
	f.add("commit", commitText(r), plain)
	f.add("started", timeText(r.StartedAt), plain)
	f.add("ended", timeText(r.EndedAt), plain)
	f.add("took", took(r), plain)
	f.add("because", clean(r.Because), plain)
	f.add("why", clean(r.Reason), plain)
	f.add("rendered as", r.Digest, plain)
	t.table("  ", f.rows)
	t.listed("changed", r.Changed)
	var images []string
	for _, ref := range slices.Sorted(maps.Keys(r.Images)) {
		images = append(images, model.WithDigest(ref, r.Images[ref]))
	}
	for _, ref := range r.Undigested {
		images = append(images, ref+": no digest, as no registry is asked with pull: never; each host runs its own image of that name")
	}
	t.listed("images", images)
	t.listed("last log lines of the failed container", LogLines(r.Log, keptLines))
	return t.to(w)
}

// listed writes lines below a headline, if there are any.
func (t *text) listed(headline string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.line("  %s:", headline)
	for _, line := range lines {
		t.line("    %s", clean(line))
	}
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05Z")
}

func commitText(r *rollout.Record) string {
	if r.Author == "" {
		return or(clean(r.Subject))
	}
	return clean(fmt.Sprintf("%s (%s)", r.Subject, r.Author))
}

func took(r *rollout.Record) string {
	if r.EndedAt.IsZero() {
		return "-"
	}
	return r.EndedAt.Sub(r.StartedAt).Round(100 * time.Millisecond).String()
}

func phaseColor(p rollout.Phase) string {
	switch p {
	case rollout.Complete:
		return green
	case rollout.Failed:
		return red
	}
	return yellow
}
