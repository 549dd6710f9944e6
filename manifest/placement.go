package manifest

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

func (s *ServiceSpec) checkPlacement(c *context) {
	p := &s.Placement
	if p.MaxSkew > 0 && len(p.Spread) == 0 {
		c.at("placement", "maxSkew").errorf("needs spread, of whose first attribute it is about")
	}
	if p.MaxSkew > 0 && s.Mode == "global" {
		c.at("placement", "maxSkew").errorf("has no meaning with mode global, which runs one replica per host")
	}
}
