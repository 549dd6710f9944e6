package pulls

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// answer says what merging a pull request would do.
func (l *Loop) answer(ctx context.Context, pr forge.PullRequest) error {
	if l.withheld(pr) {
		return l.status(ctx, pr, forge.Pending, fmt.Sprintf("from a fork: planned once a maintainer sets the label %q", l.ForkLabel))
	}
	if err := l.status(ctx, pr, forge.Pending, "is being planned"); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	p, err := l.Propose(bounded, pr)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("plan pull request %d: %w", pr.Number, err),
			l.status(ctx, pr, forge.Errored, "could not be planned, which is tried again: "+inTheWay(bounded, err)))
	}
	if p.Head.ID != pr.Head {
		return fmt.Errorf("plan pull request %d: it was pushed to meanwhile", pr.Number)
	}
	if still, err := l.open(ctx, pr); err != nil || !still {
		return err // nobody waits for the answer any more
	}
	return l.say(ctx, pr, &p)
}

// inTheWay says in a line why there is no answer. Errors hold no secrets.
func inTheWay(bounded context.Context, err error) string {
	if bounded.Err() != nil {
		return fmt.Sprintf("it took longer than %s", planTime)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// open says whether the pull request is still what it was when it was planned.
func (l *Loop) open(ctx context.Context, pr forge.PullRequest) (bool, error) {
	now, err := l.Forge.PullRequest(ctx, pr.Number)
	return now.State == forge.StateOpen && now.Head == pr.Head, err
}

// say comments, and gives the verdict last: who sees it finds the reasons. A remark
// that the forge does not take keeps nobody from seeing those.
func (l *Loop) say(ctx context.Context, pr forge.PullRequest, p *proposal.Proposal) error {
	var failed []error
	if len(p.Errors) > 0 || p.Failure == "" { // else nobody knows what still holds
		failed = append(failed, l.Forge.Annotate(ctx, forge.Remarks{
			PullRequest: pr.Number, Commit: pr.Head, Marker: l.Context, Notes: l.notes(p.Errors),
		}))
	}
	preview := l.PreviewTexts()[pr.Number]
	if preview != "" {
		failed = append(failed, l.Journal.Show(pr.Number))
	}
	plan := report.ProposalMarkdown(p, l.Forge.BodyLimit()-report.PreviewRoom)
	if err := l.Forge.Comment(ctx, pr.Number, l.Context, report.WithPreview(plan, preview)); err != nil {
		return errors.Join(append(failed, err, l.status(ctx, pr, forge.Errored, "the plan could not be said here; see the controller's log"))...)
	}
	l.said[pr.Number] = said{plan, preview}
	verdict, text := verdictOn(p)
	return errors.Join(append(failed, l.status(ctx, pr, verdict, text))...)
}

// verdictOn is what the status says of a proposal.
func verdictOn(p *proposal.Proposal) (forge.Verdict, string) {
	verdict, text := forge.Success, report.ProposalHeadline(p)
	if p.Refused() {
		verdict, text = forge.Failure, refusal(p)
	}
	return verdict, report.ProposalInvalid(p) + text
}

// refusal is what keeps a proposal from being good.
func refusal(p *proposal.Proposal) string {
	switch n := len(p.Violations); {
	case len(p.Errors) > 0:
		return model.Count(len(p.Errors), "mistake", "mistakes") + " in the manifests: " + p.Errors[0].Error()
	case p.Failure != "":
		return p.Failure
	case p.Unverified != "":
		return p.Unverified
	case n > 1:
		return fmt.Sprintf("breaks %d rules; policy %s: %s", n, p.Violations[0].Policy, p.Violations[0].Message)
	default:
		return "breaks policy " + p.Violations[0].Policy + ": " + p.Violations[0].Message
	}
}

// notes are mistakes as remarks on their lines.
func (l *Loop) notes(mistakes []*manifest.Error) []forge.Note {
	var notes []forge.Note
	for _, e := range mistakes {
		text := e.Message
		if e.Path != "" {
			text = e.Path + ": " + text
		}
		if e.Hint != "" {
			text += "; " + e.Hint
		}
		notes = append(notes, forge.Note{Path: path.Join(l.Path, e.File), Line: max(e.Line, 1), Text: report.Escaped(text)})
	}
	return notes
}

func (l *Loop) status(ctx context.Context, pr forge.PullRequest, v forge.Verdict, text string) error {
	if delete(l.pending, pr.Number); v == forge.Pending {
		l.pending[pr.Number] = pr
	}
	return l.Forge.SetStatus(ctx, forge.Status{Commit: pr.Head, Context: l.Context, Verdict: v, Description: text, Branch: pr.HeadBranch})
}
