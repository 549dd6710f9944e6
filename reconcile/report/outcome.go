package report

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Outcome is what has become of taking the hosts to a revision.
type Outcome string

// The outcomes. Pending is none yet: something is still going on.
const (
	Pending    Outcome = "pending"
	Converged  Outcome = "converged"
	FailedOut  Outcome = "failed"     // an app's rollout has failed
	Incomplete Outcome = "incomplete" // all is done that can be, and something can't
	Refused    Outcome = "refused"    // the revision can't be had or is not good
	// Waiting is an app whose canary is good and waits for a person, which may
	// take days: nobody waits for it at a terminal.
	Waiting Outcome = "waiting"
)

// OutcomeOf says how a status ends the wait for it. Failures are told when
// everything else has come to its end, so that what is told stays true.
func OutcomeOf(s *Status) Outcome {
	if s.SourceError != "" {
		return Refused
	}
	if s.Effective.ID == "" || s.Effective.ID != s.Target.ID || s.Sync == SyncUnknown && s.FetchError == "" || s.Busy > 0 {
		return Pending
	}
	result := s.hostsOutcome()
	if result == Pending {
		return Pending
	}
	for i := range s.Apps {
		if s.Apps[i].Preview != "" {
			continue
		}
		switch appOutcome(s, &s.Apps[i]) {
		case Pending:
			return Pending
		case FailedOut:
			result = FailedOut
		case Incomplete:
			if result != FailedOut {
				result = Incomplete
			}
		case Waiting:
			if result == Converged {
				result = Waiting
			}
		}
	}
	return result
}

// hostsOutcome is Incomplete while a host can't be reached, though all else may be
// done: what runs there is not known. One that was given up, is drained, is no
// longer declared or is another one's second name is not waited for; what is still
// there counts with its app.
func (s *Status) hostsOutcome() Outcome {
	result := Converged
	for i := range s.Hosts {
		switch h := &s.Hosts[i]; {
		case h.Reachable || h.Leaving || h.Drain || h.Condition == model.Lost || h.SameAs != "":
		case h.Error == model.NotReachedYet:
			return Pending
		default:
			result = Incomplete
		}
	}
	return result
}

// behindOutcome is the outcome of an app that waits for another one: if that
// comes to where it is to be, this one goes on.
func behindOutcome(s *Status, a *App) Outcome {
	i := slices.IndexFunc(s.Apps, func(other App) bool { return other.Name == a.WaitsFor })
	if i < 0 {
		return Incomplete
	}
	switch first := appOutcome(s, &s.Apps[i]); first {
	case Pending, Converged:
		return Pending
	case Waiting:
		return Waiting
	}
	return Incomplete
}

func appOutcome(s *Status, a *App) Outcome {
	if a.WaitsFor != "" {
		return behindOutcome(s, a)
	}
	if a.Phase == rollout.Failed {
		if a.goesBack() && !a.Stuck {
			return Pending
		}
		return FailedOut
	}
	if a.Pause != nil && a.Pin == nil && a.Phase != rollout.Complete {
		return Incomplete // nothing goes on until somebody resumes it
	}
	if c := a.Canary; c != nil && c.Idle && c.PromotedAt.IsZero() && a.Pause == nil {
		return Waiting
	}
	worst := Converged
	if a.Unresolved != "" {
		return Incomplete
	}
	for i := range s.Changes {
		switch c := &s.Changes[i]; {
		case c.Key.App != a.Name || c.Kept:
		case c.Key.Kind == plan.KindRun && !c.Removal && a.Phase != rollout.Progressing: // a job goes its own way
		case s.beyondReach(c) || a.Phase != rollout.Progressing && (lingers(c) || homeless(c)):
			worst = Incomplete
		default:
			return Pending
		}
	}
	if worst == Incomplete {
		return s.rest(a)
	}
	if a.Phase != rollout.Complete || a.Health != Healthy {
		return Pending
	}
	return a.heldOutcome()
}

// heldOutcome is the outcome of an app at which all is as it is to be: not what
// was asked for, if it is held to something else.
func (a *App) heldOutcome() Outcome {
	switch {
	case a.Held == nil:
		return Converged
	case a.Held.Kind == model.HeldRollback && a.Held.Waits == "":
		return FailedOut
	}
	return Incomplete
}

// goesBack says that the app's rollout has failed and the way back has not
// begun.
func (a *App) goesBack() bool { return a.Hold != nil && a.Hold.Revision == a.Revision }

// beyondReach says of a change that only a person, or a host that comes back,
// can go on with it.
func (s *Status) beyondReach(c *Change) bool {
	blocked := c.Verdict == plan.Blocked
	return blocked && c.Removal || s.away(c.Host) || blocked && c.Host == "" && s.anyAway()
}

// lingers says of a change that it is a network nobody needs, which could not be
// removed: somebody else may be on it for ever.
func lingers(c *Change) bool {
	return c.Removal && c.Key.Kind == plan.KindNetwork && c.Held != ""
}

// homeless says of a change that no host takes the replica: that may last, when it
// has made room for a higher priority.
func homeless(c *Change) bool {
	return c.Key.Kind == plan.KindReplica && c.Verdict == plan.Blocked && c.Host == "" && !c.Removal
}

// anyAway says whether there is a host that a replica for which no host was
// found might have had.
func (s *Status) anyAway() bool {
	return slices.ContainsFunc(s.Hosts, func(h Host) bool { return !h.Reachable })
}

func (s *Status) away(host string) bool {
	return host != "" && slices.ContainsFunc(s.Hosts, func(h Host) bool { return h.Name == host && !h.Reachable })
}

// rest judges an app of which a part is beyond reach by its other replicas.
func (s *Status) rest(a *App) Outcome {
	for i := range a.Services {
		for _, r := range a.Services[i].Replicas {
			if r.Verdict != plan.Remove && r.Verdict != plan.Blocked && r.Health != Healthy && !s.away(r.Host) {
				return Pending
			}
		}
	}
	return Incomplete
}
