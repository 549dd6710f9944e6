package whatif

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Simulation is what would become of the fleet.
type Simulation struct {
	// Moves are the replicas that would end elsewhere than they are, or as other
	// containers.
	Moves []Relocation `json:"moves,omitempty"`
	// Waits is what would not fit, or wait for something.
	Waits []Wait `json:"waits,omitempty"`
	// Stay is how many replicas would stay as they are.
	Stay int `json:"stay"`
	// Hosts are the hosts with how many replicas they have and would have.
	Hosts []HostThen `json:"hosts"`
	// Took is how long it would take until the last of it is done, from when it
	// is begun, and Starts how many containers would be started meanwhile.
	Took   time.Duration `json:"took"`
	Starts int           `json:"starts"`
	// Noticed is how long a controller would take before that, to give up hosts
	// that fell silent at once, and Withheld why it would not give up some of them.
	Noticed  time.Duration     `json:"noticed,omitempty"`
	Withheld map[string]string `json:"withheld,omitempty"`
	// StartsPerSecond and PullTime are what was assumed of each engine.
	StartsPerSecond float64       `json:"startsPerSecond"`
	PullTime        time.Duration `json:"pullTime"`
}

// Fits says whether all that is asked for would be there.
func (r *Simulation) Fits() bool { return len(r.Waits) == 0 }

// Relocation is a replica that would be elsewhere, or another container: From is where
// it is, "" if it is nowhere, and To where it would be.
type Relocation struct {
	App     string `json:"app"`
	Service string `json:"service"`
	Slot    string `json:"slot"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Why     string `json:"why,omitempty"`
}

// KindApp is the kind of what waits when an app's rollout would fail.
const KindApp plan.Kind = "app"

// Wait is something that would not be done: of a plan's kinds, or a whole app.
type Wait struct {
	Kind  plan.Kind `json:"kind"`
	App   string    `json:"app"`
	Thing string    `json:"thing"`
	Host  string    `json:"host,omitempty"`
	Why   string    `json:"why"`
}

// HostThen is a host before and after.
type HostThen struct {
	Name   string `json:"name"`
	Lost   bool   `json:"lost,omitempty"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

// spot is where a replica is, in which container.
type spot struct{ host, container string }

func (f *fleet) result(first, last Decision) Simulation {
	r := Simulation{Took: f.last.Sub(f.in.Now), Starts: f.starts, StartsPerSecond: startsPerSecond, PullTime: PullTime}
	before, after := f.spots(&f.in.Live, true), f.spots(&f.live, false)
	why := map[plan.Key]string{}
	for i := range first.Plan.Changes {
		why[first.Plan.Changes[i].Key] = strings.Join(first.Plan.Changes[i].Reasons, "; ")
	}
	waiting := blocked(last)
	for key := range union(before, after) {
		was, is := before[key], after[key]
		switch {
		case was == is:
			r.Stay++
		case is.host == "" && f.diesWith(key, was.host):
			r.Moves = append(r.Moves, Relocation{key.App, key.Service, key.Slot, was.host, "", "goes with its host"})
		case is.host == "" && (waiting[key] || f.stays(key, was.host)):
			// it fits nowhere, or waits for its host: see waits
		default:
			r.Moves = append(r.Moves, Relocation{key.App, key.Service, key.Slot, was.host, is.host, f.why(was, why[key])})
		}
	}
	slices.SortFunc(r.Moves, func(a, b Relocation) int { return plan.CompareKeys(a.key(), b.key()) })
	r.Waits = append(f.waits(last), f.failed()...)
	r.Hosts = f.hosts(before, after)
	return r
}

// why a replica moves: to the decisions one of a lost host is simply missing.
func (f *fleet) why(was spot, reasons string) string {
	if h := f.host(was.host); h != nil && h.Condition == model.Lost {
		return "its host is lost"
	}
	return reasons
}

func (m Relocation) key() plan.Key {
	return plan.Key{Kind: plan.KindReplica, App: m.App, Service: m.Service, Slot: m.Slot}
}

func union(a, b map[plan.Key]spot) map[plan.Key]bool {
	keys := map[plan.Key]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

// spots are where the replicas are. Those on lost hosts count only when asked
// for: before, and not after.
func (f *fleet) spots(live *model.Live, lost bool) map[plan.Key]spot {
	spots := map[plan.Key]spot{}
	for i := range live.Hosts {
		h := &live.Hosts[i]
		if h.Condition == model.Lost && !lost {
			continue
		}
		for j := range h.Containers {
			c := &h.Containers[j]
			part := c.Owner.Role != "" && c.Owner.Role != model.RoleHolder
			if c.Owner.Owner != f.in.Desired.Owner || c.Owner.Name != c.Name || c.Owner.Service == "" || part {
				continue
			}
			key := plan.Key{Kind: plan.KindReplica, App: c.Owner.App, Service: c.Owner.Service, Slot: c.Owner.Slot}
			if old, twice := spots[key]; !twice || c.Running() && old.container > c.ID {
				spots[key] = spot{h.Name, c.ID}
			}
		}
	}
	return spots
}

// stays says whether a replica belongs to a host that is lost, whatever becomes
// of it.
func (f *fleet) stays(key plan.Key, host string) bool {
	h := f.host(host)
	s := f.service(key.App, key.Service)
	return h != nil && h.Condition == model.Lost && s != nil && !s.Outlives()
}

func (f *fleet) service(app, name string) *model.Service {
	for i := range f.in.Desired.Apps {
		if f.in.Desired.Apps[i].Name != app {
			continue
		}
		for j := range f.in.Desired.Apps[i].Services {
			if s := &f.in.Desired.Apps[i].Services[j]; s.Name == name {
				return s
			}
		}
	}
	return nil
}

// blocked are the things that a decision can't do.
func blocked(d Decision) map[plan.Key]bool {
	keys := map[plan.Key]bool{}
	for i := range d.Plan.Changes {
		if c := &d.Plan.Changes[i]; c.Verdict == plan.Blocked {
			keys[c.Key] = true
		}
	}
	return keys
}

// waits are the things that the last decision would not do.
func (f *fleet) waits(last Decision) []Wait {
	var waits []Wait
	for i := range last.Plan.Changes {
		c := &last.Plan.Changes[i]
		held := last.Rollout.Held[c.Key]
		if c.Verdict != plan.Blocked && (held == "" || !c.Wanted()) || f.goneWith(c) || tidiesUp(c) {
			continue
		}
		why := strings.Join(c.Reasons, "; ")
		if c.Verdict != plan.Blocked {
			why = held
		}
		if f.stays(c.Key, c.Host) {
			why = waitsFor(f.service(c.Key.App, c.Key.Service), c.Host)
		}
		waits = append(waits, Wait{Kind: c.Key.Kind, App: c.Key.App, Thing: c.Key.String(), Host: c.Host, Why: why})
	}
	return waits
}

// tidiesUp says whether something would only go that nobody needs any more: where
// that waits, nothing is missing.
func tidiesUp(c *plan.Change) bool {
	return c.Removal && c.Key.Kind != plan.KindReplica && c.Key.Kind != plan.KindRun
}

// goneWith says whether a thing has gone with its host and has no other place:
// what replicas there were on, and those of mode global.
func (f *fleet) goneWith(c *plan.Change) bool {
	h := f.host(c.Host)
	if h == nil || h.Condition != model.Lost {
		return false
	}
	return c.Key.Kind != plan.KindReplica && c.Key.Kind != plan.KindRun || f.diesWith(c.Key, c.Host)
}

// diesWith says whether a replica is the one that a lost host has of a service
// with mode global: there is none to be without the host.
func (f *fleet) diesWith(key plan.Key, host string) bool {
	h := f.host(host)
	s := f.service(key.App, key.Service)
	return h != nil && h.Condition == model.Lost && s != nil && s.Mode == model.ModeGlobal
}

// waitsFor says why a replica waits for a lost host.
func waitsFor(s *model.Service, host string) string {
	if s.OnHostLoss == model.OnHostLossWait || len(s.Holds) == 0 {
		return "waits for host " + host + ": onHostLoss is wait"
	}
	return "waits for host " + host + ", which has its volume " + s.Holds[0].HostName + " (onHostLoss: move would start it elsewhere, without the data)"
}

// failed are the rollouts that would not succeed.
func (f *fleet) failed() []Wait {
	var waits []Wait
	for app, r := range f.state.Records {
		if r.Phase == rollout.Failed && !r.Gone {
			waits = append(waits, Wait{Kind: KindApp, App: app, Thing: "app " + app, Why: "its rollout fails: " + r.Reason})
		}
	}
	slices.SortFunc(waits, func(a, b Wait) int { return cmp.Compare(a.App, b.App) })
	return waits
}

func (f *fleet) hosts(before, after map[plan.Key]spot) []HostThen {
	hosts := make([]HostThen, len(f.live.Hosts))
	for i := range f.live.Hosts {
		hosts[i] = HostThen{Name: f.live.Hosts[i].Name, Lost: f.live.Hosts[i].Condition == model.Lost}
	}
	for _, s := range before {
		hosts[f.index[s.host]].Before++
	}
	for _, s := range after {
		hosts[f.index[s.host]].After++
	}
	return hosts
}
