package pulls

import (
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

func broken() *proposal.Invalid {
	return &proposal.Invalid{Since: proposal.Commit{ID: "12ab34cd56"}, Error: "web.yaml:2:1: wrong", Against: proposal.Commit{ID: "67ef"}, InForce: true}
}

// TestWhatMendsTheBranchIsGood: the branch itself being refused is no fault of it.
func TestWhatMendsTheBranchIsGood(t *testing.T) {
	d := newDesk(t)
	number, head := d.pull("feature")
	d.says = func(pr forge.PullRequest) (proposal.Proposal, error) {
		p := creates(pr.Head, 1)
		p.Invalid = broken()
		return p, nil
	}
	if err := d.look(); err != nil {
		t.Fatal(err)
	}
	expect(t, "comment", d.comment(number), "This is compared with `67ef`, which is in force.")
	expect(t, "status", d.status(head), "success: mends base: +1")
}
