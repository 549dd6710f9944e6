package place

import (
	"fmt"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// filter is one rule that a host must pass to get a new replica. The rules are
// asked in order and the first one that fails is the host's reason, so what a
// person decided comes before what merely happens to be so.
type filter struct {
	name string
	// meant says that a host which fails is still one that a global service
	// is meant for: failing is then a refusal and not a choice.
	meant  bool
	passes func(view) bool
	reason func(view) reason
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

// filters is the table. Capacity comes last when it comes.
func filters() []filter {
	return []filter{
		{name: "volume", passes: hasVolume, reason: volumeReason},
		{name: "constraints", passes: meetsConstraints, reason: constraintReason},
		{name: "taints", passes: untainted, reason: taintReason},
		{name: "drain", passes: undrained, reason: plain("is being drained", "are being drained")},
		{name: "cordon", passes: schedulable, reason: plain("is cordoned", "are cordoned")},
		{name: "reachable", meant: true, passes: reachable, reason: awayReason},
		{name: "maxPerHost", meant: true, passes: belowMax, reason: maxReason},
		{name: "ports", meant: true, passes: portsFree, reason: portReason},
	}
}

// judge is the first filter that host h fails for s, or passed.
func (p *placer) judge(s *service, h int) int {
	v := view{s, &p.hosts[h], h, p.onHost[h]}
	for i := range p.filters {
		if !p.filters[i].passes(v) {
			return i
		}
	}
	return passed
}

func meetsConstraints(v view) bool { return unmet(v.service.Placement.Constraints, v.host) == nil }
func schedulable(v view) bool      { return v.host.Schedulable }
func undrained(v view) bool        { return !v.host.Drain }
func reachable(v view) bool        { return v.host.reachable }
func portsFree(v view) bool        { return v.host.conflict(v.service, false) == nil }
func untainted(v view) bool        { return taintOf(v.host) == nil }

func belowMax(v view) bool {
	limit := v.service.Placement.MaxPerHost
	return limit <= 0 || v.onHost < limit
}

func taintOf(h *host) *model.Taint {
	for i := range h.Taints {
		if h.Taints[i].Effect == "NoSchedule" {
			return &h.Taints[i]
		}
	}
	return nil
}

// unmet is the first constraint that h does not satisfy, or nil. What only the
// engine can say of itself is not held against a host that has not said it.
func unmet(constraints []model.Constraint, h *host) *model.Constraint {
	for i := range constraints {
		c := &constraints[i]
		if c.Attribute == "host.arch" && h.arch == "" {
			continue
		}
		value, known := attributeOf(h, c.Attribute)
		if equal := known && value == c.Value; equal != (c.Operator == "==") {
			return c
		}
	}
	return nil
}

const labelAttribute = "host.labels."

// attributeOf is a host's value of host.name, host.arch or host.labels.<key>.
func attributeOf(h *host, attribute string) (value string, known bool) {
	switch attribute {
	case "host.name":
		return h.Name, true
	case "host.arch":
		return h.arch, h.arch != ""
	}
	value, known = h.Labels[strings.TrimPrefix(attribute, labelAttribute)]
	return value, known && strings.HasPrefix(attribute, labelAttribute)
}

func constraintReason(v view) reason {
	c := unmet(v.service.Placement.Constraints, v.host)
	label, isLabel := strings.CutPrefix(c.Attribute, labelAttribute)
	switch {
	case isLabel && c.Operator == "==":
		return reason{"lacks label " + label + "=" + c.Value, "lack label " + label + "=" + c.Value}
	case isLabel:
		return reason{"has label " + label + "=" + c.Value, "have label " + label + "=" + c.Value}
	}
	return reason{"does not satisfy " + c.String(), "do not satisfy " + c.String()}
}

func taintReason(v view) reason {
	t := taintOf(v.host)
	text := t.Key
	if t.Value != "" {
		text += "=" + t.Value
	}
	return reason{"is tainted " + text, "are tainted " + text}
}

func awayReason(v view) reason {
	if v.host.condition == model.Lost {
		return reason{"is lost", "are lost"}
	}
	return reason{"is unreachable", "are unreachable"}
}

func maxReason(v view) reason {
	limit := v.service.Placement.MaxPerHost
	return reason{fmt.Sprintf("is at maxPerHost %d", limit), fmt.Sprintf("are at maxPerHost %d", limit)}
}

func portReason(v view) reason {
	port := portText(v.host.conflict(v.service, false).port)
	return reason{fmt.Sprintf("has port %s taken by %q", port, v.host.holder(v.service)), fmt.Sprintf("have port %s taken", port)}
}
