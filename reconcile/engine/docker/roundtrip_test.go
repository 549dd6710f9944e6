package docker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Whatever is asked for is what is read back: no difference, ever, or the
// container would be replaced in each pass.
func TestCreatedContainerReadsBackAsAsked(t *testing.T) {
	h := newHost(t)
	networks := []string{h.network("front"), h.network("back")}
	volume := h.volume("data")
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		spec := drawSpec(rt, networks, volume)
		n++
		name := fmt.Sprint("c", n)
		target := h.create(name, spec)
		if len(spec.Files) > 0 {
			h.do(model.CopyFiles{Target: target, Files: spec.Files})
		}
		live := h.must(name)
		if diff := plan.Compare(&spec, live); !diff.Empty() {
			rt.Fatalf("differs from what was asked for: %+v\nasked %+v\nlive  %+v", diff, spec, *live.Spec)
		}
		if live.Owner != h.owner(name) {
			rt.Fatalf("ownership %+v", live.Owner)
		}
		h.do(model.RemoveContainer{Target: target})
	})
}

// The same for containers that run, of which the engine has more to tell.
func TestRunningContainerReadsBackAsAsked(t *testing.T) {
	h := newHost(t)
	spec := fullSpec(h)
	target := h.create("full", spec)
	h.do(model.CopyFiles{Target: target, Files: spec.Files}, model.StartContainer{Target: target})
	for _, q := range []engine.Query{{}, {Resync: true}} {
		h.observe(q)
		if diff := plan.Compare(&spec, h.must("full")); !diff.Empty() {
			t.Fatalf("differs from what was asked for: %+v\n%+v", diff, *h.must("full").Spec)
		}
	}
	h.do(model.StopContainer{Target: target, Grace: time.Second})
	if diff := plan.Compare(&spec, h.must("full")); !diff.Empty() {
		t.Fatalf("stopped, it differs from what was asked for: %+v", diff)
	}
}

// fullSpec asks for everything at once that can be had together.
func fullSpec(h *host) model.ContainerSpec {
	return model.ContainerSpec{
		Image: testImage, Entrypoint: []string{"/server"}, Command: []string{"serve"},
		Env:  map[string]string{"LISTEN": ":8080", "EMPTY": "", "MESSAGE": "a=b c"},
		User: "1000:1000", WorkingDir: "/tmp", Hostname: "web", Labels: map[string]string{"team": "quay"},
		Files: []model.File{{Path: "/etc/app/a.conf", Mode: 0o640, UID: 7, GID: 8, Digest: model.Digest([]byte(hello))}},
		Mounts: []model.Mount{
			{Kind: model.MountVolume, Source: h.volume("full"), Target: "/data"},
			{Kind: model.MountBind, Source: "/usr", Target: "/host", ReadOnly: true},
			{Kind: model.MountTmpfs, Target: "/tmp", Size: 16 << 20},
		},
		Networks: []model.Attachment{
			{Network: h.network("full-a"), Aliases: []string{"db", "web"}}, {Network: h.network("full-b"), Aliases: []string{"web"}},
		},
		Ports:       []model.Port{{Container: 8080, Protocol: "tcp"}, {Container: 8081, Protocol: "udp", HostIP: "127.0.0.1"}},
		HealthCheck: &model.HealthCheck{Test: []string{"CMD", "/server", "health"}, Interval: time.Minute, Retries: 2},
		StopSignal:  "SIGTERM", StopGrace: 3 * time.Second,
		Init: true, CapAdd: []string{"NET_ADMIN", "SYS_TIME"}, CapDrop: []string{"MKNOD"},
		Devices:    []model.Device{{Host: "/dev/null", Container: "/dev/nothing", Permissions: "rw"}},
		Sysctls:    map[string]string{"net.core.somaxconn": "256"},
		Ulimits:    []model.Ulimit{{Name: "nofile", Soft: 512, Hard: 1024}, {Name: "nproc", Soft: 100, Hard: 200}},
		ExtraHosts: []model.ExtraHost{{Name: "db.example", IP: "10.0.0.9"}, {Name: "six.example", IP: "fd00::1"}},
		DNS:        model.DNS{Servers: []string{"10.0.0.2", "10.0.0.1"}, Search: []string{"example"}, Options: []string{"ndots:1"}},
		ShmSize:    32 << 20, Logging: model.Logging{Driver: "json-file", Options: map[string]string{"max-size": "1m"}},
		Adjustable: model.Adjustable{
			NanoCPUs: 5e8, Memory: 64 << 20, MemoryReservation: 32 << 20, Pids: 50,
			Restart: model.Restart{Name: "on-failure", MaxRetries: 3},
		},
	}
}

// maybe draws a value, or the zero that means "not asked for".
func maybe[T any](rt *rapid.T, label string, values ...T) T {
	var zero T
	return rapid.SampledFrom(append(values, zero)).Draw(rt, label)
}

func drawSpec(rt *rapid.T, networks []string, volume string) model.ContainerSpec {
	text := rapid.StringMatching(`[ -~]{0,12}`)
	key := rapid.StringMatching(`[A-Z_]{1,6}`)
	spec := model.ContainerSpec{
		Image:      testImage,
		Entrypoint: maybe(rt, "entrypoint", []string{"/server"}, []string{"/server", "serve"}),
		Command:    maybe(rt, "command", []string{"serve"}, []string{"health", "", "a b"}),
		Env:        rapid.MapOfN(key, text, 0, 3).Draw(rt, "env"),
		User:       maybe(rt, "user", "1000", "1000:1000", "nobody"),
		WorkingDir: maybe(rt, "workingDir", "/", "/tmp/x"),
		Hostname:   maybe(rt, "hostname", "web", "boat.example.com"),
		Labels:     rapid.MapOfN(rapid.StringMatching(`[a-z.]{1,5}`), text, 0, 2).Draw(rt, "labels"),
		StopSignal: maybe(rt, "stopSignal", "SIGTERM", "SIGINT", "15"),
		StopGrace:  maybe(rt, "stopGrace", time.Second, time.Minute),
		Init:       maybe(rt, "init", true), Privileged: maybe(rt, "privileged", true),
		CapAdd:  maybe(rt, "capAdd", []string{"NET_ADMIN"}, []string{"ALL"}, []string{"CHOWN", "NET_RAW"}),
		CapDrop: maybe(rt, "capDrop", []string{"MKNOD"}, []string{"ALL"}),
		ShmSize: maybe[int64](rt, "shmSize", 1<<20, 128<<20),
		Logging: maybe(rt, "logging", model.Logging{Driver: "none"}, model.Logging{Driver: "local"},
			model.Logging{Driver: "json-file", Options: map[string]string{"max-file": "2", "max-size": "1m"}}),
		HealthCheck: drawCheck(rt),
	}
	drawHost(rt, &spec)
	drawAttached(rt, &spec, networks, volume)
	return spec
}

func drawCheck(rt *rapid.T) *model.HealthCheck {
	switch maybe(rt, "check", 1, 2) {
	case 1:
		return &model.HealthCheck{Test: []string{"NONE"}}
	case 2:
		return &model.HealthCheck{
			Test:     rapid.SampledFrom([][]string{{"CMD-SHELL", "true"}, {"CMD", "/server", "health"}}).Draw(rt, "test"),
			Interval: maybe(rt, "interval", time.Second, 1500*time.Millisecond), Timeout: maybe(rt, "timeout", time.Second),
			StartPeriod: maybe(rt, "startPeriod", time.Minute), Retries: maybe(rt, "retries", 5),
		}
	}
	return nil
}

func drawHost(rt *rapid.T, spec *model.ContainerSpec) {
	spec.Adjustable = model.Adjustable{
		NanoCPUs: maybe[int64](rt, "cpus", 1e7, 1e9), Memory: maybe[int64](rt, "memory", 64<<20, 1<<30),
		MemoryReservation: maybe[int64](rt, "reservation", 16<<20), Pids: maybe[int64](rt, "pids", 10, 1000),
		Restart: maybe(rt, "restart", model.Restart{Name: "always"}, model.Restart{Name: "unless-stopped"},
			model.Restart{Name: "on-failure"}, model.Restart{Name: "on-failure", MaxRetries: 2}),
	}
	spec.Devices = maybe(rt, "devices", []model.Device{{Host: "/dev/zero", Container: "/dev/x", Permissions: "r"}})
	spec.Sysctls = maybe(rt, "sysctls", map[string]string{"kernel.msgmax": "8192"})
	spec.Ulimits = maybe(rt, "ulimits", []model.Ulimit{{Name: "core", Soft: 0, Hard: -1}, {Name: "nofile", Soft: 64, Hard: 128}})
	spec.ExtraHosts = maybe(rt, "extraHosts", []model.ExtraHost{{Name: "a", IP: "10.1.1.1"}, {Name: "a", IP: "fd00::2"}})
	spec.DNS = maybe(rt, "dns", model.DNS{Servers: []string{"10.0.0.1"}}, model.DNS{Search: []string{"a.example"}, Options: []string{"rotate"}})
}

func drawAttached(rt *rapid.T, spec *model.ContainerSpec, networks []string, volume string) {
	targets := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"/a", "/b", "/tmp", "/var/lib/x"}), 0, 3, rapid.ID).Draw(rt, "targets")
	slices.Sort(targets)
	for _, target := range targets {
		kind := rapid.SampledFrom([]string{model.MountVolume, model.MountBind, model.MountTmpfs}).Draw(rt, "kind")
		m := model.Mount{Kind: kind, Target: target, ReadOnly: maybe(rt, "mountReadOnly", true)}
		switch kind {
		case model.MountVolume:
			m.Source = volume
		case model.MountBind:
			m.Source = "/usr"
		case model.MountTmpfs:
			m.Size = maybe[int64](rt, "tmpfsSize", 1<<20)
		}
		spec.Mounts = append(spec.Mounts, m)
	}
	for _, name := range networks[:maybe(rt, "networks", 1, 2)] {
		spec.Networks = append(spec.Networks, model.Attachment{Network: name, Aliases: maybe(rt, "aliases", []string{"web"}, []string{"db", "web"})})
	}
	spec.Ports = maybe(rt, "ports", []model.Port{{Container: 80, Protocol: "tcp"}, {Container: 80, Published: 40080, Protocol: "udp"}},
		[]model.Port{{Container: 81, Published: 40081, Protocol: "tcp", HostIP: "127.0.0.1"}, {Container: 81, Published: 40082, Protocol: "tcp", HostIP: "0.0.0.0"}})
	for _, path := range []string{"/etc/app/one", "/two", "/etc/three"}[:maybe(rt, "files", 1, 3)] {
		spec.Files = append(spec.Files, model.File{
			Path: path, Mode: rapid.SampledFrom([]uint32{0o444, 0o600, 0o755}).Draw(rt, "mode"),
			UID: maybe(rt, "uid", 1000), GID: maybe(rt, "gid", 7),
			Digest: model.Digest([]byte(rapid.SampledFrom([]string{hello, other, ""}).Draw(rt, "content"))),
		})
	}
	slices.SortFunc(spec.Files, func(a, b model.File) int { return strings.Compare(a.Path, b.Path) })
}
