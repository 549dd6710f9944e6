package place

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

// drawWorld makes a small fleet with odd hosts, services of both modes, and
// containers that may be in any place and state.
func drawWorld(t *rapid.T) Input {
	in := Input{Owner: "me"}
	for i := range rapid.IntRange(0, 5).Draw(t, "hosts") {
		name := "h" + strconv.Itoa(i)
		in.Hosts = append(in.Hosts, drawHost(t, name))
		in.Live.Hosts = append(in.Live.Hosts, model.HostState{
			Name: name, Reachable: rapid.IntRange(0, 4).Draw(t, "up") > 0,
			Info: model.HostInfo{Memory: rapid.SampledFrom([]int64{0, 2, 4, 8}).Draw(t, "memory"), NanoCPUs: rapid.SampledFrom([]int64{0, 3}).Draw(t, "cpus")},
		})
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "services") {
		in.Services = append(in.Services, drawService(t, "s"+strconv.Itoa(i)))
	}
	if len(in.Hosts) == 0 {
		return in
	}
	for i := range rapid.IntRange(0, 10).Draw(t, "containers") {
		s := rapid.SampledFrom(in.Services).Draw(t, "of")
		slot := rapid.SampledFrom([]string{"1", "2", "3", "h0", "h1"}).Draw(t, "slot")
		c := container(s, slot, strconv.Itoa(i))
		c.State = rapid.SampledFrom([]model.State{model.StateRunning, model.StateExited, model.StateCreated}).Draw(t, "state")
		c.Health = rapid.SampledFrom([]model.Health{"", model.HealthStarting, model.HealthHealthy}).Draw(t, "health")
		c.Owner.Owner = rapid.SampledFrom([]string{"me", "me", "me", "somebody"}).Draw(t, "owner")
		put(&in.Live, rapid.SampledFrom(in.Hosts).Draw(t, "where").Name, c)
	}
	return in
}

func drawHost(t *rapid.T, name string) model.Host {
	h := model.Host{Name: name, Schedulable: rapid.IntRange(0, 4).Draw(t, "schedulable") > 0}
	h.Drain = rapid.IntRange(0, 5).Draw(t, "drain") == 0
	h.Labels = map[string]string{"zone": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone")}
	switch rapid.IntRange(0, 5).Draw(t, "tainted") {
	case 0:
		h.Taints = []model.Taint{noSchedule("gpu", "")}
	case 1:
		h.Taints = []model.Taint{{Key: "old", Effect: model.PreferNoSchedule}}
	}
	return h
}

func drawService(t *rapid.T, name string) model.Service {
	s := model.Service{App: rapid.SampledFrom([]string{"app", "bpp"}).Draw(t, "app"), Name: name, Mode: model.ModeReplicated, Fingerprint: "f1"}
	s.Replicas = rapid.IntRange(0, 4).Draw(t, "replicas")
	if rapid.IntRange(0, 3).Draw(t, "global") == 0 {
		s.Mode, s.Replicas = model.ModeGlobal, 0
	}
	s.Placement.MaxPerHost = rapid.IntRange(0, 2).Draw(t, "max")
	if rapid.Bool().Draw(t, "constrained") {
		s.Placement.Constraints = constraint("host.labels.zone", "==", "a")
	}
	if rapid.Bool().Draw(t, "spread") {
		s.Placement.Spread = rapid.SampledFrom([][]string{{"host.labels.zone"}, {"host.labels.zone", "host.name"}, {"host.name"}}).Draw(t, "over")
		s.Placement.MaxSkew = rapid.IntRange(0, 2).Draw(t, "maxSkew")
	}
	s.Priority = rapid.SampledFrom([]int{0, 0, 5, 9}).Draw(t, "priority")
	s.Reserve = model.Resources{Memory: rapid.Int64Range(0, 3).Draw(t, "memory"), NanoCPUs: rapid.Int64Range(0, 1).Draw(t, "cpus")}
	s.Placement.Strategy = rapid.SampledFrom([]string{"", model.StrategyPack}).Draw(t, "strategy")
	if rapid.IntRange(0, 3).Draw(t, "with") == 0 {
		s.Placement.Affinity = []string{"s0"}
	}
	if rapid.IntRange(0, 3).Draw(t, "without") == 0 {
		s.Placement.AntiAffinity = []string{"s1"}
	}
	if rapid.Bool().Draw(t, "tolerates") {
		s.Placement.Tolerations = []model.Toleration{{Key: "gpu", Operator: "Exists"}}
	}
	if rapid.IntRange(0, 2).Draw(t, "publishes") == 0 {
		s = publishing(s, rapid.SampledFrom([]uint16{80, 81}).Draw(t, "port"))
	}
	return s
}

func TestOrderOfTheInputChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		want := Place(in)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffle(random, in.Services)
		shuffle(random, in.Hosts)
		shuffle(random, in.Live.Hosts)
		for i := range in.Live.Hosts {
			shuffle(random, in.Live.Hosts[i].Containers)
		}
		if got := Place(in); !reflect.DeepEqual(got, want) {
			t.Fatalf("shuffled input: %s\nnot %s", text(got), text(want))
		}
	})
}

func shuffle[T any](r *rand.Rand, s []T) {
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

func TestEverySlotIsPlacedOrRefusedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		r := Place(in)
		seen := map[[2]string]int{}
		for _, a := range r.Assignments {
			seen[[2]string{a.Service, a.Slot}]++
		}
		for _, f := range r.Refusals {
			seen[[2]string{f.Service, f.Slot}]++
			if f.Reason == "" {
				t.Fatalf("%s-%s is refused without a reason", f.Service, f.Slot)
			}
		}
		for _, s := range in.Services {
			for n := 1; n <= s.Replicas; n++ {
				if seen[[2]string{s.Name, strconv.Itoa(n)}] != 1 {
					t.Fatalf("%s-%d does not appear exactly once: %s", s.Name, n, text(r))
				}
			}
		}
	})
}

// Something bad never happens: to a new replica no filter was blind, and
// staying does not excuse a broken constraint or a port that is taken twice.
func TestNoReplicaIsWhereItMayNotBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		r := Place(in)
		ports, perHost := map[string]string{}, map[string]int{}
		for _, a := range r.Assignments {
			h, s, up := hostOf(in, a.Host), serviceOf(in, a.Service), reachableIn(in, a.Host)
			perHost[a.Service+"@"+a.Host]++
			isNew := a.Container == ""
			switch {
			case len(s.Placement.Constraints) > 0 && h.Labels["zone"] != "a":
				t.Fatalf("%s-%s is on %s against its constraint", a.Service, a.Slot, a.Host)
			case isNew && (!h.Schedulable || h.Drain || !tolerates(s, h) || !up):
				t.Fatalf("%s-%s is new on %s, which takes nothing", a.Service, a.Slot, a.Host)
			case isNew && s.Placement.MaxPerHost > 0 && s.Mode != model.ModeGlobal && perHost[a.Service+"@"+a.Host] > s.Placement.MaxPerHost+stayingOn(r, a):
				t.Fatalf("%s-%s is one too many on %s", a.Service, a.Slot, a.Host)
			}
			for _, p := range s.Container.Ports {
				k := a.Host + ":" + portText(p)
				if ports[k] != "" {
					t.Fatalf("%s-%s and %s share %s", a.Service, a.Slot, ports[k], k)
				}
				ports[k] = a.Service + "-" + a.Slot
			}
		}
	})
}

// stayingOn is how many of a service's replicas were on the host already: they
// may be over a limit that came later.
func stayingOn(r Result, of Assignment) (n int) {
	for _, a := range r.Assignments {
		if a.Service == of.Service && a.Host == of.Host && a.Container != "" {
			n++
		}
	}
	return n
}

func tolerates(s *model.Service, h *model.Host) bool {
	return len(h.Taints) == 0 || h.Taints[0].Effect != model.NoSchedule || len(s.Placement.Tolerations) > 0
}

// What is set aside is what the replicas reserve, and of a host that got a new one
// never more than it has, unless one that ended there has nowhere else to go.
func TestNewReplicasHaveRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		r := Place(in)
		reserved, isNew, restarts := map[string]model.Resources{}, map[string]bool{}, map[string]bool{}
		for _, a := range r.Assignments {
			s := serviceOf(in, a.Service)
			reserved[a.Host] = reserved[a.Host].Plus(s.Reserve)
			isNew[a.Host] = isNew[a.Host] || a.Container == "" && s.Reserve.Memory > 0
			restarts[a.Host] = restarts[a.Host] || a.Container != "" && !runsIn(in, a.Container)
		}
		for _, room := range r.Rooms {
			if room.Reserved != reserved[room.Host] {
				t.Fatalf("%s has %v set aside, its replicas reserve %v", room.Host, room.Reserved, reserved[room.Host])
			}
			if isNew[room.Host] && !restarts[room.Host] && room.Capacity.KnowsMemory && room.Reserved.Memory > room.Capacity.Memory {
				t.Fatalf("%s got a new replica and has %d of %d set aside: %s", room.Host, room.Reserved.Memory, room.Capacity.Memory, text(r))
			}
		}
	})
}

// A service without replicas, all of whose domains have an open host, is spread
// as evenly as it asks for, whatever else is in the way.
func TestMaxSkewHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		for i := range in.Live.Hosts {
			in.Live.Hosts[i].Containers = nil
		}
		r := Place(in)
		for _, s := range in.Services {
			if s.Placement.MaxSkew == 0 || s.Mode == model.ModeGlobal {
				continue
			}
			count := map[string]int{}
			for i := range in.Hosts {
				h := &in.Hosts[i]
				if h.Schedulable && !h.Drain && tolerates(&s, h) && reachableIn(in, h.Name) && (len(s.Placement.Constraints) == 0 || h.Labels["zone"] == "a") {
					count[domainOf(&s, h)] += 0
				}
			}
			for _, a := range r.Assignments {
				if a.Service == s.Name {
					count[domainOf(&s, hostOf(in, a.Host))]++
				}
			}
			for _, n := range count {
				for _, m := range count {
					if n-m > s.Placement.MaxSkew {
						t.Fatalf("%s has skew %d over %v, at most %d: %s", s.Name, n-m, count, s.Placement.MaxSkew, text(r))
					}
				}
			}
		}
	})
}

func domainOf(s *model.Service, h *model.Host) string {
	if s.Placement.Spread[0] == "host.name" {
		return h.Name
	}
	return h.Labels["zone"]
}

// Nobody makes room for its own app, or for what is not more important.
func TestOnlyHigherPrioritiesDisplace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		r := Place(in)
		check := func(service string, d *Displaced) {
			if d == nil {
				return
			}
			s, by := serviceOf(in, service), serviceOf(in, d.Service)
			if by.App == s.App || by.Priority <= s.Priority || d.Priority != by.Priority || d.Over != s.Priority {
				t.Fatalf("%s of app %s with priority %d makes room for %+v", service, s.App, s.Priority, d)
			}
		}
		for _, a := range r.Assignments {
			check(a.Service, a.Displaced)
		}
		for _, f := range r.Refusals {
			check(f.Service, f.Displaced)
		}
	})
}

// apply is the world once everything runs where it was placed, and nothing else.
func apply(in Input, r Result) Input {
	hosts := make([]model.HostState, len(in.Live.Hosts))
	copy(hosts, in.Live.Hosts)
	for i := range hosts {
		hosts[i].Containers = nil
	}
	in.Live.Hosts = hosts
	for i, a := range r.Assignments {
		put(&in.Live, a.Host, container(*serviceOf(in, a.Service), a.Slot, strconv.Itoa(i)))
	}
	return in
}

// Once everything runs where it was placed, placing again moves nothing: neither
// what has a place nor what has none comes out otherwise. Only what must leave a
// host, or waited for somebody's port, may find a place the second time.
func TestPlacementIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		first := Place(in)
		in = apply(in, first)
		second := Place(in)
		for _, b := range first.Assignments {
			a := assignmentOf(second, b.Service, b.Slot)
			left := a == nil || a.Host != b.Host
			if left && !hostOf(in, b.Host).Drain && !overLimit(first, in, b) && (a == nil || a.Displaced == nil) && !displaced(second, b) {
				t.Fatalf("%s-%s leaves %s\nfirst  %s\nsecond %s", b.Service, b.Slot, b.Host, text(first), text(second))
			}
		}
		for range 4 {
			in = apply(in, second)
			first, second = second, Place(in)
		}
		if places(first) != places(second) {
			t.Fatalf("placed  %s\nand then %s", places(first), places(second))
		}
	})
}

// places is a placement without what stays for whose sake.
func places(r Result) string { return strings.ReplaceAll(text(r), "@=", "@") }

func displaced(r Result, of Assignment) bool {
	for _, f := range r.Refusals {
		if f.Service == of.Service && f.Slot == of.Slot {
			return f.Displaced != nil
		}
	}
	return false
}

func assignmentOf(r Result, service, slot string) *Assignment {
	for i := range r.Assignments {
		if a := &r.Assignments[i]; a.Service == service && a.Slot == slot {
			return a
		}
	}
	return nil
}

func overLimit(r Result, in Input, of Assignment) bool {
	n := 0
	for _, a := range r.Assignments {
		if a.Service == of.Service && a.Host == of.Host {
			n++
		}
	}
	limit := serviceOf(in, of.Service).Placement.MaxPerHost
	return limit > 0 && n > limit
}

func hostOf(in Input, name string) *model.Host {
	for i := range in.Hosts {
		if in.Hosts[i].Name == name {
			return &in.Hosts[i]
		}
	}
	return nil
}

func serviceOf(in Input, name string) *model.Service {
	for i := range in.Services {
		if in.Services[i].Name == name {
			return &in.Services[i]
		}
	}
	return nil
}

func runsIn(in Input, id string) bool {
	for _, h := range in.Live.Hosts {
		for i := range h.Containers {
			if h.Containers[i].ID == id {
				return h.Containers[i].Running()
			}
		}
	}
	return false
}

func reachableIn(in Input, name string) bool {
	for _, h := range in.Live.Hosts {
		if h.Name == name {
			return h.Reachable
		}
	}
	return false
}
