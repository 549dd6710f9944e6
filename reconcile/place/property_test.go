package place

import (
	"math/rand/v2"
	"reflect"
	"strconv"
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
		in.Live.Hosts = append(in.Live.Hosts, model.HostState{Name: name, Reachable: rapid.IntRange(0, 4).Draw(t, "up") > 0})
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
	if rapid.IntRange(0, 5).Draw(t, "tainted") == 0 {
		h.Taints = []model.Taint{noSchedule("gpu", "")}
	}
	return h
}

func drawService(t *rapid.T, name string) model.Service {
	s := model.Service{App: "app", Name: name, Mode: model.ModeReplicated, Fingerprint: "f1"}
	s.Replicas = rapid.IntRange(0, 4).Draw(t, "replicas")
	if rapid.IntRange(0, 3).Draw(t, "global") == 0 {
		s.Mode, s.Replicas = model.ModeGlobal, 0
	}
	s.Placement.MaxPerHost = rapid.IntRange(0, 2).Draw(t, "max")
	if rapid.Bool().Draw(t, "constrained") {
		s.Placement.Constraints = constraint("host.labels.zone", "==", "a")
	}
	if rapid.Bool().Draw(t, "spread") {
		s.Placement.Spread = []string{"host.labels.zone"}
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
			case isNew && (!h.Schedulable || h.Drain || len(h.Taints) > 0 || !up):
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

// Once everything runs where it was placed, placing again moves nothing.
func TestPlacementIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		first := Place(in)
		for i := range in.Live.Hosts {
			in.Live.Hosts[i].Containers = nil
		}
		for i, a := range first.Assignments {
			put(&in.Live, a.Host, container(*serviceOf(in, a.Service), a.Slot, strconv.Itoa(i)))
		}
		second := Place(in)
		for i, a := range second.Assignments {
			if i >= len(first.Assignments) {
				break
			}
			b := first.Assignments[i]
			if a.Slot == b.Slot && a.Service == b.Service && a.Host != b.Host && !hostOf(in, b.Host).Drain && !overLimit(first, in, b) {
				t.Fatalf("%s-%s moves from %s to %s", a.Service, a.Slot, b.Host, a.Host)
			}
		}
	})
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

func reachableIn(in Input, name string) bool {
	for _, h := range in.Live.Hosts {
		if h.Name == name {
			return h.Reachable
		}
	}
	return false
}
