package report

import (
	"fmt"
	"io"
	"time"

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
			colored(string(r.Phase), phaseColor(r.Phase)), word(commitText(r)), word(clean(r.Reason)),
		})
	}
	t.table("", rows)
	return t.to(w)
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
