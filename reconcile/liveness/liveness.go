// Package liveness decides which hosts are ready, unreachable or lost.
//
// A host that gives no answer may be dead, or only cut off from whoever asks,
// and from here the two look alike. So a host is given up only after a while,
// only a few per minute, never soon after the controller's own start, and not at
// all when so many are away together that it is rather the network: moving what
// runs on half a fleet would do more harm than waiting.
//
// It is one pure function. It knows nothing of what runs on the hosts; Evict says
// what being lost means for that.
package liveness

import (
	"fmt"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Input is what a judgement is made from.
type Input struct {
	Fleet model.Fleet
	Hosts []model.Host
	Now   time.Time
	// Started is when the controller began to look.
	Started time.Time
	// Away are the hosts that give no answer, and since when.
	Away map[string]time.Time
	// Lost are the hosts that are given up, and since when.
	Lost map[string]time.Time
	// GivenUp are the times at which hosts were given up lately, oldest first.
	GivenUp []time.Time
	// Anew is what the last judgement made of those that were away together.
	Anew map[string]time.Time
}

// Result is what is made of the hosts.
type Result struct {
	Conditions map[string]model.Condition
	// Lost are those that are given up now; of Input.Lost, those that are still
	// away.
	Lost map[string]time.Time
	// GivenUp are the times within the last minute at which hosts were given up.
	GivenUp []time.Time
	// Anew are hosts that are away, and were so together with too many others, and
	// when that was over: their time begins anew then, because the last one of many
	// that come back is no more lost than the others were. It is zero while they are.
	Anew map[string]time.Time
	// Withheld says of hosts that have been away for long enough why they are
	// not given up.
	Withheld map[string]string
	// Wake is when another judgement may fall if nothing happens before.
	Wake time.Time
}

// Judge says what is made of each host.
func Judge(in Input) Result {
	j := &judge{in: in, out: Result{Conditions: map[string]model.Condition{}, Lost: map[string]time.Time{}, Anew: map[string]time.Time{}, Withheld: map[string]string{}}}
	for i := range in.Hosts {
		name := in.Hosts[i].Name
		if at, lost := in.Lost[name]; lost && j.away(name) {
			j.out.Lost[name] = at
		}
	}
	j.count()
	j.lately()
	for _, h := range j.longestFirst() {
		j.host(h)
	}
	return j.out
}

// judge carries one judgement.
type judge struct {
	in      Input
	out     Result
	fleet   tally
	domains map[string]tally // by the value of Fleet.FailureDomain
}

func (j *judge) away(name string) bool { return !j.in.Away[name].IsZero() }

func (j *judge) wakeAt(t time.Time) {
	if j.out.Wake.IsZero() || t.Before(j.out.Wake) {
		j.out.Wake = t
	}
}

func (j *judge) host(h *model.Host) {
	unreachable := j.in.Away[h.Name].Add(h.Grace.Unreachable)
	lost := unreachable.Add(h.Grace.Lost)
	if again := j.anew(h); again.After(lost) {
		lost = again
	}
	_, already := j.out.Lost[h.Name]
	switch {
	case !j.away(h.Name):
		j.out.Conditions[h.Name] = model.Ready
	case already:
		j.out.Conditions[h.Name] = model.Lost
	case j.in.Now.Before(unreachable):
		j.out.Conditions[h.Name] = model.Ready
		j.wakeAt(unreachable)
	case j.in.Now.Before(lost):
		j.out.Conditions[h.Name] = model.Unreachable
		j.wakeAt(lost)
	default:
		j.giveUp(h)
	}
}

// giveUp gives a host up that has been away for long enough, if nothing speaks
// against it.
func (j *judge) giveUp(h *model.Host) {
	if why := j.withheld(h); why != "" {
		j.out.Conditions[h.Name], j.out.Withheld[h.Name] = model.Unreachable, why
		return
	}
	j.out.Conditions[h.Name], j.out.Lost[h.Name] = model.Lost, j.in.Now
	j.out.GivenUp = append(j.out.GivenUp, j.in.Now)
}

// withheld says why a host is not given up yet, or "".
func (j *judge) withheld(h *model.Host) string {
	if warm := j.in.Started.Add(j.in.Fleet.WarmUp); j.in.Now.Before(warm) {
		j.wakeAt(warm)
		return fmt.Sprintf("the controller has begun only now and gives up no host for %s", j.in.Fleet.WarmUp)
	}
	if why := j.massLoss(h); why != "" {
		return why
	}
	if rate := j.in.Fleet.EvictionRate; rate > 0 && len(j.out.GivenUp) >= rate {
		j.wakeAt(j.out.GivenUp[len(j.out.GivenUp)-rate].Add(time.Minute))
		return fmt.Sprintf("hosts are given up one after the other, %d per minute", rate)
	}
	return ""
}
