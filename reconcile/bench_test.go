package reconcile

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const benchHosts = 1000

// fleet is a desired state of the given number of replicas.
func fleet(replicas int) View {
	hosts := benchHosts
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
	v := View{Desired: d, Live: &model.Live{}, Now: time.Unix(1e9, 0), State: rollout.State{Records: map[string]rollout.Record{}, Standings: map[string]rollout.Standing{}}}
	for i := range hosts {
		v.Live.Hosts = append(v.Live.Hosts, model.HostState{Name: d.Hosts[i].Name, Reachable: true})
	}
	for i := range d.Apps {
		v.State.Records[d.Apps[i].Name] = rollout.Record{App: d.Apps[i].Name, Digest: d.Apps[i].Digest, Phase: rollout.Complete}
		v.State.Standings[d.Apps[i].Name] = rollout.Standing{Good: &rollout.Good{Digest: d.Apps[i].Digest}}
	}
	return v
}

func benchService(app, name string, replicas int) model.Service {
	spec := model.ContainerSpec{
		Image: "registry.example.com/web:1.4.2", Command: []string{"serve"},
		Env:         map[string]string{"LOG": "info", "REGION": "north", "PORT": "8080"},
		Networks:    []model.Attachment{},
		HealthCheck: &model.HealthCheck{Test: []string{"CMD", "/server", "health"}, Interval: time.Second},
		StopGrace:   10 * time.Second,
		Adjustable:  model.Adjustable{NanoCPUs: 5e8, Memory: 256 << 20, Restart: model.Restart{Name: "unless-stopped"}},
	}
	return model.Service{
		App: app, Name: name, Mode: model.ModeReplicated, Replicas: replicas, Pull: "never", Container: spec,
		Fingerprint: model.Fingerprint(spec), Update: model.Update{Order: model.OrderAuto, Parallelism: model.Portion{N: 1}, Deadline: time.Minute},
	}
}

// BenchmarkPassUnchanged is a pass that finds nothing to do: a look at each of
// 1,000 simulated hosts, and the decision.
func BenchmarkPassUnchanged(b *testing.B) {
	for _, replicas := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
			v, hosts := simulated(b, replicas)
			b.ReportAllocs()
			cpu := cpuTime()
			for b.Loop() {
				observe(b, &v, hosts)
				if d := Decide(v); len(d.Rollout.Tasks) > 0 || !d.Plan.Empty() {
					b.Fatalf("a pass with nothing to do has %d tasks; plan:\n%s", len(d.Rollout.Tasks), d.Plan.String())
				}
			}
			used := cpuTime() - cpu
			b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/float64(replicas), "cpu-ns/replica")
			b.ReportMetric(resident(b), "MB-resident")
			runtime.KeepAlive(v)
		})
	}
}

// simulated is a fleet on simulated hosts, on which everything has been made by
// performing the plan.
func simulated(b *testing.B, replicas int) (View, map[string]*sim.Host) {
	v := fleet(replicas)
	w, hosts := sim.NewWorld(1), map[string]*sim.Host{}
	image := sim.TestImage(v.Desired.Apps[0].Services[0].Container.Image)
	for i := range v.Desired.Hosts {
		hosts[v.Desired.Hosts[i].Name] = w.Host(v.Desired.Hosts[i].Name, sim.With(image))
	}
	observe(b, &v, hosts)
	todo := plan.Build(plan.Input{Desired: v.Desired, Live: v.Live, Placement: Place(v)})
	for _, op := range todo.Ops() {
		if err := hosts[op.On()].Do(context.Background(), op, nil); err != nil {
			b.Fatal(err)
		}
	}
	w.Forget()
	time.Sleep(2 * time.Second) // until all are healthy
	observe(b, &v, hosts)
	return v, hosts
}

func observe(b *testing.B, v *View, hosts map[string]*sim.Host) {
	image := v.Desired.Apps[0].Services[0].Container.Image
	v.Now = time.Now()
	for i := range v.Live.Hosts {
		state, err := hosts[v.Live.Hosts[i].Name].Observe(context.Background(), engine.Query{Owner: v.Desired.Owner, Images: []string{image}})
		if err != nil {
			b.Fatal(err)
		}
		v.Live.Hosts[i] = state
	}
}

// cpuTime is what the process has used of all CPUs.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it can't fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the process's memory in MB, after a collection.
func resident(b *testing.B) float64 {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // only Linux says
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")))
			if err != nil {
				b.Fatal(err)
			}
			return float64(n) / 1024
		}
	}
	return 0
}

// BenchmarkPlanOneOfThousand is the decision after a commit that changes one
// service among a thousand.
func BenchmarkPlanOneOfThousand(b *testing.B) {
	v, _ := simulated(b, 20_000)
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

// BenchmarkPassFirst is the first two passes over an empty fleet: all replicas are
// missing, and their image is on no host.
func BenchmarkPassFirst(b *testing.B) {
	for _, replicas := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
			v := fleet(replicas)
			for i := range v.Desired.Apps {
				for j := range v.Desired.Apps[i].Services {
					v.Desired.Apps[i].Services[j].Pull = "missing"
				}
			}
			v.State.Records, v.State.Standings = nil, nil
			b.ReportAllocs()
			cpu := cpuTime()
			for b.Loop() {
				first := Decide(v)
				again := v
				again.State, again.Busy = first.Rollout.State, map[plan.Key]string{}
				for _, t := range first.Rollout.Tasks {
					again.Busy[t.Key] = t.Digest
				}
				Decide(again)
			}
			b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}
