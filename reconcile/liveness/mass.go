package liveness

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// fewAway is how many hosts of a failure domain have to be away for it to count
// as a mass loss, as in Kubernetes: of two hosts in a rack one may well be dead.
const fewAway = 3

// tally counts hosts, and how many of them are away.
type tally struct{ away, all int }

// massLoss says that so many hosts are away together that it is rather the way to
// them that is broken, or "".
func (j *judge) massLoss(h *model.Host) string {
	threshold := j.in.Fleet.EvictionThreshold
	if t := j.fleet; t.away > threshold.Down(t.all) {
		return fmt.Sprintf("%d of %d hosts are away together (evictionThreshold %s): rather the network than the hosts", t.away, t.all, threshold)
	}
	domain, ok := h.Attribute(j.in.Fleet.FailureDomain)
	if t := j.domains[domain]; ok && t.away >= fewAway && t.away > threshold.Down(t.all) {
		return fmt.Sprintf("%d of %d hosts with %s %s are away together (evictionThreshold %s): rather the network than the hosts",
			t.away, t.all, j.in.Fleet.FailureDomain, domain, threshold)
	}
	return ""
}

// anew is when the time of a host is over that was away together with too many
// others, counted from when they were no longer too many; zero if it was not, or
// still is.
func (j *judge) anew(h *model.Host) time.Time {
	since, was := j.in.Anew[h.Name]
	switch {
	case !j.away(h.Name):
		return time.Time{}
	case j.massLoss(h) != "":
		j.out.Anew[h.Name] = time.Time{}
		return time.Time{}
	case !was:
		return time.Time{}
	case since.IsZero():
		since = j.in.Now
	}
	j.out.Anew[h.Name] = since
	return since.Add(h.Grace.Lost)
}

// count counts the hosts that are away, of all and of each failure domain. Those
// that were given up before count neither as away nor as part of the whole: what
// is gone for days must not make the loss of one more look like a mass loss.
func (j *judge) count() {
	j.domains = map[string]tally{}
	for i := range j.in.Hosts {
		h := &j.in.Hosts[i]
		if _, before := j.out.Lost[h.Name]; before {
			continue
		}
		j.fleet.add(j.away(h.Name))
		if domain, ok := h.Attribute(j.in.Fleet.FailureDomain); ok {
			t := j.domains[domain]
			t.add(j.away(h.Name))
			j.domains[domain] = t
		}
	}
}

func (t *tally) add(away bool) {
	t.all++
	if away {
		t.away++
	}
}

// longestFirst are the hosts, those that have been away longest first.
func (j *judge) longestFirst() []*model.Host {
	hosts := make([]*model.Host, len(j.in.Hosts))
	for i := range j.in.Hosts {
		hosts[i] = &j.in.Hosts[i]
	}
	slices.SortFunc(hosts, func(a, b *model.Host) int {
		return cmp.Or(j.in.Away[a.Name].Compare(j.in.Away[b.Name]), cmp.Compare(a.Name, b.Name))
	})
	return hosts
}

// lately forgets what was given up before the last minute.
func (j *judge) lately() {
	for _, at := range j.in.GivenUp {
		if j.in.Now.Before(at.Add(time.Minute)) {
			j.out.GivenUp = append(j.out.GivenUp, at)
		}
	}
}
