package place

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// large is 100,000 replicas of 1,000 services on 1,000 hosts.
func large(publish bool) Input {
	in := Input{Owner: "me"}
	for h := range 1000 {
		name := fmt.Sprintf("host-%04d", h)
		in.Hosts = append(in.Hosts, model.Host{Name: name, Schedulable: true, Labels: map[string]string{"zone": strconv.Itoa(h % 3)}})
		in.Live.Hosts = append(in.Live.Hosts, model.HostState{Name: name, Reachable: true})
	}
	for i := range 1000 {
		s := model.Service{App: "app", Name: fmt.Sprintf("service-%04d", i), Replicas: 100, Fingerprint: "f1"}
		s.Placement.Spread = []string{"host.labels.zone"}
		s.Placement.Constraints = constraint("host.labels.zone", "!=", "none")
		if publish {
			s = publishing(s, uint16(10000+i))
		}
		in.Services = append(in.Services, s)
	}
	return in
}

func BenchmarkPlace(b *testing.B) {
	for _, publish := range []bool{false, true} {
		suffix := map[bool]string{true: "-published", false: ""}[publish]
		fresh := large(publish)
		b.Run("fresh"+suffix, func(b *testing.B) { place(b, fresh) })
		stay := large(publish)
		for i, a := range Place(fresh).Assignments {
			n, _ := strconv.Atoi(a.Host[len("host-"):])
			hs := &stay.Live.Hosts[n]
			hs.Containers = append(hs.Containers, container(stay.Services[i/100], a.Slot, "7f3a91c2"))
		}
		b.Run("stay"+suffix, func(b *testing.B) { place(b, stay) })
	}
}

func place(b *testing.B, in Input) {
	b.ReportAllocs()
	for b.Loop() {
		if r := Place(in); len(r.Assignments) != 100_000 {
			b.Fatalf("placed %d", len(r.Assignments))
		}
	}
}
