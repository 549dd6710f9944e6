package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

const us = "ours"

var dawn = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)

// fleet is a small world in virtual time: hosts that do what ops say, and a
// controller's memory. Nothing in it waits; the tests move the clock. What a
// container does after its start is said by its variable BEHAVE:
//
//	(none)      runs, and has no health check
//	healthy     healthy after 2 s
//	slow        healthy after 30 s
//	never       has a health check that never answers
//	unhealthy   unhealthy after 2 s
//	sickens     healthy after 2 s, unhealthy after 8 s
//	ends        healthy after 2 s, exits after 8 s
//	exit        exits at once, and nobody restarts it
//	loop        exits, and its engine restarts it again and again
type fleet struct {
	desired model.Desired
	live    model.Live
	state   State
	now     time.Time
	busy    map[plan.Key]Task
	manual  bool
	allow   bool
	// policies are those that apps had which have gone.
	policies map[string]model.Sync
	commits  map[Rendering]Rendered
	choice   Choice
	// refuse says why an op fails, and whether for good.
	refuse func(model.Op) (reason string, permanent bool)
	// hang says of ops that they do not end by themselves.
	hang func(model.Op) bool
	// stuck is the id of a container whose health check never answers.
	stuck string
	last  Result
	plan  plan.Plan
	log   []string
	made  int
}

func newFleet(hosts ...string) *fleet {
	f := &fleet{
		desired: model.Desired{Revision: "r1", Owner: us, Apps: []model.App{{Name: "shop", Sync: model.DefaultSync()}}},
		now:     dawn, busy: map[plan.Key]Task{}, commits: map[Rendering]Rendered{},
		refuse: func(model.Op) (string, bool) { return "", false },
		hang:   func(model.Op) bool { return false },
	}
	for _, name := range hosts {
		f.desired.Hosts = append(f.desired.Hosts, model.Host{Name: name, Schedulable: true})
		f.live.Hosts = append(f.live.Hosts, model.HostState{Name: name, Reachable: true, Images: map[string]string{"web:1": "a", "web:2": "b", "web:3": "c"}})
	}
	return f
}

// declared is a service of app shop.
func declared(name, image string, replicas int) model.Service {
	return model.Service{
		App: "shop", Name: name, Mode: model.ModeReplicated, Replicas: replicas, Pull: "missing",
		Container: model.ContainerSpec{Image: image},
		Update:    model.Update{Order: model.OrderAuto, Parallelism: model.Portion{N: 1}, Monitor: 5 * time.Second, Deadline: time.Minute},
	}
}

func behaving(s model.Service, behaviour string) model.Service {
	s.Container.Env = map[string]string{"BEHAVE": behaviour}
	return s
}

// commit makes these the services of app shop.
func (f *fleet) commit(services ...model.Service) {
	app := &f.desired.Apps[0]
	app.Services = services
	for i := range app.Services {
		app.Services[i].Fingerprint = model.Fingerprint(app.Services[i].Container)
	}
	app.Digest, app.Revision = "", ""
	app.Digest = model.Hash(app)
	app.Revision = "rev-" + app.Digest[:6]
	f.desired.Revision = app.Revision
	kept := *app
	f.commits[Rendering{app.Name, app.Revision}] = Rendered{App: &kept}
}

// decide is a pass: it begins what may begin and ends what nobody wants.
func (f *fleet) decide() Result {
	f.choice = Choose(ChooseInput{Target: &f.desired, Renderings: f.commits, State: f.state, Now: f.now, Manual: f.manual})
	held := f.choice.Desired
	var services []model.Service
	for _, a := range held.Apps {
		services = append(services, a.Services...)
	}
	placement := place.Place(place.Input{Services: services, Hosts: held.Hosts, Live: f.live, Owner: us, Moves: f.choice.State.Moves()})
	f.plan = plan.Build(plan.Input{Desired: held, Live: &f.live, Placement: placement, AllowRemovals: f.allow, Policies: f.policies})
	busy := map[plan.Key]string{}
	for key, task := range f.busy {
		busy[key] = task.Digest
	}
	f.last = Decide(Input{
		Desired: held, Live: &f.live, Plan: &f.plan, Now: f.now,
		State: f.choice.State, Busy: busy, Manual: f.manual, Rooms: placement.Rooms,
	})
	f.state = f.last.State
	for _, key := range f.last.Cancel {
		delete(f.busy, key)
	}
	for _, task := range f.last.Tasks {
		if _, busy := f.busy[task.Key]; busy {
			panic("a second task for " + task.Key.String())
		}
		f.busy[task.Key] = task
	}
	return f.last
}

// work performs all tasks that do not hang.
func (f *fleet) work() {
	for _, key := range slices.SortedFunc(maps.Keys(f.busy), plan.CompareKeys) {
		f.perform(key)
	}
}

// perform does a task's ops until one does not succeed.
func (f *fleet) perform(key plan.Key) {
	for _, op := range f.busy[key].Ops {
		if f.hang(op) {
			return
		}
		reason, permanent := f.refuse(op)
		if reason == "" {
			reason = f.do(op)
		}
		if reason != "" {
			a := f.state.Attempts[key]
			a.Reason, a.Permanent, a.Last = reason, permanent, f.now
			f.state.Attempts[key] = a
			break
		}
	}
	delete(f.busy, key)
}

// pass decides, works and lets a second go by.
func (f *fleet) pass() {
	f.decide()
	f.work()
	f.advance(time.Second)
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// run passes until the app is in the phase, or for two hours.
func (f *fleet) run(t tester, until Phase) Record {
	t.Helper()
	for range 7200 {
		f.pass()
		if r := f.record(); r.Phase == until && r.Digest == f.desired.Apps[0].Digest {
			return r
		}
	}
	t.Fatalf("the app is %s, not %s: %s\n%s", f.record().Phase, until, f.record().Reason, f.plan.String())
	return Record{}
}

// up brings the services up and waits until they are.
func (f *fleet) up(t tester, services ...model.Service) {
	t.Helper()
	f.commit(services...)
	f.run(t, Complete)
	f.log = nil
}

func (f *fleet) record() Record { return f.state.Records["shop"] }

// restart is a new controller: rollouts are in the journal, all else is gone.
func (f *fleet) restart() { f.busy, f.state.Attempts = map[plan.Key]Task{}, nil }

func (f *fleet) host(name string) *model.HostState {
	i := slices.IndexFunc(f.live.Hosts, func(h model.HostState) bool { return h.Name == name })
	return &f.live.Hosts[i]
}

// containers are those of a service, all when it is "".
func (f *fleet) containers(service string) []*model.Container {
	var out []*model.Container
	for i := range f.live.Hosts {
		for j := range f.live.Hosts[i].Containers {
			if c := &f.live.Hosts[i].Containers[j]; service == "" || c.Owner.Service == service {
				out = append(out, c)
			}
		}
	}
	return out
}

// images says what runs of a service, as "web:1 web:2".
func (f *fleet) images(service string) string {
	var out []string
	for _, c := range f.containers(service) {
		if c.Running() {
			out = append(out, c.Spec.Image)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// held is why a thing waits, by its key's text.
func (f *fleet) held(thing string) string {
	for key, reason := range f.last.Held {
		if key.String() == thing {
			return reason
		}
	}
	return ""
}

// do performs an op. What it returns is why it failed.
func (f *fleet) do(op model.Op) string {
	h := f.host(op.On())
	if !h.Reachable {
		return "no route to host"
	}
	switch o := op.(type) {
	case model.PullImage:
		h.Images[o.Image] = "pulled"
	case model.CreateNetwork:
		h.Networks = append(h.Networks, model.NetworkState{ID: o.Network.HostName, Name: o.Network.HostName, Owner: o.Owner})
	case model.RemoveNetwork:
		h.Networks = slices.DeleteFunc(h.Networks, func(n model.NetworkState) bool { return n.ID == o.ID })
	case model.CreateVolume:
		h.Volumes = append(h.Volumes, model.VolumeState{Name: o.Volume.HostName, Owner: o.Owner})
	case model.CreateContainer:
		f.create(h, o)
	case interface{ Ref() string }:
		i := slices.IndexFunc(h.Containers, func(c model.Container) bool { return c.ID == o.Ref() || c.Name == o.Ref() })
		if i < 0 {
			return "no container " + o.Ref()
		}
		if reason := f.change(h, &h.Containers[i], op); reason != "" {
			return reason
		}
	}
	f.log = append(f.log, fmt.Sprintf("%s %s", model.Verb(op), f.target(op)))
	return ""
}

func (f *fleet) create(h *model.HostState, o model.CreateContainer) {
	f.made++
	spec := o.Spec
	h.Containers = append(h.Containers, model.Container{
		Host: h.Name, ID: fmt.Sprintf("id%04d", f.made), Name: o.Owner.Name, Owner: o.Owner, State: model.StateCreated,
		CreatedAt: f.now, Ports: o.Spec.Ports, Spec: &spec, Image: &model.ImageDefaults{},
	})
}

func (f *fleet) change(h *model.HostState, c *model.Container, op model.Op) string {
	switch op.(type) {
	case model.StartContainer:
		for _, other := range h.Containers {
			if other.ID != c.ID && other.Running() && model.PortsClash(c.Ports, other.Ports) {
				return "port is already allocated"
			}
		}
		c.State, c.StartedAt, c.Health = model.StateRunning, f.now, model.HealthNone
		f.behave(c)
	case model.StopContainer:
		c.State, c.FinishedAt = model.StateExited, f.now
	case model.RemoveContainer:
		if c.Running() {
			return "container is running"
		}
		f.log = append(f.log, "gone "+c.Owner.Service+"-"+c.Owner.Slot)
		h.Containers = slices.DeleteFunc(h.Containers, func(o model.Container) bool { return o.ID == c.ID })
	}
	return ""
}

func (f *fleet) target(op model.Op) string {
	switch o := op.(type) {
	case model.CreateContainer:
		return o.Owner.Service + "-" + o.Owner.Slot
	case model.PullImage:
		return o.Image
	case interface{ Ref() string }:
		for _, c := range f.containers("") {
			if c.ID == o.Ref() || c.Name == o.Ref() {
				return c.Owner.Service + "-" + c.Owner.Slot
			}
		}
	}
	return "it"
}

// advance lets time go by, in which containers do what they do.
func (f *fleet) advance(d time.Duration) {
	f.now = f.now.Add(d)
	for _, c := range f.containers("") {
		if c.State == model.StateRunning || c.State == model.StateRestarting {
			f.behave(c)
		}
	}
}

func (f *fleet) behave(c *model.Container) {
	up := f.now.Sub(c.StartedAt)
	after := func(d time.Duration, then model.Health) {
		c.Health = model.HealthStarting
		if up >= d {
			c.Health = then
		}
	}
	if c.ID == f.stuck {
		c.Health = model.HealthStarting
		return
	}
	switch c.Spec.Env["BEHAVE"] {
	case "healthy":
		after(2*time.Second, model.HealthHealthy)
	case "slow":
		after(30*time.Second, model.HealthHealthy)
	case "never":
		c.Health = model.HealthStarting
	case "unhealthy":
		after(2*time.Second, model.HealthUnhealthy)
	case "sickens":
		if after(2*time.Second, model.HealthHealthy); up >= 8*time.Second {
			c.Health = model.HealthUnhealthy
		}
	case "ends":
		if after(2*time.Second, model.HealthHealthy); up >= 8*time.Second {
			c.State, c.ExitCode, c.FinishedAt = model.StateExited, 3, f.now
		}
	case "exit":
		c.State, c.ExitCode, c.FinishedAt = model.StateExited, 3, f.now.Add(time.Millisecond)
	case "loop":
		c.State, c.ExitCode, c.FinishedAt = model.StateRestarting, 3, f.now
		c.RestartCount++
	}
}
