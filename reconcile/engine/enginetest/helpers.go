package enginetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const (
	patience = time.Minute // what nothing on a working host takes
	glance   = 25 * time.Millisecond
)

// suite is one case at work on one host.
type suite struct {
	*testing.T
	Host
	ctx   context.Context
	made  int // containers, for their names
	blobs model.Blobs
}

func newSuite(t *testing.T, h Host) *suite {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	return &suite{T: t, Host: h, ctx: ctx, blobs: model.Blobs{}}
}

// spec is the least that runs.
func (s *suite) spec() model.ContainerSpec { return model.ContainerSpec{Image: s.Image} }

// with is spec with environment variables, given as NAME=value.
func (s *suite) with(env ...string) model.ContainerSpec {
	spec := s.spec()
	spec.Env = map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		spec.Env[name] = value
	}
	return spec
}

// name is a name on the host that no other test uses.
func (s *suite) name(what string) string { return s.Owner + "-" + what }

// creation is the op that makes a container of the next name.
func (s *suite) creation(spec model.ContainerSpec) model.CreateContainer {
	s.made++
	slot := fmt.Sprint(s.made)
	return model.CreateContainer{Host: s.Host.Name, Spec: spec, Owner: model.Ownership{
		Owner: s.Owner, App: "app", Service: "web", Slot: slot, Revision: strings.Repeat("ab", 20),
		Guard:       model.Guard{Orphan: true, Protect: true},
		Reserve:     model.Resources{NanoCPUs: 25e7, Memory: 64 << 20},
		Fingerprint: model.Fingerprint(spec), Name: s.name("web-" + slot),
	}}
}

// create makes a container, sees it, and gives it as a target.
func (s *suite) create(spec model.ContainerSpec) model.Target {
	s.Helper()
	op := s.creation(spec)
	s.do(op)
	return s.target(op)
}

func (s *suite) target(op model.CreateContainer) model.Target {
	s.Helper()
	c := s.named(op.Owner.Name)
	if c == nil {
		s.Fatalf("container %q is not observed", op.Owner.Name)
	}
	return model.Target{Host: s.Host.Name, ID: c.ID, Name: c.Name, Owner: s.Owner, Fingerprint: op.Owner.Fingerprint}
}

// run makes and starts a container.
func (s *suite) run(spec model.ContainerSpec) model.Target {
	s.Helper()
	t := s.create(spec)
	s.do(model.StartContainer{Target: t})
	return t
}

func (s *suite) stop(t model.Target) {
	s.Helper()
	s.do(model.StopContainer{Target: t, Grace: 10 * time.Second})
}

func (s *suite) try(op model.Op) error { return s.Engine.Do(s.ctx, op, s.blobs) }

func (s *suite) do(op model.Op) {
	s.Helper()
	if err := s.try(op); err != nil {
		s.Fatalf("%s: %v", engine.Doing(op), err)
	}
}

// refuses performs an op that must fail with the class, in an error that says
// what was tried and where.
func (s *suite) refuses(op model.Op, want engine.Class) error {
	s.Helper()
	err := s.try(op)
	if err == nil {
		s.Fatalf("%s: succeeded, want %s", engine.Doing(op), want)
	}
	var e *engine.Error
	if !errors.As(err, &e) {
		s.Fatalf("%s: %v is a %T, want *engine.Error", engine.Doing(op), err, err)
	}
	if e.Class != want {
		s.Errorf("%s: class %q, want %q (%v)", engine.Doing(op), e.Class, want, err)
	}
	if e.Doing != engine.Doing(op) || e.Host != s.Host.Name || e.Err == nil {
		s.Errorf("error does not say what, where and why: %+v", e)
	}
	return err
}

// hand reports what the hands could not do.
func (s *suite) hand(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) observe(images ...string) model.HostState {
	s.Helper()
	state, err := s.Engine.Observe(s.ctx, engine.Query{Owner: s.Owner, Images: images})
	if err != nil {
		s.Fatalf("observe: %v", err)
	}
	return state
}

// named is the container of a name, or nil.
func (s *suite) named(name string) *model.Container {
	s.Helper()
	return s.find(func(c *model.Container) bool { return c.Name == name })
}

func (s *suite) find(is func(*model.Container) bool) *model.Container {
	s.Helper()
	state := s.observe()
	for i := range state.Containers {
		if is(&state.Containers[i]) {
			return &state.Containers[i]
		}
	}
	return nil
}

// see is a container of ours, which must be there and inspected.
func (s *suite) see(t model.Target) model.Container {
	s.Helper()
	c := s.find(func(c *model.Container) bool { return c.ID == t.ID })
	if c == nil {
		s.Fatalf("container %q is gone", t.Name)
	}
	if c.Spec == nil || c.Image == nil {
		s.Fatalf("container %q is not inspected: %s", t.Name, c.InspectError)
	}
	return *c
}

func (s *suite) wantState(t model.Target, want model.State) {
	s.Helper()
	if got := s.see(t); got.State != want {
		s.Errorf("container %q is %s, want %s (%s)", t.Name, got.State, want, got.Error)
	}
}

// await looks again and again until the container is as it should become.
func (s *suite) await(t model.Target, what string, is func(model.Container) bool) model.Container {
	s.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(glance) {
		c := s.see(t)
		if is(c) {
			return c
		}
		if time.Now().After(deadline) {
			s.Fatalf("container %q does not become %s: it is %s, health %q, exit code %d, restarts %d",
				t.Name, what, c.State, c.Health, c.ExitCode, c.RestartCount)
		}
	}
}

func (s *suite) awaitState(t model.Target, want model.State) model.Container {
	s.Helper()
	return s.await(t, string(want), func(c model.Container) bool { return c.State == want })
}

// stays looks for a while, during which nothing may change the state.
func (s *suite) stays(t model.Target, want model.State) {
	s.Helper()
	for range 20 {
		s.wantState(t, want)
		time.Sleep(glance)
	}
}

// port is a port to publish. Each test has its own, as far as can be.
func (s *suite) port() uint16 {
	h := fnv.New32()
	h.Write([]byte(s.Owner))
	return uint16(20000 + h.Sum32()%10000)
}
