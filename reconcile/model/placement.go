package model

import (
	"cmp"
	"slices"
	"strings"
)

// Taint keeps replicas off a host that do not tolerate it.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"` // see the constants
}

// Effects of taints.
const (
	NoSchedule       = "NoSchedule"       // no new replica
	PreferNoSchedule = "PreferNoSchedule" // none while another host fits
)

// Toleration lets replicas onto hosts with a taint.
type Toleration struct {
	Key      string `json:"key"`
	Operator string `json:"operator"` // Equal or Exists
	Value    string `json:"value,omitempty"`
}

// TolerationExists is the operator of a toleration for which any value will do.
const TolerationExists = "Exists"

// Tolerates says whether a taint is no reason to stay away.
func (p *Placement) Tolerates(t Taint) bool {
	return slices.ContainsFunc(p.Tolerations, func(o Toleration) bool {
		return o.Key == t.Key && (o.Operator == TolerationExists || o.Value == t.Value)
	})
}

// Resources are amounts to be set aside.
type Resources struct {
	NanoCPUs int64 `json:"nanoCPUs,omitempty"`
	Memory   int64 `json:"memory,omitempty"`
}

// Plus is the sum of both.
func (r Resources) Plus(o Resources) Resources {
	return Resources{r.NanoCPUs + o.NanoCPUs, r.Memory + o.Memory}
}

// Minus is what is left of r.
func (r Resources) Minus(o Resources) Resources {
	return Resources{r.NanoCPUs - o.NanoCPUs, r.Memory - o.Memory}
}

// Max has the greater amount of each.
func (r Resources) Max(o Resources) Resources {
	return Resources{max(r.NanoCPUs, o.NanoCPUs), max(r.Memory, o.Memory)}
}

// Reserve is what a container, or a pod, takes of its host by what it says itself:
// that counts where no manifest names it any more. Of memory its engine has the
// last word, which is adjusted in place; the labels say how it was when it was made,
// also where an engine knows no such setting, or can't be asked right now.
func (c *Container) Reserve() Resources {
	r := c.Owner.Reserve
	var together, alone int64
	for _, p := range c.Parts() {
		switch {
		case p.Spec == nil && p.Owner.Role != RoleHolder:
			return r
		case p.Spec == nil:
		case p.Owner.Role == RoleInit:
			alone = max(alone, p.Spec.Adjustable.MemoryReservation)
		default:
			together += p.Spec.Adjustable.MemoryReservation
		}
	}
	r.Memory = cmp.Or(max(together, alone), r.Memory)
	return r
}

// CapacityOf is what replicas can have on a host, all together: what people say
// that it has, or what its engine reports, without what is kept back. An amount
// that nobody knows is 0 and known is false for it.
func (h *Host) CapacityOf(info HostInfo) Capacity {
	amount := func(said, reported, reserved int64) (int64, bool) {
		if said == 0 {
			said = reported
		}
		return max(said-reserved, 0), said > 0
	}
	var c Capacity
	c.NanoCPUs, c.KnowsCPUs = amount(h.Capacity.NanoCPUs, info.NanoCPUs, h.Reserved.NanoCPUs)
	c.Memory, c.KnowsMemory = amount(h.Capacity.Memory, info.Memory, h.Reserved.Memory)
	return c
}

// Capacity is what a host has for replicas, as far as it is known.
type Capacity struct {
	Resources
	KnowsCPUs, KnowsMemory bool
}

// Fits says whether so much can be set aside besides what is set aside already.
func (c *Capacity) Fits(used, need Resources) bool {
	return (need.Memory == 0 || !c.KnowsMemory || used.Memory+need.Memory <= c.Memory) &&
		(need.NanoCPUs == 0 || !c.KnowsCPUs || used.NanoCPUs+need.NanoCPUs <= c.NanoCPUs)
}

// Room is how much of a host is set aside, for jobs that run and for all replicas
// that are given to it.
type Room struct {
	Host     string
	Capacity Capacity
	Reserved Resources
}

// Fits says whether so much more could be set aside.
func (r *Room) Fits(need Resources) bool { return r.Capacity.Fits(r.Reserved, need) }

// Move is a person's order to put a slot on another host.
type Move struct {
	App     string `json:"app"`
	Service string `json:"service"`
	Slot    string `json:"slot"`
	Host    string `json:"host"`
	// Why says who wants it, or what is better there.
	Why string `json:"why,omitempty"`
}

// Placement narrows down which hosts may get a replica, and says which of them
// is the best.
type Placement struct {
	Constraints []Constraint `json:"constraints,omitempty"`
	// Tolerations are of taints that do not matter.
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// Spread are host attributes (host.labels.zone, host.name) over whose values
	// replicas are spread, the first one first, each further one within those
	// before it.
	Spread []string `json:"spread,omitempty"`
	// MaxSkew is how many more replicas a value of the first of them may have
	// than any other; 0 is no limit.
	MaxSkew    int    `json:"maxSkew,omitempty"`
	MaxPerHost int    `json:"maxPerHost,omitempty"` // 0 is no limit
	Strategy   string `json:"strategy,omitempty"`   // "" is spread
	// Affinity and AntiAffinity are services whose hosts are better, or worse,
	// than others.
	Affinity     []string `json:"affinity,omitempty"`
	AntiAffinity []string `json:"antiAffinity,omitempty"`
}

// StrategyPack fills one host after the other.
const StrategyPack = "pack"

// The operators of constraints.
const (
	OpEqual     = "=="
	OpNotEqual  = "!="
	OpIn        = "in"
	OpNotIn     = "not in"
	OpExists    = "exists"
	OpNotExists = "not exists"
)

// Constraint is one comparison that a host must satisfy.
type Constraint struct {
	Attribute string `json:"attribute"` // see Attribute in package place
	Operator  string `json:"operator"`
	Value     string `json:"value"` // of == and !=
	// Values are those of in and not in.
	Values []string `json:"values,omitempty"`
}

// String is the constraint as it is written in a manifest.
func (c Constraint) String() string {
	text := c.Attribute + " " + c.Operator
	switch {
	case len(c.Values) > 0:
		text += " (" + strings.Join(c.Values, ", ") + ")"
	case c.Value != "":
		text += " " + c.Value
	}
	return text
}

// Meets says whether a host with this value of the attribute satisfies the
// constraint. A host without the attribute has none of the values.
func (c *Constraint) Meets(value string, has bool) bool {
	switch c.Operator {
	case OpExists:
		return has
	case OpNotExists:
		return !has
	case OpIn:
		return has && slices.Contains(c.Values, value)
	case OpNotIn:
		return !has || !slices.Contains(c.Values, value)
	case OpNotEqual:
		return !has || value != c.Value
	}
	return has && value == c.Value
}
