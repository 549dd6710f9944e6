package pulls

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// TestNobodyIsAnsweredWhoHasGone: a pull request that is closed, or pushed to, while it
// is planned gets no answer to what it was.
func TestNobodyIsAnsweredWhoHasGone(t *testing.T) {
	d := newDesk(t)
	number, closed := d.pull("feature")
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		d.stage.Close(number)
		return creates(pr.Head, 3), nil
	}
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	if got := d.comment(number); got != "" {
		t.Errorf("a closed pull request was answered: %q", got)
	}

	number, head := d.pull("second")
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		if pr.Head == head {
			d.stage.Branch("second", map[string]string{"fleet/web.yaml": "pushed\n"})
		}
		return creates(pr.Head, 9), nil
	}
	for range 2 {
		if err := d.look(); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.status(head); strings.HasPrefix(got, "success") {
		t.Errorf("the head that was replaced is called good: %q", got)
	}
	expect(t, "comment", d.comment(number), "`+9`")
	expect(t, "status of the closed one", d.status(closed), "error: closed or pushed to before it was planned")
}

// TestAHeadOfTwoIsNotEnded with the one of them that was closed.
func TestAHeadOfTwoIsNotEnded(t *testing.T) {
	d := newDesk(t)
	first, head := d.pull("feature")
	d.stage.Pull("feature", "main", "The same once more")
	plan := d.says
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		if pr.Number == first {
			d.stage.Close(first)
		}
		return plan(pr)
	}
	for range 2 {
		if err := d.look(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "status", d.status(head), "success")
}
