package place

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestPackFillsTheFullestHostThatFits(t *testing.T) {
	hosts, live := sized(1000, 1000, 1000)
	s := reserving(web(4), 400)
	s.Placement.Strategy = model.StrategyPack
	expect(t, run(hosts, live, s), "web-1@a web-2@a web-3@b web-4@b")

	other := reserving(as(web(1), "shop", "db", 0), 300)
	put(&live, "c", container(other, "1", "x"))
	expect(t, run(hosts, live, other, s), "db-1@=c web-1@c web-2@a web-3@a web-4@b")
}

func TestSpreadGoesWhereLeastIsSetAside(t *testing.T) {
	hosts, live := sized(1000, 4000)
	db := reserving(as(web(2), "shop", "db", 0), 600)
	put(&live, "a", container(db, "1", "x"))
	put(&live, "b", container(db, "2", "x"))
	expect(t, run(hosts, live, db, reserving(web(1), 100)), "db-1@=a db-2@=b web-1@b")
}

func TestSpreadWithinASpread(t *testing.T) {
	hosts, live := fleet("a1", "a2", "a3", "b1")
	for i, at := range [][2]string{{"a", "r1"}, {"a", "r1"}, {"a", "r2"}, {"b", "r1"}} {
		hosts[i].Labels = map[string]string{"zone": at[0], "rack": at[1]}
	}
	s := web(5)
	s.Placement.Spread = []string{"host.labels.zone", "host.labels.rack"}
	expect(t, run(hosts, live, s), "web-1@a1 web-2@b1 web-3@a3 web-4@b1 web-5@a2")
}

func TestMaxSkew(t *testing.T) {
	hosts, live := fleet("a1", "a2", "b1", "b2")
	for i, zone := range []string{"a", "a", "b", "b"} {
		hosts[i].Labels = map[string]string{"zone": zone}
	}
	s := web(4)
	s.Placement.Spread, s.Placement.MaxSkew, s.Placement.MaxPerHost = []string{"host.labels.zone"}, 1, 1
	expect(t, run(hosts, live, s), "web-1@a1 web-2@b1 web-3@a2 web-4@b2")

	hosts[3].Schedulable = false
	s.Replicas, s.Placement.MaxPerHost = 3, 0
	expect(t, run(hosts, live, s), "web-1@a1 web-2@b1 web-3@a2")

	live.Hosts[2].Info.Memory = 100 << 20 // zone b takes one replica, and no second one
	r := run(hosts, live, reserving(s, 60))
	expect(t, r, "web-1@a1 web-2@b1 web-3@a2")
	s.Replicas = 5
	r = run(hosts, live, reserving(s, 60))
	expect(t, r, "web-1@a1 web-2@b1 web-3@a2 no web-4 no web-5")
	if got, want := refusal(r), "2 of 4 would be over maxSkew 1 of host.labels.zone (a1, a2), 1 is cordoned (b2), 1 lacks 60MiB (b1 has 40MiB)"; got != want {
		t.Errorf("refused because %q\nwant            %q", got, want)
	}

	hosts[2].Schedulable = false // then b as a whole holds up nobody
	expect(t, run(hosts, live, s), "web-1@a1 web-2@a2 web-3@a1 web-4@a2 web-5@a1")
}

func TestAffinity(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	cache := as(web(1), "shop", "cache", 0)
	put(&live, "b", container(cache, "1", "x"))
	near := web(2)
	near.Placement.Affinity = []string{"cache"}
	expect(t, run(hosts, live, cache, near), "cache-1@=b web-1@b web-2@b")

	apart := web(3)
	apart.Placement.AntiAffinity = []string{"cache"}
	expect(t, run(hosts, live, cache, apart), "cache-1@=b web-1@a web-2@c web-3@a")
	hosts[0].Schedulable, hosts[2].Schedulable = false, false
	expect(t, run(hosts, live, cache, apart), "cache-1@=b web-1@b web-2@b web-3@b")
}

func TestAffinityGoesBothWays(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	s := web(1)
	s.Placement.AntiAffinity = []string{"cache"}
	put(&live, "a", container(s, "1", "x"))
	expect(t, run(hosts, live, s, as(web(2), "shop", "cache", 0)), "cache-1@b cache-2@c web-1@=a")
}

func TestTaintsAndTolerations(t *testing.T) {
	tests := map[string]struct {
		taint     model.Taint
		tolerates []model.Toleration
		want      string
	}{
		"none":               {noSchedule("gpu", "a100"), nil, "web-1@b web-2@b"},
		"any value":          {noSchedule("gpu", "a100"), []model.Toleration{{Key: "gpu", Operator: "Exists"}}, "web-1@a web-2@b"},
		"this value":         {noSchedule("gpu", "a100"), []model.Toleration{{Key: "gpu", Operator: "Equal", Value: "a100"}}, "web-1@a web-2@b"},
		"another value":      {noSchedule("gpu", "a100"), []model.Toleration{{Key: "gpu", Operator: "Equal", Value: "h100"}}, "web-1@b web-2@b"},
		"another key":        {noSchedule("gpu", "a100"), []model.Toleration{{Key: "cpu", Operator: "Exists"}}, "web-1@b web-2@b"},
		"soft":               {model.Taint{Key: "old", Effect: model.PreferNoSchedule}, nil, "web-1@b web-2@b"},
		"soft and tolerated": {model.Taint{Key: "old", Effect: model.PreferNoSchedule}, []model.Toleration{{Key: "old", Operator: "Exists"}}, "web-1@a web-2@b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			hosts, live := fleet("a", "b")
			hosts[0].Taints = []model.Taint{test.taint}
			s := web(2)
			s.Placement.Tolerations = test.tolerates
			expect(t, run(hosts, live, s), test.want)
		})
	}
	hosts, live := fleet("a", "b")
	hosts[0].Taints, hosts[1].Schedulable = []model.Taint{{Key: "old", Effect: model.PreferNoSchedule}}, false
	expect(t, run(hosts, live, web(1)), "web-1@a")
}

func TestAHostWhereItFailedComesLast(t *testing.T) {
	hosts, live := fleet("a", "b")
	in := Input{Services: []model.Service{web(2)}, Hosts: hosts, Live: live, Owner: "me"}
	in.Failures = []Failure{{App: "shop", Service: "web", Fingerprint: "f1", Host: "a", Count: 1}}
	expect(t, Place(in), "web-1@b web-2@b")
	in.Failures[0].Fingerprint = "f0" // what it was before may have been at fault
	expect(t, Place(in), "web-1@a web-2@b")
}

func TestOfEqualHostsTheOneThatHasTheImage(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	s := web(2)
	s.Container.Image = "web:1"
	live.Hosts[2].Images = map[string]string{"web:1": "sha256:1"}
	expect(t, run(hosts, live, s), "web-1@c web-2@a")
}

func TestConstraints(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	for i, zone := range []string{"x", "y", ""} {
		if zone != "" {
			hosts[i].Labels = map[string]string{"zone": zone}
		}
	}
	live.Hosts[0].Info.OS, live.Hosts[0].Info.Version = "linux", "20.10.24"
	live.Hosts[1].Info.OS, live.Hosts[1].Info.Version = "linux", "28.0.1"
	live.Hosts[2].Info.OS = "windows"
	tests := []struct {
		c          model.Constraint
		fits, says string
	}{
		{model.Constraint{Attribute: "host.labels.zone", Operator: "in", Values: []string{"x", "y"}}, "a b", "lacks label zone in (x, y) (c)"},
		{model.Constraint{Attribute: "host.labels.zone", Operator: "not in", Values: []string{"x", "y"}}, "c", "has label zone=x (a)"},
		{model.Constraint{Attribute: "host.labels.zone", Operator: "exists"}, "a b", "lacks label zone (c)"},
		{model.Constraint{Attribute: "host.labels.zone", Operator: "not exists"}, "c", "have label zone (a, b)"},
		{model.Constraint{Attribute: "host.name", Operator: "in", Values: []string{"a", "c"}}, "a c", "does not satisfy host.name in (a, c) (b)"},
		{model.Constraint{Attribute: "host.os", Operator: "==", Value: "linux"}, "a b", "does not satisfy host.os == linux (c)"},
		{model.Constraint{Attribute: "host.engine", Operator: "!=", Value: "20.10.24"}, "b c", "does not satisfy host.engine != 20.10.24 (a)"},
	}
	for _, test := range tests {
		s := web(4)
		s.Placement.Constraints, s.Placement.MaxPerHost = []model.Constraint{test.c}, 1
		r := run(hosts, live, s)
		fits := ""
		for _, a := range r.Assignments {
			fits += " " + a.Host
		}
		if fits != " "+test.fits {
			t.Errorf("%s: on%s, want %s", test.c, fits, test.fits)
		}
		if got := refusal(r); test.says != "" && !strings.Contains(got, test.says) {
			t.Errorf("%s: refused because %q, want %q in it", test.c, got, test.says)
		}
	}
}

// TestNeighboursAreTheRealOnes: a preview's service has the name of the real one, and
// whoever wants to be near it does not mean the preview's.
func TestNeighboursAreTheRealOnes(t *testing.T) {
	hosts, live := fleet("a", "b", "c")
	real, copied, near := as(web(1), "shop", "web", 0), as(web(1), "shop-pr-1", "web", model.PreviewPriority), as(web(1), "shop", "cache", 0)
	copied.Preview, near.Placement.Affinity = "1", []string{"web"}
	put(&live, "b", container(real, "1", "x"))
	put(&live, "c", container(copied, "1", "y"))
	r := run(hosts, live, near, real, copied)
	for _, a := range r.Assignments {
		if a.Service == "cache" && a.Host != "b" {
			t.Errorf("it was placed on %s, and the real one is on b", a.Host)
		}
	}
}
