package manifest

// Fleet says how all hosts together are dealt with. There is one such document
// at most, and it belongs to no app.
type Fleet struct {
	Origin     `yaml:"-"`
	APIVersion string    `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string    `yaml:"kind" check:"required,enum=Fleet"`
	Metadata   Metadata  `yaml:"metadata" check:"required"`
	Spec       FleetSpec `yaml:"spec" check:"required"`
}

func (f *Fleet) name() string { return f.Metadata.Name }

// FleetSpec is what becomes of replicas on hosts that do not answer.
type FleetSpec struct {
	// How long a host may give no answer before it is Unreachable. A Host can
	// say otherwise for itself.
	UnreachableAfter Duration `yaml:"unreachableAfter" check:"min=1s" default:"15s" aka:"gracePeriod,nodeMonitorGracePeriod"`
	// How much later it is Lost: what can run elsewhere is placed elsewhere. A
	// Host can say otherwise for itself.
	LostAfter Duration `yaml:"lostAfter" check:"min=0s" default:"15s" aka:"lost_after"`
	// How long after its start a controller gives up no host: it may be its own
	// network that is not there yet.
	WarmUp Duration `yaml:"warmUp" check:"min=0s" default:"1m"`
	// How many hosts are given up per minute at most; 0 is any number.
	EvictionRate int `yaml:"evictionRate" check:"min=0" default:"6"`
	// Where more hosts than this are away together, as a number or a percentage
	// of those not given up before, it is the network that is taken for broken:
	// none of them is given up. Of the hosts of a failure domain, where at least
	// 3 of them are away. `100%` gives up every host, and 0 none.
	EvictionThreshold Portion `yaml:"evictionThreshold" default:"55%" aka:"unhealthyZoneThreshold"`
	// The attribute of hosts that fail together: `host.labels.<key>`. Not
	// host.name, which no two hosts share.
	FailureDomain string `yaml:"failureDomain" check:"format=attribute" default:"host.labels.zone"`
	// Who has to have signed every commit, whatever it changes: one that nobody of
	// them has is refused as a whole.
	Verify *Verify `yaml:"verify,omitempty"`
}

func (s *FleetSpec) check(c *context) {
	if s.FailureDomain == hostName {
		c.at("failureDomain").errorf("names no hosts that fail together, as no two have the same; name a label that they share, such as host.labels.zone")
	}
}
