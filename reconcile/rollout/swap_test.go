package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

// onPorts are services a, b, c … of one replica each, with these ports.
func onPorts(image string, ports ...int) []model.Service {
	var all []model.Service
	for i, port := range ports {
		s := behaving(declared(string(rune('a'+i)), image, 1), "healthy")
		s.Container.Ports = []model.Port{{Container: 8080, Published: uint16(port), Protocol: "tcp"}}
		all = append(all, s)
	}
	return all
}

// serving are the services that run, with their ports.
func (f *fleet) serving() string {
	var out []string
	for _, c := range f.containers("") {
		if c.Running() {
			out = append(out, fmt.Sprintf("%s:%d", c.Owner.Service, c.Ports[0].Published))
		}
	}
	return strings.Join(out, " ")
}

// noStartInVain fails the test when a start finds its port taken.
func (f *fleet) noStartInVain(t *testing.T) {
	t.Helper()
	f.refuse = func(op model.Op) (string, bool) {
		if f.portTaken(op) != "" {
			t.Errorf("tried to start beside the one that has the port: %s", f.serving())
		}
		return "", false
	}
}

func TestServicesSwapTheirPorts(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to []int
		want     string
	}{
		"swap":     {[]int{80, 81}, []int{81, 80}, "a:81 b:80"},
		"rotation": {[]int{80, 81, 82}, []int{81, 82, 80}, "a:81 b:82 c:80"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet("h1")
			f.up(t, onPorts("web:1", tc.from...)...)
			f.noStartInVain(t)
			f.commit(onPorts("web:1", tc.to...)...)
			begun := f.now
			f.run(t, Complete)
			if got := f.serving(); got != tc.want {
				t.Errorf("%s run, want %s", got, tc.want)
			}
			if took := f.now.Sub(begun); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestAChainOfPortsLeavesNobodyWithout: where the last one can move without
// stopping first, so can all, one after the other.
func TestAChainOfPortsLeavesNobodyWithout(t *testing.T) {
	f := newFleet("h1")
	f.up(t, onPorts("web:1", 80, 81, 82)...)
	f.noStartInVain(t)
	f.commit(onPorts("web:1", 81, 82, 83)...)
	for range 60 {
		f.pass()
		for _, service := range []string{"a", "b", "c"} {
			if f.images(service) == "" {
				t.Fatalf("nothing of %s runs; %s do", service, f.serving())
			}
		}
	}
	if got := f.serving(); f.record().Phase != Complete || got != "a:81 b:82 c:83" {
		t.Errorf("the rollout is %s, %s run", f.record().Phase, got)
	}
}

// TestASwapThatFailsGoesBack: one of the two will not do on its new port.
func TestASwapThatFailsGoesBack(t *testing.T) {
	for _, behaviour := range []string{"exit", "unhealthy", "never"} {
		for bad := range 2 {
			f := newFleet("h1")
			f.desired.Apps[0].OnFailure = model.OnFailureRollback
			f.up(t, onPorts("web:1", 80, 81)...)
			swapped := onPorts("web:2", 81, 80)
			swapped[bad] = behaving(swapped[bad], behaviour)
			f.commit(swapped...)
			for range 300 {
				f.pass()
			}
			if got := f.serving(); got != "a:80 b:81" && got != "b:81 a:80" {
				t.Errorf("%s is %s: %s run, want all as before\n%s", swapped[bad].Name, behaviour, got, f.plan.String())
			}
			if got := f.images(""); got != "web:1 web:1" || f.record().Phase != Complete || f.record().RollbackOf == "" {
				t.Errorf("%s is %s: %q run, the rollout is %s", swapped[bad].Name, behaviour, got, f.record().Phase)
			}
		}
	}
}

// TestASwapInTheWrongOrderTouchesNothing: a must be healthy before b begins, and
// needs b's port for it.
func TestASwapInTheWrongOrderTouchesNothing(t *testing.T) {
	f := newFleet("h1")
	f.up(t, onPorts("web:1", 80, 81)...)
	swapped := onPorts("web:1", 81, 80)
	swapped[1].DependsOn = []string{"a"}
	f.commit(swapped...)
	r := f.run(t, Failed)
	if got := f.serving(); got != "a:80 b:81" {
		t.Errorf("%s run", got)
	}
	if want := "shop/a-1 on h1: waits for shop/b-1 to give up a port; no progress within 1m0s"; !strings.Contains(r.Reason, want) {
		t.Errorf("it failed because %q, want %q", r.Reason, want)
	}
}

// TestASwapStopsNoMoreThanItsTurn: on each host two services swap, one replica of
// each at a time.
func TestASwapStopsNoMoreThanItsTurn(t *testing.T) {
	f := newFleet("h1", "h2", "h3")
	everywhere := func(ports ...int) []model.Service {
		all := onPorts("web:1", ports...)
		for i := range all {
			all[i].Mode, all[i].Replicas = model.ModeGlobal, 0
		}
		return all
	}
	f.up(t, everywhere(80, 81)...)
	f.noStartInVain(t)
	f.commit(everywhere(81, 80)...)
	for range 120 {
		f.pass()
		for _, service := range []string{"a", "b"} {
			if got := len(strings.Fields(f.images(service))); got < 2 {
				t.Fatalf("%d of 3 replicas of %s run, parallelism is 1", got, service)
			}
		}
	}
	if f.record().Phase != Complete {
		t.Errorf("the rollout is %s: %s", f.record().Phase, f.serving())
	}
}

// TestAnyPortsForAnyOthers: whatever ports services have and ask for, nobody is
// started in vain, and all come up.
func TestAnyPortsForAnyOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "services")
		draw := func(label string) []int {
			return rapid.Permutation([]int{80, 81, 82, 83, 84, 85}).Draw(t, label)[:n]
		}
		f := newFleet("h1")
		f.up(t, onPorts("web:1", draw("from")...)...)
		f.refuse = func(op model.Op) (string, bool) {
			if f.portTaken(op) != "" {
				t.Errorf("tried to start beside the one that has the port: %s", f.serving())
			}
			return "", false
		}
		to := onPorts(rapid.SampledFrom([]string{"web:1", "web:2"}).Draw(t, "image"), draw("to")...)
		for i := range to {
			to[i].Update.Order = rapid.SampledFrom([]string{model.OrderAuto, model.OrderStartFirst, model.OrderStopFirst}).Draw(t, "order")
		}
		f.commit(to...)
		for range rapid.IntRange(0, 6).Draw(t, "passes") {
			f.pass()
		}
		f.restart()
		f.run(t, Complete)
		for _, s := range to {
			if want := fmt.Sprintf("%s:%d", s.Name, s.Container.Ports[0].Published); !strings.Contains(f.serving(), want) {
				t.Errorf("%s run, want %s too", f.serving(), want)
			}
		}
	})
}

// TestAFailedSwapThatStaysDoesNotAskForTheOldPort: with nothing to go back to, or
// told to stay, the one that failed can't have back what the other has now.
func TestAFailedSwapThatStaysDoesNotAskForTheOldPort(t *testing.T) {
	f := newFleet("h1")
	f.desired.Apps[0].OnFailure = model.OnFailurePause
	f.up(t, onPorts("web:1", 80, 81)...)
	f.noStartInVain(t)
	swapped := onPorts("web:2", 81, 80)
	swapped[0] = behaving(swapped[0], "exit")
	f.commit(swapped...)
	f.decide()
	f.advance(time.Second) // what is stopped by the rollout ends after its beginning
	f.work()
	f.run(t, Failed)
	for range 120 {
		f.pass()
	}
	if got := f.serving(); got != "b:80" {
		t.Errorf("%s run, want b:80 and a as it failed", got)
	}
}
