package docker_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// script is a container's whole life, one op after the other.
func script(h *host) []model.Op {
	c := h.target("c")
	f := []model.File{file("/etc/app/a.conf", hello)}
	networks := []model.Attachment{{Network: h.Name("a"), Aliases: []string{"web"}}, {Network: h.Name("b")}}
	ops := []model.Op{model.PullImage{Host: "here", Image: testImage}}
	for _, name := range []string{"a", "b", "extra"} {
		ops = append(ops, model.CreateNetwork{Host: "here",
			Network: model.Network{App: "app", Name: name, HostName: h.Name(name), Driver: "bridge"}, Owner: model.Ownership{Owner: h.Owner}})
	}
	return append(ops,
		model.CreateVolume{Host: "here", Volume: model.Volume{Name: "v", HostName: h.Name("v"), Driver: "local"}, Owner: model.Ownership{Owner: h.Owner}},
		model.CreateContainer{Host: "here", Owner: h.owner("c"), Spec: model.ContainerSpec{
			Image: testImage, Networks: networks, Files: f,
			Mounts: []model.Mount{{Kind: model.MountVolume, Source: h.Name("v"), Target: "/data"}},
		}},
		model.CopyFiles{Target: c, Files: f},
		model.StartContainer{Target: c},
		model.UpdateContainer{Target: c, Adjustable: model.Adjustable{Memory: 64 << 20}},
		model.ConnectNetwork{Target: c, Attachment: model.Attachment{Network: h.Name("extra")}},
		model.DisconnectNetwork{Target: c, Network: h.Name("extra")},
		model.StopContainer{Target: c, Grace: time.Second},
		model.RemoveContainer{Target: c},
		model.RemoveNetwork{Host: "here", Name: h.Name("extra"), Owner: h.Owner},
	)
}

// A controller may die, or its connection break, at any call of any op, and
// after the engine has done it. Doing the op again has to lead to the same.
func TestOpsAreRepeatableAfterEveryLostReply(t *testing.T) {
	h, w := wired(t)
	for _, op := range script(h) {
		lost := 0
		for ; ; lost++ {
			w.handle(loseWrite(lost))
			err := h.engine.Do(t.Context(), op, blobs())
			if err == nil {
				break
			}
			if engine.ClassOf(err) != engine.Unreachable {
				t.Fatalf("%s, reply %d lost: %v (class %q)", engine.Doing(op), lost, err, engine.ClassOf(err))
			}
			w.handle(nil)
			h.do(op)
			if create, ok := op.(model.CreateContainer); ok {
				if got := h.must("c").Spec.Networks; len(got) != len(create.Spec.Networks) {
					t.Fatalf("reply %d lost: attached to %v", lost, got)
				}
				h.do(model.RemoveContainer{Target: h.target("c")})
			}
		}
		w.handle(nil)
		h.do(op)
	}
	if h.find("c") != nil {
		t.Error("the container is still there")
	}
}

// loseWrite lets the engine do the n-th call that changes something, and
// breaks the connection instead of giving its answer.
func loseWrite(n int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if n--; n == -1 {
				next.ServeHTTP(httptest.NewRecorder(), r)
				cut()
			}
		}
		next.ServeHTTP(rw, r)
	}
}

// TestErrorsHoldNoSecret has the engine refuse variables, which it repeats; what
// is plain in the manifests is not taken out of other words.
func TestErrorsHoldNoSecret(t *testing.T) {
	h := newHost(t)
	const secret = "correct-horse-battery"
	err := h.engine.Do(t.Context(), model.CreateContainer{Host: "here", Owner: h.owner("c"), Spec: model.ContainerSpec{
		Image: testImage, Env: map[string]string{"KIND": "variable"}, SecretEnv: map[string]model.SecretRef{"": {Secret: "db", Key: "url", Digest: "d"}},
	}}, model.Blobs{"d": []byte(secret)})
	if err == nil || strings.Contains(err.Error(), secret) || engine.ClassOf(err) != engine.Invalid {
		t.Fatalf("class %q: %v", engine.ClassOf(err), err)
	}
	contains(t, err.Error(), "invalid environment variable: =***")
}

func TestPortTakenByAnotherProcess(t *testing.T) {
	h := newHost(t)
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	target := h.create("c", model.ContainerSpec{Ports: []model.Port{{Container: 80, Published: uint16(port), Protocol: "tcp"}}})
	text := h.refuses(engine.Conflict, model.StartContainer{Target: target})
	contains(t, text, "port "+strconv.Itoa(port)+" is already taken", `start container "`+h.Name("c")+`" on host "here"`)
}

func TestMissingProgramIsSaidInOneSentence(t *testing.T) {
	h := newHost(t)
	target := h.create("c", model.ContainerSpec{Entrypoint: []string{"/no/such"}})
	text := h.refuses(engine.Invalid, model.StartContainer{Target: target})
	contains(t, text, "/no/such", "no such file or directory")
	for _, noise := range []string{"OCI", "runc", "daemon", ".go:", "unknown"} {
		if strings.Contains(text, noise) {
			t.Errorf("%q has %q in it", text, noise)
		}
	}
}

func TestVolumesAndFoldersAreNotMadeByAccident(t *testing.T) {
	h := newHost(t)
	create := model.CreateContainer{Host: "here", Owner: h.owner("c"), Spec: model.ContainerSpec{Image: testImage}}
	create.Spec.Mounts = []model.Mount{{Kind: model.MountVolume, Source: h.Name("nowhere"), Target: "/data"}}
	h.refuses(engine.NotFound, create)
	if _, err := h.Client.VolumeInspect(t.Context(), h.Name("nowhere")); err == nil {
		t.Error("the volume was made")
	}
	create.Spec.Mounts = []model.Mount{{Kind: model.MountBind, Source: "/no/such/folder", Target: "/data"}}
	contains(t, h.refuses(engine.Invalid, create), "/no/such/folder")
	if _, err := os.Stat("/no/such/folder"); err == nil {
		t.Error("the folder was made")
	}
}

func TestRemoveTakesNoVolumes(t *testing.T) {
	h := newHost(t)
	h.create("base", model.ContainerSpec{})
	named := h.volume("data")
	target := h.create("c", model.ContainerSpec{
		Image: h.commit("base", "VOLUME /anonymous"), Mounts: []model.Mount{{Kind: model.MountVolume, Source: named, Target: "/data"}},
	})
	raw, err := h.Client.ContainerInspect(t.Context(), h.Name("c"))
	if err != nil {
		t.Fatal(err)
	}
	if names, err := (hands{h}).AnonymousVolumes(h.Name("c")); err != nil || len(names) != 1 {
		t.Fatalf("anonymous volumes %q, %v", names, err)
	}
	h.do(model.RemoveContainer{Target: target})
	if len(raw.Mounts) != 2 {
		t.Fatalf("mounts %+v", raw.Mounts)
	}
	for _, m := range raw.Mounts {
		if _, err := h.Client.VolumeInspect(t.Context(), m.Name); err != nil {
			t.Errorf("volume at %s: %v", m.Destination, err)
		}
	}
}

func TestVolumeOfAnotherIsNotTakenOver(t *testing.T) {
	h := newHost(t)
	op := model.CreateVolume{Host: "here", Volume: model.Volume{HostName: h.volume("data"), Driver: "local"}}
	op.Owner.Owner = "somebody-else"
	h.refuses(engine.Conflict, op)
}

func TestUpdateLiftsWhatTheEngineCanLift(t *testing.T) {
	h := newHost(t)
	target := h.start("c", model.ContainerSpec{Adjustable: model.Adjustable{
		NanoCPUs: 5e8, Memory: 32 << 20, Pids: 50, Restart: model.Restart{Name: "always"},
	}})
	lifted := model.Adjustable{NanoCPUs: 5e8, Memory: 32 << 20}
	for range 2 {
		h.do(model.UpdateContainer{Target: target, Adjustable: lifted})
		if got := h.must("c").Spec.Adjustable; got != lifted {
			t.Errorf("after lifting: %+v", got)
		}
	}
	// Far above the limit of memory and swap that the engine set at first.
	raised := model.Adjustable{NanoCPUs: 1e9, Memory: 512 << 20, MemoryReservation: 256 << 20, Pids: 7}
	h.do(model.UpdateContainer{Target: target, Adjustable: raised})
	if c := h.must("c"); c.State != model.StateRunning || c.Spec.Adjustable != raised {
		t.Errorf("%s, %+v", c.State, c.Spec.Adjustable)
	}
	raised.MemoryReservation = 0
	contains(t, h.refuses(engine.Invalid, model.UpdateContainer{Target: target, Adjustable: raised}), "not take it away")
}

func TestRemoveOfACrashLoop(t *testing.T) {
	h := newHost(t)
	target := h.start("c", model.ContainerSpec{
		Env: map[string]string{"FAIL": "exit"}, Adjustable: model.Adjustable{Restart: model.Restart{Name: "always"}},
	})
	h.until("it waits for a restart", func() bool { return h.must("c").State == model.StateRestarting })
	h.until("it can be removed", func() bool {
		err := h.engine.Do(t.Context(), model.RemoveContainer{Target: target}, nil)
		if err != nil && engine.ClassOf(err) != engine.Conflict { // it may be up for a moment
			t.Fatal(err)
		}
		return err == nil
	})
	if h.find("c") != nil {
		t.Error("still there")
	}
}

func TestOpForAnotherHostIsRefused(t *testing.T) {
	h := newHost(t)
	h.refuses(engine.Invalid, model.PullImage{Host: "elsewhere", Image: testImage})
}

func TestCreateHoldsOnToTheImageThatWasMeant(t *testing.T) {
	h := newHost(t)
	create := model.CreateContainer{Host: "here", Owner: h.owner("c"), Spec: model.ContainerSpec{Image: testImage}}
	create.Spec.ImageID = "sha256:" + strings.Repeat("0", 64)
	h.refuses(engine.Conflict, create)
	create.Spec.ImageID = h.observe(engine.Query{Images: []string{testImage}}).Images[testImage]
	h.do(create)
}

// Folders that come with a file are open to read, and those of the image stay
// as they are.
func TestFoldersOfCopiedFiles(t *testing.T) {
	h := newHost(t)
	first := []model.File{file("/etc/app/deep/a.conf", hello), file("/etc/app/b.conf", other)}
	target := h.create("c", model.ContainerSpec{Files: first})
	h.do(model.CopyFiles{Target: target, Files: first})
	for _, dir := range []string{"/etc/app", "/etc/app/deep"} {
		if stat, err := h.Client.ContainerStatPath(t.Context(), h.Name("c"), dir); err != nil || stat.Mode.Perm() != 0o755 {
			t.Errorf("%s: mode %v, %v", dir, stat.Mode, err)
		}
	}
	before, _ := h.Client.ContainerStatPath(t.Context(), h.Name("c"), "/dev")
	more := []model.File{file("/dev/extra", hello)}
	h.do(model.CopyFiles{Target: target, Files: more})
	after, err := h.Client.ContainerStatPath(t.Context(), h.Name("c"), "/dev")
	if err != nil || after.Mode != before.Mode {
		t.Errorf("/dev was %v, is %v, %v", before.Mode, after.Mode, err)
	}
}

func TestFilesOfAStartedContainerAreNotTouched(t *testing.T) {
	h := newHost(t)
	target := h.start("c", model.ContainerSpec{})
	h.refuses(engine.Conflict, model.CopyFiles{Target: target, Files: []model.File{file("/late", hello)}})
}

func TestLogsAreBothStreamsInOrder(t *testing.T) {
	h := newHost(t)
	target := h.start("c", model.ContainerSpec{Command: []string{"no-such-verb"}})
	h.until("it has ended", func() bool { return h.must("c").State == model.StateExited })
	var b strings.Builder
	if err := h.engine.Logs(t.Context(), h.must("c").ID, engine.LogOptions{Tail: 10, Since: time.Now().Add(-time.Hour)}, &b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "server: ") { // without the eight bytes that go before each chunk
		t.Errorf("log %q", b.String())
	}
	h.do(model.RemoveContainer{Target: target})
	if err := h.engine.Logs(t.Context(), h.Name("c"), engine.LogOptions{}, io.Discard); engine.ClassOf(err) != engine.NotFound {
		t.Errorf("log of a container that is gone: %v", err)
	}
}

func TestPublishedPortsOfStoppedContainersAreReported(t *testing.T) {
	h := newHost(t)
	want := []model.Port{{Container: 80, Published: 40099, Protocol: "tcp"}}
	h.create("c", model.ContainerSpec{Ports: want})
	if got := h.must("c").Ports; !slices.Equal(got, want) {
		t.Errorf("ports %+v", got)
	}
}

// In the host's network a container has the host's name, which nobody asked
// for.
func TestHostNetworkReadsBack(t *testing.T) {
	h := newHost(t)
	spec := model.ContainerSpec{Image: testImage, Networks: []model.Attachment{{Network: "host"}}, Env: map[string]string{"LISTEN": "127.0.0.1:0"}}
	h.start("c", spec)
	if diff := plan.Compare(&spec, h.must("c")); !diff.Empty() {
		t.Errorf("differs: %+v", diff)
	}
}
