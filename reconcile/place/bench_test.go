package place

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

const mebi = 1 << 20

// size is that of a fleet. Every service has the same number of replicas.
type size struct{ replicas, services, hosts int }

func (z size) String() string {
	return fmt.Sprintf("%d-replicas-of-%d-on-%d", z.replicas, z.services, z.hosts)
}

// large is a fleet with nothing on it yet. Every replica reserves something, and
// the hosts are in three zones.
func large(z size) Input {
	in := Input{Owner: "me"}
	for h := range z.hosts {
		name := fmt.Sprintf("host-%05d", h)
		in.Hosts = append(in.Hosts, model.Host{Name: name, Schedulable: true, Labels: map[string]string{"zone": strconv.Itoa(h % 3)}})
		in.Live.Hosts = append(in.Live.Hosts, model.HostState{
			Name: name, Reachable: true, Known: true, Info: model.HostInfo{NanoCPUs: 64e9, Memory: 256 << 30},
		})
	}
	for i := range z.services {
		s := model.Service{App: "app", Name: fmt.Sprintf("service-%05d", i), Replicas: z.replicas / z.services, Fingerprint: "f1"}
		s.Reserve = model.Resources{NanoCPUs: 1e8, Memory: int64(64+i%64) * mebi}
		s.Placement.Spread = []string{"host.labels.zone"}
		s.Placement.Constraints = constraint("host.labels.zone", "!=", "none")
		in.Services = append(in.Services, s)
	}
	return in
}

// running is the fleet once everything runs where it was placed.
func running(in Input) Input {
	hosts := map[string]*model.HostState{}
	for i := range in.Live.Hosts {
		hosts[in.Live.Hosts[i].Name] = &in.Live.Hosts[i]
	}
	services := map[string]*model.Service{}
	for i := range in.Services {
		services[in.Services[i].Name] = &in.Services[i]
	}
	for _, a := range Place(in).Assignments {
		h := hosts[a.Host]
		h.Containers = append(h.Containers, container(*services[a.Service], a.Slot, "7f3a91c2"))
	}
	return in
}

// sizes grow by all three, and then by one of hosts and services.
var sizes = []size{
	{1_000, 100, 50}, {10_000, 1_000, 500}, {100_000, 10_000, 5_000}, {300_000, 30_000, 15_000},
	{100_000, 1_000, 5_000}, {100_000, 100, 5_000}, {100_000, 1, 5_000}, {100_000, 10_000, 1_000}, {100_000, 10_000, 200},
}

func BenchmarkPlaceFromEmpty(b *testing.B) {
	for _, z := range sizes {
		in := large(z)
		b.Run(z.String(), func(b *testing.B) { place(b, in, z) })
	}
}

// Each replica publishes a port.
func BenchmarkPlacePublished(b *testing.B) {
	z := size{100_000, 1_000, 5_000}
	in := large(z)
	for i := range in.Services {
		in.Services[i] = publishing(in.Services[i], uint16(10_000+i))
	}
	b.Run(z.String(), func(b *testing.B) { place(b, in, z) })
}

func BenchmarkPlaceNothingNew(b *testing.B) {
	for _, z := range sizes {
		in := running(large(z))
		b.Run(z.String(), func(b *testing.B) { place(b, in, z) })
	}
}

// One host is gone from the manifests, and what it had is placed elsewhere.
func BenchmarkPlaceHostLost(b *testing.B) {
	for _, z := range sizes {
		in := running(large(z))
		in.Hosts = in.Hosts[1:]
		in.Live.Hosts = in.Live.Hosts[1:]
		b.Run(z.String(), func(b *testing.B) { place(b, in, z) })
	}
}

// full is a fleet in which all hosts have set aside all that they have.
func full(z size) Input {
	in := large(z)
	for i := range in.Live.Hosts {
		in.Live.Hosts[i].Info.NanoCPUs = int64(z.replicas/z.hosts) * 1e8
	}
	return running(in)
}

// All services of a full fleet have got other names: each replica finds room only
// where one is to go.
func BenchmarkPlaceSuccession(b *testing.B) {
	for _, z := range []size{{5_000, 250, 250}, {20_000, 1_000, 1_000}, {100_000, 5_000, 5_000}} {
		in := full(z)
		for h := range in.Live.Hosts {
			for i := range in.Live.Hosts[h].Containers {
				in.Live.Hosts[h].Containers[i].Owner.Reserve.NanoCPUs = 1e8
			}
		}
		for i := range in.Services {
			in.Services[i].Name = "new-" + in.Services[i].Name
		}
		b.Run(z.String(), func(b *testing.B) { place(b, in, z) })
	}
}

// Four hundred replicas of another app, alone or many of one service, each of which
// takes the place of two.
func BenchmarkPlaceDisplacing(b *testing.B) {
	for _, z := range []size{{5_000, 250, 250}, {20_000, 1_000, 1_000}, {100_000, 5_000, 5_000}} {
		for _, services := range []int{1, 400} {
			in := full(z)
			for i := range services {
				s := model.Service{App: "other", Name: fmt.Sprintf("high-%03d", i), Replicas: 400 / services, Priority: 1, Fingerprint: "f1"}
				s.Reserve.NanoCPUs = 2e8
				in.Services = append(in.Services, s)
			}
			b.Run(fmt.Sprintf("%v/services=%d", z, services), func(b *testing.B) {
				measure(b, 400, func() {
					if r := Place(in); len(r.Assignments) != z.replicas-400 || len(r.Refusals) != 800 {
						b.Fatalf("placed %d and refused %d", len(r.Assignments), len(r.Refusals))
					}
				})
			})
		}
	}
}

// Ten moves to hosts that have just come: a tenth of the fleet.
func BenchmarkRebalance(b *testing.B) {
	const moves = 10
	for _, z := range []size{{5_000, 250, 250}, {20_000, 1_000, 1_000}, {100_000, 5_000, 5_000}} {
		in := full(z)
		for i := range z.hosts / 10 {
			name := fmt.Sprintf("new-%05d", i)
			in.Hosts = append(in.Hosts, model.Host{Name: name, Schedulable: true, Labels: map[string]string{"zone": strconv.Itoa(i % 3)}})
			in.Live.Hosts = append(in.Live.Hosts, model.HostState{Name: name, Reachable: true, Known: true, Info: in.Live.Hosts[0].Info})
		}
		b.Run(z.String(), func(b *testing.B) {
			measure(b, moves, func() {
				if found := Rebalance(in, moves, func(string) bool { return true }); len(found) != moves {
					b.Fatalf("found %d moves", len(found))
				}
			})
		})
	}
}

func place(b *testing.B, in Input, z size) {
	measure(b, z.replicas, func() {
		if r := Place(in); len(r.Assignments) != z.replicas {
			b.Fatalf("placed %d: %v", len(r.Assignments), r.Refusals[0])
		}
	})
}

// measure tells how many replicas are decided about in a second of one core.
func measure(b *testing.B, replicas int, decide func()) {
	b.ReportAllocs()
	begun := cpu(b)
	for b.Loop() {
		decide()
	}
	took := cpu(b) - begun
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(replicas)*float64(b.N)/took.Seconds(), "replicas/cpu-s")
}

// cpu is the processor time that this process has taken: what else runs on the
// machine does not count.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
