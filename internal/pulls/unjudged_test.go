package pulls

import (
	"context"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
)

// TestWhatNobodyCanJudgeIsLeftAsItIs: nothing is said of such a pull request, planned
// or run, and what was said stays; the others are answered.
func TestWhatNobodyCanJudgeIsLeftAsItIs(t *testing.T) {
	d := newDesk(t)
	filled, head := d.pull("filled")
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	before, status := d.comment(filled), d.status(head)
	d.Forge, d.base, d.asked = unjudged{d.Forge, filled}, "another", 0
	other, _ := d.pull("other")
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "comment on the other", d.comment(other), "`+3`")
	if d.asked != 1 || len(d.seen) != 1 || d.seen[0].Number != other {
		t.Errorf("%d were planned, and may be run: %+v", d.asked, d.seen)
	}
	if d.comment(filled) != before || d.status(head) != status {
		t.Errorf("the comment is %q and was %q, the status %q and was %q", d.comment(filled), before, d.status(head), status)
	}
}

// unjudged is a forge where nobody can tell which labels of a pull request count.
type unjudged struct {
	forge.Forge
	number int
}

func (u unjudged) PullRequests(ctx context.Context, base string) ([]forge.PullRequest, error) {
	list, err := u.Forge.PullRequests(ctx, base)
	for i := range list {
		if list[i].Number == u.number {
			list[i].Labels, list[i].Unjudged = nil, "judge the labels: the answer is larger than 16 MiB"
		}
	}
	return list, err
}
