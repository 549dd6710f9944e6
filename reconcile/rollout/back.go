package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// holdBack puts what has failed on hold, which sends the app back to where it
// was good last. It does not where a person pinned what failed, where that was the
// way back itself, and where there is nothing to go back to.
func (r *roll) holdBack(failure Record) {
	good, held := r.standing.Good, r.app.Held
	pinned := held != nil && held.Kind == model.HeldPin
	reverts := r.app.OnFailure == model.OnFailureRevert
	if !reverts && r.app.OnFailure != model.OnFailureRollback || pinned || r.record.RollbackOf != "" || good == nil || good.Digest == r.record.Digest {
		return
	}
	r.standing.Hold = &Hold{
		Digest: r.record.Digest, Revision: r.record.Revision, Subject: r.record.Subject, Author: r.record.Author,
		Reason: failure.Reason, Since: r.in.Now, To: good.Revision, Images: good.Images, Revert: reverts,
		Service: failure.Service, Container: failure.Container, Host: failure.Host, PulledWith: failure.PulledWith,
	}
	r.soon() // what the app is held to is another revision now
}

// lastWords is how long a failed container is kept for its log to be read.
const lastWords = 10 * time.Second

// speaking says whether the change would end the container that made the last
// rollout fail, before its last words have been read.
func (r *roll) speaking(c *plan.Change) bool {
	hold := r.standing.Hold
	if hold == nil || hold.Container == "" || hold.LogRead || !r.ends(c, hold.Container) {
		return false
	}
	end := hold.Since.Add(lastWords)
	r.wakeAt(end)
	return r.in.Now.Before(end)
}

// ends says whether the change ends a container, or one of a pod.
func (r *roll) ends(c *plan.Change, id string) bool {
	return slices.Contains(c.Swaps, id) || slices.ContainsFunc(c.Old, func(old string) bool {
		whole := r.container(old)
		return old == id || whole != nil && isPart(whole, id)
	})
}

// maxChanged bounds how many lines of what has changed a record keeps.
const maxChanged = 20

// changed says what a new rollout changes, in a line for each service and kind
// of change.
func (r *roll) changed() []string {
	var lines []string
	replicas := map[string]int{}
	for i := range r.changes {
		c := &r.changes[i]
		if c.Key.Kind != plan.KindReplica || !c.Wanted() {
			continue
		}
		line := c.Key.Service + ": " + string(c.Verdict)
		if len(c.Reasons) > 0 && c.Verdict != plan.Create {
			line += ", " + c.Reasons[0]
		}
		if replicas[line]++; replicas[line] == 1 {
			lines = append(lines, line)
		}
	}
	more := len(lines) - maxChanged
	if more > 0 {
		lines = lines[:maxChanged]
	}
	for i, line := range lines {
		lines[i] = fmt.Sprintf("%s (%s)", line, model.Count(replicas[line], "replica", "replicas"))
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}
