package model

import (
	"strings"
	"time"
)

// Fleet is how all hosts together are dealt with.
type Fleet struct {
	// Grace is that of hosts that do not say; theirs have it already.
	Grace Grace `json:"grace"`
	// WarmUp is how long after its start a controller gives up no host.
	WarmUp time.Duration `json:"warmUp"`
	// EvictionRate is how many hosts are given up per minute; 0 is any number.
	EvictionRate int `json:"evictionRate"`
	// EvictionThreshold is how many of the hosts, or of those of a failure domain,
	// may be away together without the network being taken for broken.
	EvictionThreshold Portion `json:"evictionThreshold"`
	// FailureDomain is the attribute of hosts that fail together.
	FailureDomain string `json:"failureDomain"`
}

// Grace is how long a host may give no answer.
type Grace struct {
	Unreachable time.Duration `json:"unreachable"` // until it is unreachable
	Lost        time.Duration `json:"lost"`        // and from then until it is lost
}

// DefaultFleet is the policy where no manifest says one. A host is given up
// after 30 s, which is between Swarm (about 15 s) and Kubernetes (about 340 s);
// rate and threshold are those of Kubernetes' node controller, which evicts from
// 0.1 nodes a second, and from none in a zone of which 55 % are not ready. Its
// warm-up is shorter than Nomad's 5 min after a change of leader: hosts are asked
// here and need not report by themselves.
func DefaultFleet() Fleet {
	return Fleet{
		Grace:  Grace{Unreachable: 15 * time.Second, Lost: 15 * time.Second},
		WarmUp: time.Minute, EvictionRate: 6, EvictionThreshold: Portion{N: 55, Percent: true}, FailureDomain: "host.labels.zone",
	}
}

// What becomes of replicas on a lost host.
const (
	OnHostLossWait = "wait" // they are left to it
	OnHostLossMove = "move" // they are placed elsewhere
)

// Outlives says whether the replicas of the service are placed elsewhere when
// their host is lost. Those of mode global have no other place.
func (s *Service) Outlives() bool {
	return s.Mode != ModeGlobal && s.OnHostLoss != OnHostLossWait && (len(s.Holds) == 0 || s.OnHostLoss == OnHostLossMove)
}

// Condition is what is made of a host's answers, and of their absence.
type Condition string

// The conditions. A host that is drained or cordoned is ready besides.
const (
	Ready       Condition = "ready"
	Unreachable Condition = "unreachable" // it has given no answer for a while
	Lost        Condition = "lost"        // and for so long that it is given up
)

// Attribute is a host's value of host.name or host.labels.<key>: of what its
// manifest says of it.
func (h *Host) Attribute(attribute string) (value string, known bool) {
	if attribute == "host.name" {
		return h.Name, true
	}
	key, isLabel := strings.CutPrefix(attribute, "host.labels.")
	value, known = h.Labels[key]
	return value, known && isLabel
}
