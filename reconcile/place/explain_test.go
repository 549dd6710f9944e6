package place

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func constraint(attribute, operator, value string) []model.Constraint {
	return []model.Constraint{{Attribute: attribute, Operator: operator, Value: value}}
}

func TestRefusalsAccountForEveryHost(t *testing.T) {
	type world struct {
		hosts []model.Host
		live  *model.Live
		web   *model.Service
	}
	tests := []struct {
		name  string
		hosts string
		setup func(w world)
		want  string
	}{
		{"none registered", "", func(world) {}, "no host is registered"},
		{"labels and a cordon", "edge-1 edge-2 edge-3", func(w world) {
			w.web.Placement.Constraints = constraint("host.labels.disk", "==", "ssd")
			w.hosts[1].Labels = map[string]string{"disk": "ssd"}
			w.hosts[1].Schedulable = false
		}, "2 of 3 lack label disk=ssd (edge-1, edge-3), 1 is cordoned (edge-2)"},
		{"label that must not be", "a b", func(w world) {
			w.web.Placement.Constraints = constraint("host.labels.old", "!=", "yes")
			w.hosts[0].Labels, w.hosts[1].Labels = map[string]string{"old": "yes"}, map[string]string{"old": "yes"}
		}, "2 of 2 have label old=yes (a, b)"},
		{"architecture", "a", func(w world) {
			w.web.Placement.Constraints = constraint("host.arch", "==", "arm64")
		}, "a does not satisfy host.arch == arm64"},
		{"unknown architecture", "a", func(w world) {
			w.web.Placement.Constraints = constraint("host.arch", "==", "arm64")
			*w.live = model.Live{}
		}, "a is unreachable"},
		{"taints", "a b", func(w world) {
			w.hosts[0].Taints = []model.Taint{noSchedule("gpu", "")}
			w.hosts[1].Taints = []model.Taint{{Key: "x", Effect: "Later"}, noSchedule("team", "ml")}
		}, "1 of 2 is tainted gpu (a), 1 is tainted team=ml (b)"},
		{"draining and gone", "a b c d e f", func(w world) {
			w.hosts[5].Drain = true
			for i := range 5 {
				w.live.Hosts[i].Reachable = false
			}
		}, "5 of 6 are unreachable (a, b, c and 2 more), 1 is being drained (f)"},
		{"ports", "a b c", func(w world) {
			*w.web = publishing(*w.web, 80)
			put(w.live, "a", model.Container{Name: "nginx", State: model.StateRunning, Ports: w.web.Container.Ports})
			put(w.live, "b", model.Container{Name: "caddy", State: model.StateRunning, Ports: w.web.Container.Ports})
			w.hosts[2].Schedulable = false
		}, "2 of 3 have port 80/tcp taken (a, b), 1 is cordoned (c)"},
		{"port on the only host", "local", func(w world) {
			*w.web = publishing(*w.web, 80)
			put(w.live, "local", model.Container{Name: "nginx", State: model.StateRunning, Ports: w.web.Container.Ports})
		}, `local has port 80/tcp taken by "nginx"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hosts, live := fleet(strings.Fields(test.hosts)...)
			s := web(1)
			test.setup(world{hosts, &live, &s})
			r := run(hosts, live, s)
			if len(r.Refusals) != 1 {
				t.Fatalf("placed %s, want a refusal", text(r))
			}
			if got, want := r.Refusals[0].Reason, "no host for web-1: "+test.want; got != want {
				t.Errorf("reason %s\nwant   %s", got, want)
			}
		})
	}
}

func TestARefusalNamesTheLimitItMet(t *testing.T) {
	s := web(3)
	s.Placement.MaxPerHost = 1
	hosts, live := fleet("a", "b")
	r := run(hosts, live, s)
	if want := "no host for web-3: 2 of 2 are at maxPerHost 1 (a, b)"; len(r.Refusals) != 1 || r.Refusals[0].Reason != want {
		t.Errorf("refusals %+v, want %q", r.Refusals, want)
	}
}

func TestGlobalRefusalsAreOfOneHost(t *testing.T) {
	s := publishing(web(0), 80)
	s.Mode = model.ModeGlobal
	hosts, live := fleet("a", "b")
	put(&live, "b", model.Container{Name: "nginx", State: model.StateRunning, Ports: s.Container.Ports})
	r := run(hosts, live, s)
	if want := `no host for web-b: b has port 80/tcp taken by "nginx"`; len(r.Refusals) != 1 || r.Refusals[0].Reason != want || r.Refusals[0].Host != "b" {
		t.Errorf("refusals %+v, want %q", r.Refusals, want)
	}
}
