package desired_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Every field of a Service, each of which must reach the container.
func TestContainer(t *testing.T) {
	d := buildFor(t, withSecrets(),
		sealedDoc("db", "url", "tls.key"), doc("Config", "c", "{data: {a: one, b: two}}"), doc("Volume", "data", ""), doc("Network", "front", ""), doc("Network", "back", ""),
		doc("Service", "web", `{
		image: "web:1", entrypoint: [/web], command: [serve, -v], environment: {B: "2", A: "1", URL: {secret: db, key: url}}, user: "1:2", workingDir: /srv,
		hostname: web.internal, labels: {team: a},
		files: [{config: c, key: b, path: /b, mode: "0400", uid: 5, gid: 6}, {config: c, key: a, path: /a},
			{secret: db, key: tls.key, path: /k, uid: 7}],
		mounts: [{tmpfs: /tmp, size: 64MiB}, {volume: data, path: /data}, {bind: /srv, path: /host, readOnly: true}],
		networks: [front, back],
		ports: [{port: 9000}, {port: 80, published: 8080, hostIP: 127.0.0.1}, {port: 80, published: 8080, protocol: udp}],
		healthCheck: {command: [/web, health], interval: 5s, timeout: 2s, retries: 3, startPeriod: 10s},
		stopSignal: SIGINT, stopGracePeriod: 1m, init: true, privileged: true,
		capAdd: [SYS_TIME, CAP_NET_ADMIN, NET_ADMIN], capDrop: [MKNOD, CHOWN],
		devices: [{host: /dev/b}, {host: /dev/null, path: /dev/a, permissions: r}],
		sysctls: {net/core/somaxconn: "1", net.ipv4.ip_forward: "1"},
		ulimits: {nofile: {soft: 1, hard: 2}, core: {soft: 0}},
		extraHosts: {z: 10.0.0.2, a: host-gateway},
		dns: {servers: [10.0.0.2, 10.0.0.1], search: [b.internal, a.internal], options: ["ndots:2"]},
		shmSize: 1GiB, logging: {driver: json-file, options: {max-size: 1m}}, restart: "on-failure:3",
		resources: {limits: {cpus: 1.5, memory: 256MiB, pids: 100}, reservations: {memory: 64MiB}}}`))
	app := d.Apps[0]
	hostNames := map[string]string{}
	for _, n := range app.Networks {
		hostNames[n.Name] = n.HostName
	}
	want := model.ContainerSpec{
		Image: "web:1", Entrypoint: []string{"/web"}, Command: []string{"serve", "-v"}, Env: map[string]string{"A": "1", "B": "2"},
		SecretEnv: map[string]model.SecretRef{"URL": {Secret: "db", Key: "url", Digest: digestKey().Digest([]byte("postgres://"))}},
		User:      "1:2", WorkingDir: "/srv", Hostname: "web.internal", Labels: map[string]string{"team": "a"},
		Files: []model.File{
			{Path: "/a", Mode: 0o444, Digest: model.Digest([]byte("one"))},
			{Path: "/b", Mode: 0o400, UID: 5, GID: 6, Digest: model.Digest([]byte("two"))},
			{Path: "/k", Mode: 0o400, UID: 7, Digest: digestKey().Digest([]byte("a key")), Secret: "db/tls.key"},
		},
		Mounts: []model.Mount{
			{Kind: model.MountVolume, Source: app.Volumes[0].HostName, Target: "/data"},
			{Kind: model.MountBind, Source: "/srv", Target: "/host", ReadOnly: true},
			{Kind: model.MountTmpfs, Target: "/tmp", Size: 64 << 20},
		},
		Networks: []model.Attachment{{Network: hostNames["back"], Aliases: []string{"web"}}, {Network: hostNames["front"], Aliases: []string{"web"}}},
		Ports: []model.Port{
			{Container: 80, Published: 8080, Protocol: "tcp", HostIP: "127.0.0.1"}, {Container: 80, Published: 8080, Protocol: "udp"},
			{Container: 9000, Protocol: "tcp"},
		},
		HealthCheck: &model.HealthCheck{
			Test: []string{"CMD", "/web", "health"}, Interval: 5 * time.Second, Timeout: 2 * time.Second, Retries: 3, StartPeriod: 10 * time.Second,
		},
		StopSignal: "SIGINT", StopGrace: time.Minute, Init: true, Privileged: true,
		CapAdd: []string{"NET_ADMIN", "SYS_TIME"}, CapDrop: []string{"CHOWN", "MKNOD"},
		Devices: []model.Device{
			{Host: "/dev/null", Container: "/dev/a", Permissions: "r"}, {Host: "/dev/b", Container: "/dev/b", Permissions: "rwm"},
		},
		Sysctls:    map[string]string{"net.core.somaxconn": "1", "net.ipv4.ip_forward": "1"},
		Ulimits:    []model.Ulimit{{Name: "core"}, {Name: "nofile", Soft: 1, Hard: 2}},
		ExtraHosts: []model.ExtraHost{{Name: "a", IP: "host-gateway"}, {Name: "z", IP: "10.0.0.2"}},
		DNS:        model.DNS{Servers: []string{"10.0.0.2", "10.0.0.1"}, Search: []string{"b.internal", "a.internal"}, Options: []string{"ndots:2"}},
		ShmSize:    1 << 30, Logging: model.Logging{Driver: "json-file", Options: map[string]string{"max-size": "1m"}},
		Adjustable: model.Adjustable{
			NanoCPUs: 15e8, Memory: 256 << 20, MemoryReservation: 64 << 20, Pids: 100, Restart: model.Restart{Name: "on-failure", MaxRetries: 3},
		},
	}
	wantEveryField(t, want)
	if got := app.Services[0].Container; !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if string(d.Blobs[want.Files[0].Digest]) != "one" || string(d.Blobs[want.Files[1].Digest]) != "two" || len(d.Blobs) != 4 {
		t.Errorf("blobs %v", d.Blobs)
	}
	if string(d.Blobs[want.SecretEnv["URL"].Digest]) != "postgres://" || string(d.Blobs[want.Files[2].Digest]) != "a key" {
		t.Errorf("the secrets' values are not among the blobs")
	}
}

// wantEveryField makes sure that a new field of a spec can't be forgotten here.
func wantEveryField(t *testing.T, spec model.ContainerSpec) {
	t.Helper()
	v := reflect.ValueOf(spec)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "ImageID" && name != "ReadOnly" {
			t.Errorf("the test does not set %s", name)
		}
	}
}

// Files can't go with it, so it has a test of its own.
func TestReadOnlyContainer(t *testing.T) {
	if !service(t, "{image: web, readOnly: true}").Container.ReadOnly || service(t, web).Container.ReadOnly {
		t.Error("readOnly does not reach the container as it is given")
	}
}

func TestHealthChecks(t *testing.T) {
	for spec, want := range map[string]*model.HealthCheck{
		"{image: web}": nil,
		"{image: web, healthCheck: {disable: true}}":            {Test: []string{"NONE"}},
		"{image: web, healthCheck: {command: 'curl a && b'}}":   {Test: []string{"CMD-SHELL", "curl a && b"}},
		"{image: web, healthCheck: {command: [a], retries: 1}}": {Test: []string{"CMD", "a"}, Retries: 1},
	} {
		if got := service(t, spec).Container.HealthCheck; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", spec, got, want)
		}
	}
}

// What the engine would do unasked is the same as not asking.
func TestEngineDefaultsAreNotAskedFor(t *testing.T) {
	plain := service(t, "{image: web, restart: no}").Container
	if plain.Adjustable.Restart != (model.Restart{}) {
		t.Errorf("restart %+v", plain.Adjustable.Restart)
	}
	for _, spec := range []string{
		"{image: web, restart: no}",
		"{image: web, restart: no, environment: {}, command: [], labels: {}, mounts: [], ports: [], networks: []}",
		"{image: web, restart: no, stopGracePeriod: 10000ms, init: false, dns: {}, logging: {}, resources: {limits: {}}}",
	} {
		if got := service(t, spec).Container; !reflect.DeepEqual(got, plain) {
			t.Errorf("%s\ngives %+v\nwant  %+v", spec, got, plain)
		}
	}
}
