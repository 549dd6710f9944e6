package reconcile

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// fleet is a desired state of the given number of replicas on a tenth as many
// hosts at most, and the live state in which all of it runs.
func fleet(replicas int) View {
	hosts := min(1000, max(1, replicas/10))
	d := &model.Desired{Revision: "r", Owner: "bench"}
	for i := range hosts {
		d.Hosts = append(d.Hosts, model.Host{Name: fmt.Sprintf("host-%04d", i), Schedulable: true})
	}
	const perService, servicesPerApp = 20, 5
	for left, n := replicas, 0; left > 0; n++ {
		app := model.App{Name: fmt.Sprintf("app-%04d", n), Digest: fmt.Sprintf("digest-%d", n), Sync: model.DefaultSync()}
		for s := range servicesPerApp {
			if count := min(left, perService); count > 0 {
				app.Services = append(app.Services, benchService(app.Name, fmt.Sprintf("svc-%d", s), count))
				left -= count
			}
		}
		d.Apps = append(d.Apps, app)
	}
	v := View{Desired: d, Live: &model.Live{}, Now: time.Unix(1e9, 0), State: rollout.State{Records: map[string]rollout.Record{}}}
	for i := range hosts {
		v.Live.Hosts = append(v.Live.Hosts, model.HostState{Name: d.Hosts[i].Name, Reachable: true})
	}
	run(&v)
	return v
}

func benchService(app, name string, replicas int) model.Service {
	spec := model.ContainerSpec{
		Image: "registry.example.com/web:1.4.2", Command: []string{"serve"},
		Env:         map[string]string{"LOG": "info", "REGION": "north", "PORT": "8080"},
		Networks:    []model.Attachment{},
		HealthCheck: &model.HealthCheck{Test: []string{"CMD", "/web", "health"}, Interval: 5 * time.Second},
		StopGrace:   10 * time.Second,
		Adjustable:  model.Adjustable{NanoCPUs: 5e8, Memory: 256 << 20, Restart: model.Restart{Name: "unless-stopped"}},
	}
	return model.Service{
		App: app, Name: name, Mode: model.ModeReplicated, Replicas: replicas, Pull: "never", Container: spec,
		Fingerprint: model.Fingerprint(spec), Update: model.Update{Order: model.OrderAuto, Parallelism: 1, Deadline: time.Minute},
	}
}

// run makes the live state one in which everything runs as desired.
func run(v *View) {
	byName := map[string]*model.HostState{}
	for i := range v.Live.Hosts {
		byName[v.Live.Hosts[i].Name] = &v.Live.Hosts[i]
	}
	services := map[string]*model.Service{}
	for i := range v.Desired.Apps {
		app := &v.Desired.Apps[i]
		v.State.Records[app.Name] = rollout.Record{App: app.Name, Digest: app.Digest, Phase: rollout.Complete}
		for j := range app.Services {
			services[app.Name+"/"+app.Services[j].Name] = &app.Services[j]
		}
	}
	for n, a := range Place(*v).Assignments {
		s, h := services[a.App+"/"+a.Service], byName[a.Host]
		name := fmt.Sprintf("%s-%s-%s-x", a.App, a.Service, a.Slot)
		spec := s.Container
		h.Containers = append(h.Containers, model.Container{
			Host: a.Host, ID: fmt.Sprintf("%064x", n), Name: name, State: model.StateRunning, Health: model.HealthHealthy,
			Owner: model.Ownership{Owner: "bench", App: a.App, Service: a.Service, Slot: a.Slot, Fingerprint: s.Fingerprint, Name: name},
			Spec:  &spec, Image: &model.ImageDefaults{ID: "sha256:1"},
		})
	}
}

// BenchmarkPassUnchanged is a pass that finds nothing to do.
func BenchmarkPassUnchanged(b *testing.B) {
	for _, replicas := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
			v := fleet(replicas)
			b.ReportAllocs()
			for b.Loop() {
				if d := Decide(v); len(d.Rollout.Tasks) > 0 || !d.Plan.Empty() {
					b.Fatalf("a pass with nothing to do has %d tasks; plan:\n%s", len(d.Rollout.Tasks), d.Plan.String())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(replicas), "ns/replica")
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MB-heap")
		})
	}
}

// BenchmarkPlanOneOfThousand is the decision after a commit that changes one
// service among a thousand.
func BenchmarkPlanOneOfThousand(b *testing.B) {
	v := fleet(20_000)
	s := &v.Desired.Apps[100].Services[2]
	s.Container.Image = "registry.example.com/web:1.4.3"
	s.Fingerprint = model.Fingerprint(s.Container)
	v.Desired.Apps[100].Digest = "changed"
	for i := range v.Live.Hosts {
		v.Live.Hosts[i].Images = map[string]string{s.Container.Image: "sha256:2"}
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := Decide(v); len(d.Rollout.Tasks) != 1 {
			b.Fatalf("%d tasks begin, want 1 (parallelism)", len(d.Rollout.Tasks))
		}
	}
}
