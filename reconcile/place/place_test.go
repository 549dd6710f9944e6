package place

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// The tests describe a fleet in few words and compare placements as text:
// `web-1@=a web-2@b no web-3` is slot 1 staying on a, slot 2 new on b, and slot
// 3 refused.

func fleet(names ...string) (hosts []model.Host, live model.Live) {
	for _, n := range names {
		hosts = append(hosts, model.Host{Name: n, Schedulable: true})
		live.Hosts = append(live.Hosts, model.HostState{Name: n, Reachable: true, Info: model.HostInfo{Arch: "amd64"}})
	}
	return hosts, live
}

func web(replicas int) model.Service {
	return model.Service{App: "shop", Name: "web", Mode: model.ModeReplicated, Replicas: replicas, Fingerprint: "f1"}
}

func publishing(s model.Service, ports ...uint16) model.Service {
	for _, p := range ports {
		s.Container.Ports = append(s.Container.Ports, model.Port{Container: 8080, Published: p, Protocol: "tcp"})
	}
	return s
}

// container is a running, good container of a slot of a service.
func container(s model.Service, slot, suffix string) model.Container {
	name := s.App + "-" + s.Name + "-" + slot + "-" + suffix
	return model.Container{
		ID: "id-" + name, Name: name, State: model.StateRunning, Ports: s.Container.Ports,
		Owner: model.Ownership{Owner: "me", App: s.App, Service: s.Name, Slot: slot, Fingerprint: s.Fingerprint, Name: name},
	}
}

func put(live *model.Live, host string, cs ...model.Container) {
	for i := range live.Hosts {
		if live.Hosts[i].Name == host {
			live.Hosts[i].Containers = append(live.Hosts[i].Containers, cs...)
		}
	}
}

func run(hosts []model.Host, live model.Live, services ...model.Service) Result {
	return Place(Input{Services: services, Hosts: hosts, Live: live, Owner: "me"})
}

func text(r Result) string {
	var parts []string
	for _, a := range r.Assignments {
		stays := ""
		if a.Container != "" {
			stays = "="
		}
		parts = append(parts, a.Service+"-"+a.Slot+"@"+stays+a.Host)
	}
	for _, f := range r.Refusals {
		parts = append(parts, "no "+f.Service+"-"+f.Slot)
	}
	return strings.Join(parts, " ")
}

func expect(t *testing.T, r Result, want string) {
	t.Helper()
	if got := text(r); got != want {
		t.Errorf("placed  %s\nwant    %s\nrefused %v", got, want, r.Refusals)
	}
}

func TestNewReplicasAreSpreadEvenly(t *testing.T) {
	hosts, live := fleet("c", "a", "b")
	expect(t, run(hosts, live, web(4)), "web-1@a web-2@b web-3@c web-4@a")
}

func TestASecondServiceFillsTheEmptierHosts(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	api := model.Service{App: "shop", Name: "api", Replicas: 2}
	expect(t, run(hosts, live, web(2), api), "api-1@a api-2@b web-1@c web-2@a")
}

func TestSlotsAreSortedByNumber(t *testing.T) {
	hosts, live := fleet("a")
	r := run(hosts, live, web(11))
	if a := r.Assignments; a[1].Slot != "2" || a[10].Slot != "11" {
		t.Errorf("order of slots: %s", text(r))
	}
}

func TestSpreadAttributesComeFirst(t *testing.T) {
	hosts, live := fleet("a1", "a2", "a3", "b1", "x")
	for i, zone := range []string{"a", "a", "a", "b"} {
		hosts[i].Labels = map[string]string{"zone": zone}
	}
	s := web(5)
	s.Placement.Spread = []string{"host.labels.zone"}
	expect(t, run(hosts, live, s), "web-1@a1 web-2@b1 web-3@x web-4@a2 web-5@b1")
}

func TestAReplicaStaysWhereItsContainerIs(t *testing.T) {
	everything := map[string]func(h *model.Host, s *model.HostState, c *model.Container){
		"plain":    func(*model.Host, *model.HostState, *model.Container) {},
		"cordoned": func(h *model.Host, _ *model.HostState, _ *model.Container) { h.Schedulable = false },
		"tainted": func(h *model.Host, _ *model.HostState, _ *model.Container) {
			h.Taints = []model.Taint{noSchedule("gpu", "")}
		},
		"unreachable":     func(_ *model.Host, s *model.HostState, _ *model.Container) { s.Reachable = false },
		"exited":          func(_ *model.Host, _ *model.HostState, c *model.Container) { c.State = model.StateExited },
		"unhealthy":       func(_ *model.Host, _ *model.HostState, c *model.Container) { c.Health = model.HealthUnhealthy },
		"old fingerprint": func(_ *model.Host, _ *model.HostState, c *model.Container) { c.Owner.Fingerprint = "f0" },
		"crowded by other slots": func(_ *model.Host, s *model.HostState, _ *model.Container) {
			s.Containers = append(s.Containers, container(web(1), "2", "x"))
		},
	}
	for name, change := range everything {
		t.Run(name, func(t *testing.T) {
			hosts, live := fleet("a", "b", "c")
			put(&live, "c", container(web(1), "1", "x"))
			change(&hosts[2], &live.Hosts[2], &live.Hosts[2].Containers[0])
			expect(t, run(hosts, live, web(1)), "web-1@=c")
		})
	}
}

func noSchedule(key, value string) model.Taint {
	return model.Taint{Key: key, Value: value, Effect: "NoSchedule"}
}

func TestAReplicaLeavesAHostThatItsConstraintsExclude(t *testing.T) {
	hosts, live := fleet("a", "b")
	hosts[0].Labels = map[string]string{"disk": "ssd"}
	put(&live, "b", container(web(1), "1", "x"))
	s := web(1)
	s.Placement.Constraints = []model.Constraint{{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}}
	expect(t, run(hosts, live, s), "web-1@a")

	hosts[0].Schedulable = false
	expect(t, run(hosts, live, s), "no web-1")
}

func TestADrainedHostIsLeftWhenAnotherFits(t *testing.T) {
	hosts, live := fleet("a", "b")
	hosts[1].Drain = true
	put(&live, "b", container(web(1), "1", "x"))
	expect(t, run(hosts, live, web(2)), "web-1@a web-2@a")

	hosts[0].Schedulable = false
	r := run(hosts, live, web(2))
	expect(t, r, "web-1@=b no web-2")
	if why := r.Assignments[0].Stays; why != "1 of 2 is being drained (b), 1 is cordoned (a)" {
		t.Errorf("stays because %q", why)
	}
}

func TestAMoveUnderWayIsNotAimedElsewhere(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	hosts[0].Drain = true
	starting := container(web(1), "1", "y")
	starting.Health = model.HealthStarting
	put(&live, "a", container(web(1), "1", "x"))
	put(&live, "c", starting)
	expect(t, run(hosts, live, web(1)), "web-1@=c")
}

func TestTheBestContainerOfASlotDecides(t *testing.T) {
	s := web(1)
	good, old, starting, stopped := container(s, "1", "1"), container(s, "1", "2"), container(s, "1", "3"), container(s, "1", "4")
	old.Owner.Fingerprint = "f0"
	starting.Health = model.HealthStarting
	stopped.State = model.StateExited
	young, unknown := container(s, "1", "5"), container(s, "1", "6")
	good.StartedAt, young.StartedAt = time.Unix(1, 0), time.Unix(2, 0)
	tests := []struct {
		a, b model.Container
		want string
	}{
		{old, good, "web-1@=b"}, {starting, good, "web-1@=b"}, {stopped, good, "web-1@=b"},
		{old, stopped, "web-1@=b"}, {stopped, starting, "web-1@=b"}, {good, stopped, "web-1@=a"},
		{old, starting, "web-1@=b"}, {young, good, "web-1@=b"}, {good, young, "web-1@=a"}, {unknown, young, "web-1@=b"},
	}
	for _, test := range tests {
		hosts, live := fleet("a", "b")
		put(&live, "a", test.a)
		put(&live, "b", test.b)
		expect(t, run(hosts, live, s), test.want)
	}
}

func TestOnlyOurContainersOfWantedSlotsCount(t *testing.T) {
	s := web(1)
	other, image, beyond, odd := container(s, "1", "1"), container(s, "1", "2"), container(s, "2", "3"), container(s, "01", "4")
	other.Owner.Owner = "somebody"
	image.Name = "from-an-image-of-ours"
	hosts, live := fleet("a", "b")
	put(&live, "b", other, image, beyond, odd)
	expect(t, run(hosts, live, s), "web-1@a")

	live.Hosts = append(live.Hosts, model.HostState{Name: "gone", Reachable: true, Containers: []model.Container{container(s, "1", "1")}})
	expect(t, run(hosts, live, s), "web-1@a")
}

func TestOwnedReplacesThePlainRule(t *testing.T) {
	hosts, live := fleet("a", "b")
	renamed := container(web(1), "1", "1")
	renamed.Name = "renamed-by-hand"
	put(&live, "b", renamed)
	in := Input{Services: []model.Service{web(1)}, Hosts: hosts, Live: live, Owner: "me"}
	in.Owned = func(c *model.Container) bool { return c.Owner.Owner == "me" }
	expect(t, Place(in), "web-1@=b")
}

func TestGlobalServices(t *testing.T) {
	s := web(0)
	s.Mode = model.ModeGlobal
	s.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "!=", Value: "d"}}
	hosts, live := fleet("a", "b", "c", "d", "e", "f")
	hosts[1].Schedulable = false
	hosts[2].Drain = true
	hosts[4].Taints = []model.Taint{noSchedule("gpu", "")}
	live.Hosts[5].Reachable = false
	expect(t, run(hosts, live, s), "web-a@a no web-f")

	for _, h := range []string{"b", "c", "d", "e", "f"} {
		put(&live, h, container(s, h, "x"))
	}
	put(&live, "a", container(s, "b", "moved-by-somebody"))
	expect(t, run(hosts, live, s), "web-a@a web-b@=b web-c@=c web-e@=e web-f@=f")
}

func TestMaxPerHost(t *testing.T) {
	s := web(3)
	s.Placement.MaxPerHost = 1
	hosts, live := fleet("a", "b")
	expect(t, run(hosts, live, s), "web-1@a web-2@b no web-3")

	put(&live, "a", container(s, "1", "x"), container(s, "2", "x"))
	expect(t, run(hosts, live, s), "web-1@=a web-2@b no web-3")

	put(&live, "b", container(s, "3", "x"))
	expect(t, run(hosts, live, s), "web-1@=a web-2@=a web-3@=b")
}

func TestNothingInTheInputIsChanged(t *testing.T) {
	hosts, live := fleet("b", "a")
	put(&live, "a", container(web(1), "1", "x"))
	services := []model.Service{web(2), publishing(model.Service{App: "a", Name: "x", Replicas: 2}, 80)}
	before := fmt.Sprintf("%+v %+v %+v", services, hosts, live)
	Place(Input{Services: services, Hosts: hosts, Live: live, Owner: "me"})
	if after := fmt.Sprintf("%+v %+v %+v", services, hosts, live); after != before {
		t.Errorf("input changed\nfrom %s\nto   %s", before, after)
	}
}
