package report

import (
	"fmt"
	"strings"
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
	// PullRequest asks for it; 0 where it went to the branch itself. URL is where
	// people find it.
	PullRequest int    `json:"pullRequest,omitempty"`
	URL         string `json:"url,omitempty"`
	// Error says why it could not be done yet; what is remembered has none.
	Error string `json:"error,omitempty"`
}

// Of says whether it was done about this hold.
func (r *Reverted) Of(hold *rollout.Hold) bool {
	return hold != nil && r.Failed == hold.Revision && r.Since.Equal(hold.Since)
}

// TellReverts says of each app whose commit is to be reverted what was done about
// that, by app. While another rendering waits nothing is to be done.
func (s *Status) TellReverts(done map[string]Reverted) {
	for i := range s.Apps {
		a := &s.Apps[i]
		r, told := done[a.Name]
		if !told || !r.Of(a.Hold) || a.Held == nil || a.Held.Kind != model.HeldRollback || a.Held.Waits != "" {
			continue
		}
		a.Reverted, a.Reason = &r, strings.TrimPrefix(a.Reason+"; "+r.text(), "; ")
	}
}

func (r *Reverted) text() string {
	switch {
	case r.Error != "":
		return "can't be reverted in Git, which is tried again: " + firstLine(r.Error)
	case r.PullRequest != 0:
		return strings.TrimSuffix(fmt.Sprintf("pull request %d asks to revert it: %s", r.PullRequest, r.URL), ": ")
	case r.Commit != "":
		return "reverted in Git by " + short(r.Commit)
	}
	return "nothing to revert in Git: it is a revert itself, or no file would change"
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
