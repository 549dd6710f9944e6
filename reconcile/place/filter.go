package place

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// filter is one rule that a host must pass to get a new replica. The rules are
// asked in order and the first one that fails is the host's reason, so what a
// person decided comes before what merely happens to be so.
type filter struct {
	name string
	// lasting says that the answer is the same during a whole run, and the same
	// for all services of a class.
	lasting bool
	// meant says that a host which fails is still one that a global service
	// is meant for: failing is then a refusal and not a choice.
	meant bool
	// movable says that replicas of lower priority may be what is in the way.
	movable bool
	passes  func(view) bool
	reason  func(view) reason
}

// view is what a filter may look at.
type view struct {
	service *service
	host    *host
	index   int // of the host
	onHost  int // replicas of the service there so far
}

// passed is the verdict on a host that every filter lets through.
const passed = -1

// filters is the table: first where the service has to be, then what lasts, then,
// from p.changing on, what changes with each replica that is placed.
func filters() []filter {
	return []filter{
		{name: "volume", passes: hasVolume, reason: volumeReason},
		{name: "constraints", lasting: true, passes: meetsConstraints, reason: constraintReason},
		{name: "taints", lasting: true, passes: untainted, reason: taintReason},
		{name: "drain", lasting: true, passes: undrained, reason: leavingReason},
		{name: "cordon", lasting: true, passes: schedulable, reason: plain("is cordoned", "are cordoned")},
		{name: "platform", lasting: true, meant: true, passes: fitsPlatform, reason: platformReason},
		{name: "reachable", lasting: true, meant: true, passes: reachable, reason: awayReason},
		{name: "maxPerHost", meant: true, passes: belowMax, reason: maxReason},
		{name: "ports", meant: true, movable: true, passes: portsFree, reason: portReason},
		{name: "resources", meant: true, movable: true, passes: hasRoom, reason: roomReason},
	}
}

// judge is the first filter that host h fails for s, or passed.
func (p *placer) judge(s *service, h int) int {
	v := view{s, &p.hosts[h], h, p.onHost[h]}
	if !hasVolume(v) {
		return 0
	}
	if i := p.classOf(s).lasting[h]; i != passed {
		return int(i)
	}
	for i := p.changing; i < len(p.filters); i++ {
		if !p.filters[i].passes(v) {
			return i
		}
	}
	return passed
}

// lastingOf is the first of the lasting filters that a host fails, or passed.
func (p *placer) lastingOf(v view) int {
	for i := range p.filters {
		if p.filters[i].lasting && !p.filters[i].passes(v) {
			return i
		}
	}
	return passed
}

func meetsConstraints(v view) bool { return unmet(v.service.Placement.Constraints, v.host) == nil }
func schedulable(v view) bool      { return v.host.Schedulable }
func undrained(v view) bool        { return !v.host.emptied() }
func reachable(v view) bool        { return v.host.reachable }
func portsFree(v view) bool        { return v.host.conflict(v.service, false) == nil }
func untainted(v view) bool        { return len(taintsOf(v, model.NoSchedule)) == 0 }

func belowMax(v view) bool {
	limit := v.service.Placement.MaxPerHost
	return limit <= 0 || v.onHost < limit
}

// taintsOf are the host's taints of an effect that the service does not
// tolerate.
func taintsOf(v view, effect string) []model.Taint {
	var taints []model.Taint
	for _, t := range v.host.Taints {
		if t.Effect == effect && !v.service.Placement.Tolerates(t) {
			taints = append(taints, t)
		}
	}
	return taints
}

func taintReason(v view) reason {
	t := taintsOf(v, model.NoSchedule)[0]
	text := t.Key
	if t.Value != "" {
		text += "=" + t.Value
	}
	return reason{one: "is tainted " + text, many: "are tainted " + text}
}

// emptied says whether what is on the host is to leave it.
func (h *host) emptied() bool { return h.Drain || h.leaving }

func leavingReason(v view) reason {
	if v.host.leaving {
		return reason{one: "is no longer in the manifests", many: "are no longer in the manifests"}
	}
	return reason{one: "is being drained", many: "are being drained"}
}

func awayReason(v view) reason {
	if v.host.condition == model.Lost {
		return reason{one: "is lost", many: "are lost"}
	}
	return reason{one: "is unreachable", many: "are unreachable"}
}

func maxReason(v view) reason {
	limit := v.service.Placement.MaxPerHost
	return reason{one: fmt.Sprintf("is at maxPerHost %d", limit), many: fmt.Sprintf("are at maxPerHost %d", limit)}
}

func portReason(v view) reason {
	port := portText(v.host.conflict(v.service, false).port)
	return reason{
		one:  fmt.Sprintf("has port %s taken by %q", port, v.host.holder(v.service)),
		many: fmt.Sprintf("have port %s taken", port),
	}
}
