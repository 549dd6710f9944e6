package manifest

import "slices"

// Placement narrows down which hosts may get a replica, and says which of them
// is the best.
type Placement struct {
	// Comparisons that a host must satisfy, all of them, such as
	// `host.labels.disk == ssd`, `host.name != edge-1`, `host.labels.zone in (a, b)`,
	// `host.arch not in (arm, arm64)`, `host.labels.gpu exists`,
	// `host.labels.old not exists`. A host's attributes are host.name,
	// host.labels.<key>, host.arch, host.os and host.engine, which is its engine's
	// version.
	Constraints []Constraint `yaml:"constraints,omitempty" check:"unique" aka:"nodeSelector,nodeAffinity"`
	// Taints of hosts that do not keep the replicas away.
	Tolerations []Toleration `yaml:"tolerations,omitempty" aka:"tolerates"`
	// Host attributes over whose values replicas are spread evenly, the first
	// one first, such as `host.labels.zone`, each further one within those before
	// it.
	Spread []string `yaml:"spread,omitempty" check:"unique,format=attribute" aka:"topologySpreadConstraints,preferences"`
	// How many more replicas one value of the first of them may have than another;
	// what would be more is not placed. Values of which no host takes any replica
	// now do not count.
	MaxSkew int `yaml:"maxSkew,omitempty" check:"min=1"`
	// How many replicas one host may have; without it any number.
	MaxPerHost int `yaml:"maxPerHost,omitempty" check:"min=1" aka:"maxReplicasPerNode"`
	// Where a replica goes when the hosts are equal in all that is declared:
	// `spread` where the service has the fewest and the least is set aside, `pack`
	// where the most is set aside already.
	Strategy string `yaml:"strategy" check:"enum=spread|pack" default:"spread"`
	// Services, of any app, on whose hosts a replica should rather be.
	Affinity []string `yaml:"affinity,omitempty" check:"unique,format=name,ref=neighbour" aka:"podAffinity"`
	// Services, of any app, on whose hosts a replica should rather not be.
	AntiAffinity []string `yaml:"antiAffinity,omitempty" check:"unique,format=name,ref=neighbour" aka:"podAntiAffinity"`
}

// Toleration lets replicas onto hosts with a taint.
type Toleration struct {
	// The taint's key.
	Key string `yaml:"key" check:"required,format=labelKey"`
	// `Equal`: the taint must have this value. `Exists`: it may have any.
	Operator string `yaml:"operator" check:"enum=Equal|Exists" default:"Equal"`
	// The taint's value; without it, that of a taint that has none.
	Value string `yaml:"value,omitempty"`
}

func (t *Toleration) check(c *context) {
	if t.Operator == "Exists" && t.Value != "" {
		c.at("value").errorf("has no meaning with operator Exists, for which any value will do")
	}
}

func (p *Placement) check(c *context) {
	if p.MaxSkew > 0 && len(p.Spread) == 0 {
		c.at("maxSkew").errorf("needs spread, of whose first attribute it is about")
	}
	noneTwice(c, "tolerations", p.Tolerations)
	for i, name := range p.AntiAffinity {
		if contains(p.Affinity, name) {
			c.at("antiAffinity", nth(i)).errorf("is in affinity as well: a replica can't both rather be on the hosts of %q and rather not; take it out of one of them", name)
		}
	}
	if i := slices.Index(p.Spread, hostName); i >= 0 && i < len(p.Spread)-1 {
		c.at("spread", nth(i+1)).errorf("has no meaning after host.name, of which each host has a value of its own; put it before that")
	}
}

// hostName is the attribute that no two hosts share.
const hostName = "host.name"

// noneTwice refuses the same thing said twice.
func noneTwice[T comparable](c *context, field string, all []T) {
	for i, one := range all {
		if j := slices.Index(all, one); j < i {
			c.at(field, nth(i)).errorf("is the same as %s[%d]; take one of them out", field, j)
		}
	}
}

// checkPlacement refuses what chooses among hosts where each gets one replica.
func (s *ServiceSpec) checkPlacement(c *context) {
	at := c.at("placement")
	for _, field := range []string{"spread", "maxSkew", "maxPerHost", "strategy", "affinity", "antiAffinity"} {
		byDefault := field == "strategy" && s.Placement.Strategy != "pack" // which is written out, too
		if s.Mode == "global" && at.has(field) && !byDefault {
			at.at(field).errorf("has no meaning with mode global, which runs one replica on every host that the constraints and tolerations allow; take it out")
		}
	}
}
