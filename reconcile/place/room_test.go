package place

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// sized is a fleet of which each host has that much memory, in MiB, and 4 CPUs.
func sized(memory ...int64) ([]model.Host, model.Live) {
	var names []string
	for i := range memory {
		names = append(names, string(rune('a'+i)))
	}
	hosts, live := fleet(names...)
	for i := range memory {
		live.Hosts[i].Info = model.HostInfo{Arch: "amd64", NanoCPUs: 4e9, Memory: memory[i] << 20}
	}
	return hosts, live
}

// reserving sets aside that much memory, in MiB, for each replica.
func reserving(s model.Service, memory int64) model.Service {
	s.Reserve.Memory = memory << 20
	return s
}

func as(s model.Service, app, name string, priority int) model.Service {
	s.App, s.Name, s.Priority = app, name, priority
	return s
}

func refusal(r Result) string {
	if len(r.Refusals) == 0 {
		return ""
	}
	_, reason, _ := strings.Cut(r.Refusals[0].Reason, ": ")
	return reason
}

func TestReservationsChooseTheHost(t *testing.T) {
	hosts, live := sized(1000, 2000, 500)
	expect(t, run(hosts, live, reserving(web(4), 600)), "web-1@a web-2@b web-3@b web-4@b")
	r := run(hosts, live, reserving(web(5), 600))
	expect(t, r, "web-1@a web-2@b web-3@b web-4@b no web-5")
	if got, want := refusal(r), "3 of 3 lack 600MiB (best: c has 500MiB)"; got != want {
		t.Errorf("refused because %q, want %q", got, want)
	}
}

func TestARefusalTellsWhatIsLeft(t *testing.T) {
	tests := map[string]struct {
		change func(hosts []model.Host, s *model.Service)
		want   string
	}{
		"the most that is left": {func(hosts []model.Host, s *model.Service) {
			hosts[0].Schedulable = false
		}, "2 of 3 lack 600MiB (best: c has 500MiB), 1 is cordoned (a)"},
		"one host alone": {func(hosts []model.Host, s *model.Service) {
			hosts[0].Schedulable, hosts[1].Schedulable = false, false
		}, "2 of 3 are cordoned (a, b), 1 lacks 600MiB (c has 500MiB)"},
		"CPUs": {func(_ []model.Host, s *model.Service) {
			s.Reserve = model.Resources{NanoCPUs: 4_500_000_000}
		}, "3 of 3 lack 4.5 CPUs (best: a has 4 CPUs)"},
		"what is kept back": {func(hosts []model.Host, s *model.Service) {
			hosts[2].Reserved.Memory = 450 << 20
		}, "3 of 3 lack 600MiB (best: b has 200MiB)"},
		"a stated capacity": {func(hosts []model.Host, s *model.Service) {
			hosts[1].Capacity.Memory = 599 << 20
		}, "3 of 3 lack 600MiB (best: b has 599MiB)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			hosts, live := sized(100, 200, 500)
			s := reserving(web(1), 600)
			test.change(hosts, &s)
			if got := refusal(run(hosts, live, s)); got != test.want {
				t.Errorf("refused because %q\nwant            %q", got, test.want)
			}
		})
	}
}

func TestACapacityThatIsStatedGoesBeforeTheEnginesOwn(t *testing.T) {
	hosts, live := sized(100)
	hosts[0].Capacity.Memory = 2000 << 20
	hosts[0].Reserved.Memory = 700 << 20
	expect(t, run(hosts, live, reserving(web(3), 600)), "web-1@a web-2@a no web-3")
}

func TestAHostOfUnknownSizeTakesAll(t *testing.T) {
	hosts, live := fleet("a")
	expect(t, run(hosts, live, reserving(web(2), 1<<20)), "web-1@a web-2@a")
}

func TestWhatReservesNothingAlwaysFits(t *testing.T) {
	hosts, live := sized(100)
	s := reserving(web(2), 100)
	put(&live, "a", container(s, "1", "x"), container(s, "2", "x"))
	expect(t, run(hosts, live, s, as(web(1), "b", "free", 0)), "free-1@a web-1@=a web-2@=a")
}

func TestGrownReservationsSendNobodyAway(t *testing.T) {
	hosts, live := sized(1000, 1000)
	s := reserving(web(3), 600)
	put(&live, "a", container(s, "1", "x"), container(s, "2", "x"), container(s, "3", "x"))
	expect(t, run(hosts, live, s), "web-1@=a web-2@=a web-3@=a")

	s.Replicas = 5
	expect(t, run(hosts, live, s), "web-1@=a web-2@=a web-3@=a web-4@b no web-5")
}

// The old container of a replica that is being replaced has ended already, and
// reservations have grown: it goes where there is room, and stays if nowhere is.
func TestAReplicaBetweenItsContainersKeepsAPlace(t *testing.T) {
	s := reserving(web(2), 600)
	ended := container(s, "2", "x")
	ended.State = model.StateExited
	hosts, live := sized(1000)
	put(&live, "a", container(s, "1", "x"), ended)
	expect(t, run(hosts, live, s), "web-1@=a web-2@=a")

	hosts, live = sized(1000, 1000)
	put(&live, "a", container(s, "1", "x"), ended)
	expect(t, run(hosts, live, s), "web-1@=a web-2@b")
}

func TestJobsThatRunTakeRoom(t *testing.T) {
	hosts, live := sized(1000)
	job := model.Job{App: "shop", Name: "night", Work: reserving(web(1), 600)}
	try := model.Container{Name: "n", State: model.StateRunning, Owner: model.Ownership{Owner: "me", Name: "n", App: "shop", Job: "night", Run: "1", Slot: "1"}}
	in := Input{Services: []model.Service{reserving(web(1), 600)}, Hosts: hosts, Live: live, Owner: "me", Jobs: []model.Job{job}}
	put(&in.Live, "a", try)
	expect(t, Place(in), "no web-1")

	in.Live.Hosts[0].Containers[0].State = model.StateExited
	expect(t, Place(in), "web-1@a")
}

func TestRoomsAreTold(t *testing.T) {
	hosts, live := sized(1000, 500)
	hosts[0].Reserved.Memory = 100 << 20
	r := run(hosts, live, reserving(web(3), 300))
	if len(r.Rooms) != 2 || r.Rooms[0].Reserved.Memory != 600<<20 || r.Rooms[0].Capacity.Memory != 900<<20 || r.Rooms[1].Reserved.Memory != 300<<20 {
		t.Errorf("rooms %+v", r.Rooms)
	}
	if r.Rooms[0].Fits(model.Resources{Memory: 301 << 20}) || !r.Rooms[0].Fits(model.Resources{Memory: 300 << 20}) {
		t.Error("of the 900MiB of a 300MiB are left")
	}
}
