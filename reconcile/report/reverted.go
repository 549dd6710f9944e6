package report

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Reverted is what was done in Git about a commit that an app went back from.
type Reverted struct {
	App string `json:"app"`
	// Failed is the commit, and Since when it was gone back from: trying it again
	// and failing again is another time.
	Failed string    `json:"failed"`
	Since  time.Time `json:"since"`
	// Commit reverts it; "" where nothing was left to revert, or where the branch
	// of an earlier time is used again.
	Commit string `json:"commit,omitempty"`
	// PullRequest asks for it; 0 where it went to the branch itself.
	PullRequest int `json:"pullRequest,omitempty"`
}

// Of says whether it was done about this hold.
func (r *Reverted) Of(hold *rollout.Hold) bool {
	return hold != nil && r.Failed == hold.Revision && r.Since.Equal(hold.Since)
}

// ToRevert are the apps whose failed commits are to be reverted on top of the
// commit that the branch points to: what failed is what the branch still says.
// It is not known before that commit has been decided about.
func (s *Status) ToRevert() (apps []*App, known bool) {
	if s.Target.ID == "" || s.SourceError != "" || s.Undecided != "" || s.Effective.ID != s.Target.ID {
		return nil, false
	}
	for i := range s.Apps {
		a := &s.Apps[i]
		if a.Hold == nil || !a.Hold.Revert || a.Held == nil {
			continue
		}
		if a.Held.Kind == model.HeldRollback && a.Held.Waits == "" && a.Held.Revision == s.Target.ID {
			apps = append(apps, a)
		}
	}
	return apps, true
}
