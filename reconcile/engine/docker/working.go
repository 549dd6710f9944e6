package docker

import (
	"sync"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// working counts the ops at work on containers, by the containers' names. An
// engine locks a container for as long as it starts, and an inspect waits for
// that lock: a pass that inspected what is being started would see nothing of
// the rest of the host meanwhile.
type working struct {
	mu    sync.Mutex
	names map[string]int
}

// begin notes that op is at work, until end is called.
func (w *working) begin(op model.Op) (end func()) {
	name := lockedBy(op)
	if name == "" {
		return func() {}
	}
	w.add(name, 1)
	return func() { w.add(name, -1) }
}

func (w *working) add(name string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names == nil {
		w.names = map[string]int{}
	}
	if w.names[name] += n; w.names[name] == 0 {
		delete(w.names, name)
	}
}

// on says whether an op is at work on the container of that name.
func (w *working) on(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[name] > 0
}

// lockedBy is the name of the container that the engine locks for the op.
func lockedBy(op model.Op) string {
	switch o := op.(type) {
	case model.CreateContainer:
		return o.Owner.Name
	case model.StartContainer:
		return o.Name
	case model.RemoveContainer:
		return o.Name
	}
	return ""
}

// unasked is a container as far as it is known without an inspect. What was
// inspected in another state says nothing of this one: a container that has
// just started would seem to have been up since never.
func (e *Engine) unasked(s *container.Summary, p pass) *model.Container {
	listed := e.listed(s)
	kept, ok := e.containers.get(s.ID)
	if !ok || kept.container.State != listed.State {
		listed.AtWork = true
		return listed
	}
	c := kept.report(s, p)
	c.Health = listed.Health
	return c
}
