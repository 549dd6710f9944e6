package docker_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const (
	listCall    = "GET /containers/json"
	inspectCall = "GET /containers/ID/json"
)

// watch runs Watch until the test ends, and waits for it to be up.
func (h *host) watch() (woken chan struct{}) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	woken, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		h.engine.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	h.t.Cleanup(func() {
		cancel()
		<-done
	})
	h.wakes(woken)
	return woken
}

func (h *host) wakes(woken chan struct{}) {
	h.t.Helper()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		h.t.Fatal("no wake")
	}
}

// settle observes until a pass is satisfied with the list alone: the events of
// what was done before are through then.
func (h *host) settle(w *wire, q engine.Query) {
	h.t.Helper()
	h.until("nothing is asked for besides the list", func() bool {
		time.Sleep(50 * time.Millisecond)
		return len(w.during(func() { h.observe(q) })) == 1
	})
}

func TestIdleHostCostsOneListCall(t *testing.T) {
	h, w := wired(t)
	h.watch()
	h.network("front")
	h.volume("data")
	for i := range 5 {
		h.start(fmt.Sprint("c", i), model.ContainerSpec{})
	}
	q := engine.Query{Images: []string{testImage, "tallyman.invalid/none:1"}}
	h.settle(w, q)
	for range 3 {
		// Others use this engine too: their networks and images may come and go.
		calls := w.during(func() { h.observe(q) })
		if count(calls, listCall) != 1 || count(calls, inspectCall) > 0 {
			t.Fatalf("an idle pass made the calls %q", calls)
		}
	}
	if calls := w.during(func() { h.observe(engine.Query{Resync: true}) }); count(calls, inspectCall) < 5 {
		t.Errorf("a resync trusted what it knew: %q", calls)
	}
}

// A health check runs in an exec, with events of its own. They must not make
// an idle host busy.
func TestHealthChecksDoNotMakeAHostBusy(t *testing.T) {
	h, w := wired(t)
	h.watch()
	h.start("c", model.ContainerSpec{HealthCheck: &model.HealthCheck{
		Test: []string{"CMD", "/server", "health"}, Interval: 100 * time.Millisecond, Timeout: 5 * time.Second,
	}})
	h.until("it is healthy", func() bool { return h.must("c").Health == model.HealthHealthy })
	h.settle(w, engine.Query{})
	calls := w.during(func() {
		for range 10 {
			h.observe(engine.Query{})
			time.Sleep(50 * time.Millisecond)
		}
	})
	if count(calls, inspectCall) > 0 {
		t.Errorf("calls %q", calls)
	}
}

func TestOnlyWhatAnEventNamesIsInspected(t *testing.T) {
	h, w := wired(t)
	h.watch()
	for i := range 4 {
		h.start(fmt.Sprint("c", i), model.ContainerSpec{})
	}
	h.settle(w, engine.Query{})
	// The list does not show limits: only the event tells.
	if err := (hands{h}).UpdateMemory(h.Name("c2"), 64<<20); err != nil {
		t.Fatal(err)
	}
	var inspects int
	h.until("the update by hand is seen", func() bool {
		inspects += count(w.during(func() { h.observe(engine.Query{}) }), inspectCall)
		return h.must("c2").Spec.Adjustable.Memory == 64<<20
	})
	if inspects != 1 {
		t.Errorf("%d inspects for one event", inspects)
	}
}

func TestAFileChangedByHandIsSeen(t *testing.T) {
	h, _ := wired(t)
	h.watch()
	f := file("/etc/app/a.conf", hello)
	target := h.create("c", model.ContainerSpec{Files: []model.File{f}})
	h.do(model.CopyFiles{Target: target, Files: []model.File{f}}, model.StartContainer{Target: target})
	if got := h.must("c").Spec.Files; !slices.Equal(got, []model.File{f}) {
		t.Fatalf("files %+v", got)
	}
	err := h.Client.CopyToContainer(t.Context(), h.Name("c"), "/etc/app", archive(t, "a.conf", other), container.CopyToContainerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.until("the change is seen", func() bool {
		files := h.must("c").Spec.Files
		return len(files) == 1 && files[0].Digest == model.Digest([]byte(other))
	})
}

func TestHangingInspectHoldsUpNothingElse(t *testing.T) {
	timeouts := docker.DefaultTimeouts()
	timeouts.Inspect = 200 * time.Millisecond
	h, w := wired(t, docker.WithTimeouts(timeouts))
	h.create("good", model.ContainerSpec{})
	bad := h.create("bad", model.ContainerSpec{})
	id := h.must("bad").ID
	w.handle(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/"+id+"/json") {
			<-r.Context().Done()
			cut()
		}
		next.ServeHTTP(rw, r)
	})
	h.observe(engine.Query{Resync: true})
	if c := h.find("bad"); c.Spec != nil || c.InspectError == "" || c.State != model.StateCreated || c.Owner != h.owner("bad") {
		t.Errorf("the one that hangs: %+v", c)
	}
	h.must("good")
	w.handle(nil)
	h.must("bad")
	h.do(model.RemoveContainer{Target: bad})
}

func TestFrozenEngineIsATimeout(t *testing.T) {
	timeouts := docker.DefaultTimeouts()
	timeouts.List = 200 * time.Millisecond
	h, w := wired(t, docker.WithTimeouts(timeouts))
	h.observe(engine.Query{})
	w.handle(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	state, err := h.engine.Observe(t.Context(), engine.Query{Owner: h.Owner})
	if engine.ClassOf(err) != engine.Timeout || state.Reachable {
		t.Errorf("frozen engine: %v, class %q", err, engine.ClassOf(err))
	}
	w.handle(nil)
	h.observe(engine.Query{})
}

func TestWatchReconnectsAndWakes(t *testing.T) {
	h, w := wired(t)
	woken := h.watch()
	for range 3 {
		w.CloseClientConnections()
		h.wakes(woken) // it is gone
		h.wakes(woken) // it is back
	}
	h.create("c", model.ContainerSpec{})
	h.wakes(woken)
}

// What happened while nobody listened is found out after the reconnect.
func TestChangesWhileTheStreamWasDownAreSeen(t *testing.T) {
	h, w := wired(t)
	woken := h.watch()
	h.start("c", model.ContainerSpec{})
	h.settle(w, engine.Query{})
	down := func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			cut()
		}
		next.ServeHTTP(rw, r)
	}
	w.handle(down)
	w.CloseClientConnections()
	if err := (hands{h}).UpdateMemory(h.Name("c"), 64<<20); err != nil {
		t.Fatal(err)
	}
	w.handle(nil)
	h.wakes(woken)
	h.until("the update is seen", func() bool { return h.must("c").Spec.Adjustable.Memory == 64<<20 })
}

// An image that was committed from a container of ours carries our labels, and
// so does whatever is run from it.
func TestContainerOfACommittedImageIsNotOurs(t *testing.T) {
	h := newHost(t)
	h.create("c", model.ContainerSpec{})
	image := h.commit("c")
	made, err := h.Client.ContainerCreate(t.Context(), &container.Config{Image: image}, nil, nil, nil, h.Name("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { forceRemove(t, h.Client, made.ID) })
	if c := h.find("stranger"); c == nil || c.Owner != (model.Ownership{}) {
		t.Errorf("the stranger is taken for ours: %+v", c)
	}
	if c := h.must("c"); c.Owner != h.owner("c") {
		t.Errorf("ours is taken for a stranger: %+v", c.Owner)
	}
	if err := (hands{h}).Rename(h.Name("c"), h.Name("renamed")); err != nil {
		t.Fatal(err)
	}
	if c := h.must("renamed"); c.Owner != h.owner("c") {
		t.Errorf("renamed, ours is taken for a stranger: %+v", c.Owner)
	}
}

// What an image gives is no difference, and anonymous volumes are no mounts.
func TestImageDefaultsAreReportedApart(t *testing.T) {
	h := newHost(t)
	h.create("base", model.ContainerSpec{})
	image := h.commit("base", "VOLUME /anonymous", "USER 1000", "WORKDIR /work", "ENV A=b=c",
		"LABEL kind=test", `HEALTHCHECK --interval=7s CMD ["/server", "health"]`)
	h.create("c", model.ContainerSpec{Image: image, Env: map[string]string{"OWN": "x"}})
	c := h.must("c")
	if i := c.Image; i.User != "1000" || i.WorkingDir != "/work" || i.Env["A"] != "b=c" ||
		i.Labels["kind"] != "test" || i.Labels[model.LabelOwner] != "" || !i.HealthCheck.Enabled() || !slices.Equal(i.Volumes, []string{"/anonymous"}) {
		t.Errorf("image defaults %+v", i)
	}
	if s := c.Spec; len(s.Mounts) != 0 || s.User != "1000" || s.Env["OWN"] != "x" || s.Env["A"] != "b=c" || s.HealthCheck.Interval != 7*time.Second {
		t.Errorf("spec %+v", s)
	}
}

func (h *host) commit(name string, changes ...string) string {
	h.t.Helper()
	made, err := h.Client.ContainerCommit(h.t.Context(), h.Name(name), container.CommitOptions{Changes: changes})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { removeImage(h.t, h.Client, made.ID) })
	return made.ID
}
