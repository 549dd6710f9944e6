package place

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestOneReplicaPerHostOfAPublishedPort(t *testing.T) {
	hosts, live := fleet("a", "b")
	expect(t, run(hosts, live, publishing(web(3), 80)), "web-1@a web-2@b no web-3")
}

func TestPortsThatDoNotClash(t *testing.T) {
	hosts, live := fleet("a")
	first, second := publishing(web(1), 53), publishing(web(1), 53)
	second.Name = "web2"
	second.Container.Ports[0].Protocol = "udp"
	expect(t, run(hosts, live, first, second), "web-1@a web2-1@a")

	second.Container.Ports[0].Protocol = "tcp"
	expect(t, run(hosts, live, first, second), "web-1@a no web2-1")

	first.Container.Ports[0].HostIP, second.Container.Ports[0].HostIP = "10.0.0.1", "10.0.0.2"
	expect(t, run(hosts, live, first, second), "web-1@a web2-1@a")

	second.Container.Ports[0].HostIP = "0.0.0.0"
	expect(t, run(hosts, live, first, second), "web-1@a no web2-1")

	expect(t, run(hosts, live, publishing(web(2), 0)), "web-1@a web-2@a")
}

func TestForeignContainersHoldPortsWhileTheyRun(t *testing.T) {
	s := publishing(web(1), 80)
	nginx := model.Container{Name: "nginx", State: model.StateRunning, Ports: s.Container.Ports}
	hosts, live := fleet("a", "b")
	put(&live, "a", nginx)
	expect(t, run(hosts, live, s), "web-1@b")

	live.Hosts[0].Containers[0].State = model.StateExited
	expect(t, run(hosts, live, s), "web-1@a")
}

func TestAStoppedReplicaMovesWhenSomebodyTookItsPort(t *testing.T) {
	s := publishing(web(1), 80)
	stopped := container(s, "1", "x")
	stopped.State = model.StateExited
	hosts, live := fleet("a", "b")
	put(&live, "a", stopped, model.Container{Name: "nginx", State: model.StateRunning, Ports: s.Container.Ports})
	expect(t, run(hosts, live, s), "web-1@b")
}

func TestAReplicaDoesNotCompeteWithItself(t *testing.T) {
	s := publishing(web(1), 80)
	hosts, live := fleet("a")
	old := container(s, "1", "x")
	old.Owner.Fingerprint = "f0"
	put(&live, "a", old, container(s, "1", "y"))
	expect(t, run(hosts, live, s), "web-1@=a")
}

func TestPortsOfWhatGoesAwayAreFree(t *testing.T) {
	s := publishing(web(1), 80)
	renamed := s
	renamed.Name = "www"
	hosts, live := fleet("a")
	put(&live, "a", container(s, "1", "x"), container(s, "7", "x"))
	expect(t, run(hosts, live, renamed), "www-1@a")
}

func TestPortsThatAnotherServiceStillHoldsAreTakenForNewReplicas(t *testing.T) {
	before, now := publishing(web(1), 80), publishing(web(1), 81)
	before.Fingerprint = "f0"
	api := publishing(model.Service{App: "shop", Name: "api", Replicas: 1}, 80)
	hosts, live := fleet("a")
	put(&live, "a", container(before, "1", "x"))
	expect(t, run(hosts, live, now, api), "web-1@=a no api-1")
}

func TestServicesThatSwapPortsStay(t *testing.T) {
	web80, web81 := publishing(web(1), 80), publishing(web(1), 81)
	api80, api81 := web80, web81
	api80.Name, api81.Name = "api", "api"
	hosts, live := fleet("a")
	put(&live, "a", container(web80, "1", "x"), container(api81, "1", "x"))
	expect(t, run(hosts, live, web81, api80), "api-1@=a web-1@=a")
}

func TestWhoHoldsAPortGoesBeforeWhoAsksForIt(t *testing.T) {
	api, s := publishing(model.Service{App: "shop", Name: "api", Replicas: 1}, 80), publishing(web(1), 80)
	asking := container(api, "1", "x")
	asking.Ports = nil
	hosts, live := fleet("a", "b")
	put(&live, "a", asking, container(s, "1", "x"))
	expect(t, run(hosts, live, api, s), "api-1@b web-1@=a")
}

func TestSlotsThatShareAHostPartWhenTheirServiceStartsToPublish(t *testing.T) {
	hosts, live := fleet("a", "b")
	put(&live, "a", container(web(2), "1", "x"), container(web(2), "2", "x"))
	expect(t, run(hosts, live, publishing(web(2), 80)), "web-1@=a web-2@b")
}
