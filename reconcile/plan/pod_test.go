package plan

import (
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pod is a service whose replicas are pods.
func pod() model.Service {
	s := service("web", "web:1", 1)
	s.Members = []model.Member{
		{Name: "migrate", Role: model.RoleInit, Container: model.ContainerSpec{Image: "web:1", Command: []string{"migrate"}}},
		{Name: "proxy", Role: model.RoleSidecar, Container: model.ContainerSpec{Image: "db:1"}},
	}
	return s
}

func scaledPod(n int) model.Service {
	s := pod()
	s.Replicas = n
	return printed(s)
}

// printed has the fingerprints of the members as they are.
func printed(s model.Service) model.Service {
	for i := range s.Members {
		s.Members[i].Fingerprint = model.Fingerprint(s.Members[i].Container)
	}
	return s
}

// podWorld has one pod, up when t is given.
func podWorld(t *testing.T) *world {
	w := newWorld(one()...)
	w.declare(printed(pod()))
	if t == nil {
		return w
	}
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	init := w.member("migrate")
	init.State, init.FinishedAt = model.StateExited, init.StartedAt
	if p := w.plan(); !p.Empty() {
		t.Fatalf("after the plan there is another one:\n%s", p.String())
	}
	return w
}

// member is a container of the pod.
func (w *world) member(name string) *model.Container {
	for i := range w.live.Hosts[0].Containers {
		if c := &w.live.Hosts[0].Containers[i]; c.Owner.Member == name {
			return c
		}
	}
	panic("no container " + name)
}

// podHalfUp is a pod whose init container has ended with the code.
func podHalfUp(code int) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := podWorld(nil)
		for range 2 { // the image is another change
			p := w.plan()
			for i := range p.Changes {
				for _, step := range p.Changes[i].Steps {
					if step.After != Now {
						continue
					}
					if err := w.do(step.Op); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		init := w.member("migrate")
		init.State, init.ExitCode, init.FinishedAt = model.StateExited, code, init.StartedAt
		return w
	}
}

func podChange(change func(*model.Service)) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := podWorld(t)
		s := pod()
		change(&s)
		w.declare(printed(s))
		return w
	}
}

func podHurt(name string) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := podWorld(t)
		c := w.member(name)
		c.State, c.ExitCode, c.FinishedAt = model.StateExited, 137, c.StartedAt.Add(time.Hour)
		return w
	}
}

func TestGoldenPlansOfPods(t *testing.T) {
	for _, tc := range []struct {
		name  string
		world func(t *testing.T) *world
	}{
		{"pod-fresh", func(*testing.T) *world { return podWorld(nil) }},
		{"pod-half-up", podHalfUp(0)},
		{"pod-init-failed", podHalfUp(3)},
		{"pod-sidecar-change", podChange(func(s *model.Service) { s.Members[1].Container.Image = "web:2" })},
		{"pod-sidecar-gone", podChange(func(s *model.Service) { s.Members = s.Members[:1] })},
		{"pod-main-change", podChange(func(s *model.Service) { s.Container.Image = "web:2" })},
		{"pod-init-change", podChange(func(s *model.Service) { s.Members[0].Container.Command = []string{"migrate", "--all"} })},
		{"pod-limits-in-place", podChange(func(s *model.Service) {
			s.Container.Adjustable.Memory, s.Members[1].Container.Adjustable.Memory = 64<<20, 32<<20
		})},
		{"pod-no-longer", podChange(func(s *model.Service) { s.Members = nil })},
		{"pod-holder-killed", podHurt(model.HolderName)},
		{"pod-main-killed", podHurt(model.MainName)},
		{"pod-sidecar-killed", podHurt("proxy")},
		{"pod-scaled-down", func(t *testing.T) *world { w := podWorld(t); w.declare(scaledPod(0)); return w }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.world(t).plan()
			compareGolden(t, tc.name, p.String())
		})
	}
}

// TestPodsSettle performs the plans of every change of a pod, which must end.
func TestPodsSettle(t *testing.T) {
	for name, world := range map[string]func(*testing.T) *world{
		"sidecar":        podChange(func(s *model.Service) { s.Members[1].Container.Image = "web:2" }),
		"sidecar gone":   podChange(func(s *model.Service) { s.Members = s.Members[:1] }),
		"main":           podChange(func(s *model.Service) { s.Container.Image = "web:2" }),
		"init container": podChange(func(s *model.Service) { s.Members[0].Container.Image = "web:2" }),
		"no pod":         podChange(func(s *model.Service) { s.Members = nil }),
		"limits":         podChange(func(s *model.Service) { s.Members[1].Container.Adjustable.Memory = 1 << 30 }),
		"main killed":    podHurt(model.MainName),
		"sidecar killed": podHurt("proxy"),
		"failed init":    podHalfUp(1),
	} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			if err := w.settle(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAPodUnderIgnoredDifferencesIsStillPrepared(t *testing.T) {
	w := podWorld(t)
	s := pod()
	s.Ignore = []string{"environment.LOG"}
	s.Container.Env = map[string]string{"LOG": "debug"}
	w.declare(printed(s))
	if p := w.plan(); !p.Empty() {
		t.Errorf("what is ignored is put right:\n%s", p.String())
	}
	s.Members[0].Container.Image = "web:2"
	w.declare(printed(s))
	p := w.plan()
	if i := len(p.Changes) - 1; p.Changes[i].Verdict != Replace {
		t.Errorf("an init container has changed, and the verdict is %s", p.Changes[i].Verdict)
	}
}
