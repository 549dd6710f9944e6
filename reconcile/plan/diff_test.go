package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// image is what the test image gives a container that does not say otherwise.
func image() *model.ImageDefaults {
	return &model.ImageDefaults{
		ID: "sha256:1111111111112222", Entrypoint: []string{"/server"}, Command: []string{"serve"},
		Env: map[string]string{"PATH": "/bin"}, User: "nobody", WorkingDir: "/srv",
		Labels: map[string]string{"maker": "us"}, StopSignal: "SIGQUIT",
		HealthCheck: &model.HealthCheck{Test: []string{"CMD", "/server", "health"}, Interval: 5 * time.Second, Retries: 3},
	}
}

// madeFrom is the container that an engine makes of a spec and an image: what
// the spec leaves open is filled in.
func madeFrom(spec model.ContainerSpec, image *model.ImageDefaults) *model.Container {
	spec.Entrypoint, spec.Command = commandLine(&spec, image)
	spec.Env = laidOver(image.Env, spec.Env)
	spec.Labels = laidOver(image.Labels, spec.Labels)
	spec.User, spec.WorkingDir = or(spec.User, image.User), or(spec.WorkingDir, image.WorkingDir)
	spec.StopSignal = or(spec.StopSignal, image.StopSignal)
	spec.HealthCheck = healthCheck(spec.HealthCheck, image.HealthCheck)
	return &model.Container{State: model.StateRunning, Spec: &spec, Image: image}
}

func laidOver(below, above map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{below, above} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// lines are a diff for people, with what it takes to put each line right.
func lines(d Diff) string {
	var out []string
	for _, r := range d.Replace {
		out = append(out, "replace: "+r.String())
	}
	for _, r := range d.Dropped {
		out = append(out, "dropped: "+r.String())
	}
	for _, a := range d.Adjust {
		out = append(out, "adjust: "+a.String())
	}
	for _, n := range d.Disconnect {
		out = append(out, "disconnect: "+n)
	}
	for _, a := range d.Connect {
		out = append(out, "connect: "+a.Network+" "+strings.Join(a.Aliases, ","))
	}
	return strings.Join(out, "\n")
}

// change is one way in which two specs differ.
type change struct {
	name string
	// to makes the second spec of the first.
	to func(*model.ContainerSpec)
	// from, when set, makes the first spec of the base.
	from        func(*model.ContainerSpec)
	there, back string
}

// image1 resolves the tag that all have.
func image1(digest string) func(*model.ContainerSpec) {
	return func(s *model.ContainerSpec) { s.Image = model.WithDigest("app/web:1", digest) }
}

func changes() []change {
	type spec = model.ContainerSpec
	return []change{
		{name: "tag", to: func(s *spec) { s.Image = "app/web:2" }, there: "replace: image 1 → 2", back: "replace: image 2 → 1"},
		{name: "repository", to: func(s *spec) { s.Image = "app/www:1" }, there: "replace: image app/web:1 → app/www:1", back: "replace: image app/www:1 → app/web:1"},
		{name: "registry with a port", to: func(s *spec) { s.Image = "localhost:5000/web" }, there: "replace: image app/web:1 → localhost:5000/web", back: "replace: image localhost:5000/web → app/web:1"},
		{name: "a tag that has moved", from: image1("sha256:1111111111111111"), to: image1("sha256:2222222222222222"),
			there: "replace: image 1@111111111111 → 1@222222222222", back: "replace: image 1@222222222222 → 1@111111111111"},
		{name: "a tag that was looked up", to: image1("sha256:2222222222222222"),
			there: "replace: image 1 → 1@222222222222", back: "replace: image 1@222222222222 → 1"},
		{name: "another tag, looked up", from: image1("sha256:1111111111111111"), to: func(s *spec) { s.Image = "app/web:2@sha256:2222222222222222" },
			there: "replace: image 1 → 2", back: "replace: image 2 → 1"},
		{name: "another repository, looked up", from: image1("sha256:1111111111111111"), to: func(s *spec) { s.Image = "app/www:1@sha256:2222222222222222" },
			there: "replace: image app/web:1@111111111111 → app/www:1@222222222222", back: "replace: image app/www:1@222222222222 → app/web:1@111111111111"},
		{name: "entrypoint", from: func(s *spec) { s.Command = []string{"x"} }, to: func(s *spec) { s.Entrypoint = []string{"/web", "-v"} },
			there: `replace: entrypoint: ["/server"] → ["/web" "-v"]`, back: `replace: entrypoint: ["/web" "-v"] → ["/server"]`},
		{name: "an entrypoint switches the image's command off", to: func(s *spec) { s.Entrypoint = []string{"/web"} },
			there: "replace: entrypoint: [\"/server\"] → [\"/web\"]\nreplace: command: [\"serve\"] → (none)",
			back:  "replace: entrypoint: [\"/web\"] → [\"/server\"]\nreplace: command: (none) → [\"serve\"]"},
		{name: "command", to: func(s *spec) { s.Command = []string{"serve", "two words"} },
			there: `replace: command: ["serve"] → ["serve" "two words"]`, back: `replace: command: ["serve" "two words"] → ["serve"]`},
		{name: "env changed", from: func(s *spec) { s.Env = map[string]string{"LOG": "info"} }, to: func(s *spec) { s.Env = map[string]string{"LOG": "debug"} },
			there: "replace: environment.LOG: info → debug", back: "replace: environment.LOG: debug → info"},
		{name: "env added", to: func(s *spec) { s.Env = map[string]string{"LOG": ""} }, there: `replace: environment.LOG: (none) → ""`, back: `replace: environment.LOG: "" → (none)`},
		{name: "env over the image's", to: func(s *spec) { s.Env = map[string]string{"PATH": "/usr/bin"} }, there: "replace: environment.PATH: /bin → /usr/bin", back: "replace: environment.PATH: /usr/bin → /bin"},
		{name: "label", to: func(s *spec) { s.Labels = map[string]string{"team": "a"} }, there: "replace: labels.team: (none) → a", back: "replace: labels.team: a → (none)"},
		{name: "user", to: func(s *spec) { s.User = "1000:1000" }, there: "replace: user: nobody → 1000:1000", back: "replace: user: 1000:1000 → nobody"},
		{name: "workingDir", to: func(s *spec) { s.WorkingDir = "/" }, there: "replace: workingDir: /srv → /", back: "replace: workingDir: / → /srv"},
		{name: "hostname", to: func(s *spec) { s.Hostname = "web" }, there: "replace: hostname: (none) → web", back: "replace: hostname: web → (none)"},
		{name: "stopSignal", to: func(s *spec) { s.StopSignal = "SIGINT" }, there: "replace: stopSignal: SIGQUIT → SIGINT", back: "replace: stopSignal: SIGINT → SIGQUIT"},
		{name: "stopGracePeriod", to: func(s *spec) { s.StopGrace = time.Minute }, there: "replace: stopGracePeriod: (none) → 1m0s", back: "replace: stopGracePeriod: 1m0s → (none)"},
		{name: "health check's interval", to: func(s *spec) { s.HealthCheck = &model.HealthCheck{Interval: time.Second} },
			there: "replace: healthCheck: CMD /server health interval 5s retries 3 → CMD /server health interval 1s retries 3",
			back:  "replace: healthCheck: CMD /server health interval 1s retries 3 → CMD /server health interval 5s retries 3"},
		{name: "health check off", to: func(s *spec) { s.HealthCheck = &model.HealthCheck{Test: []string{"NONE"}} },
			there: "replace: healthCheck: CMD /server health interval 5s retries 3 → disabled", back: "replace: healthCheck: disabled → CMD /server health interval 5s retries 3"},
		{name: "file content", from: file("sha256:aaaaaaaaaaaaaaaa", 0o444), to: file("sha256:bbbbbbbbbbbbbbbb", 0o444),
			there: `replace: files["/etc/x"]: content aaaaaaaaaaaa mode 0444 → content bbbbbbbbbbbb mode 0444`, back: `replace: files["/etc/x"]: content bbbbbbbbbbbb mode 0444 → content aaaaaaaaaaaa mode 0444`},
		{name: "secret variable", to: secretEnv("k:1"), there: "replace: environment.PASSWORD: (none) → (secret db/password)", back: "replace: environment.PASSWORD: (secret db/password) → (none)"},
		{name: "value of a secret variable", from: secretEnv("k:1"), to: secretEnv("k:2"),
			there: "replace: environment.PASSWORD: (secret db/password) → (secret db/password), with another value",
			back:  "replace: environment.PASSWORD: (secret db/password) → (secret db/password), with another value"},
		{name: "plain variable to a secret one", from: func(s *spec) { s.Env = map[string]string{"PASSWORD": "hunter2"} },
			to:    func(s *spec) { s.Env = nil; secretEnv("k:1")(s) },
			there: "replace: environment.PASSWORD: (a plain value) → (secret db/password)", back: "replace: environment.PASSWORD: (secret db/password) → hunter2"},
		{name: "content of a secret file", from: secretFile("k:1"), to: secretFile("k:2"),
			there: `replace: files["/key"]: secret db/key mode 0400 → secret db/key mode 0400, with another value`,
			back:  `replace: files["/key"]: secret db/key mode 0400 → secret db/key mode 0400, with another value`},
		{name: "file mode", from: file("sha256:aa", 0o444), to: file("sha256:aa", 0o600),
			there: `replace: files["/etc/x"]: content aa mode 0444 → content aa mode 0600`, back: `replace: files["/etc/x"]: content aa mode 0600 → content aa mode 0444`},
		{name: "mount", to: func(s *spec) {
			s.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "v", Target: "/data", ReadOnly: true}}
		},
			there: `replace: mounts["/data"]: (none) → volume v read-only`, back: `replace: mounts["/data"]: volume v read-only → (none)`},
		{name: "tmpfs size", from: func(s *spec) { s.Mounts = []model.Mount{{Kind: model.MountTmpfs, Target: "/tmp", Size: 64 << 20}} },
			to:    func(s *spec) { s.Mounts = []model.Mount{{Kind: model.MountTmpfs, Target: "/tmp", Size: 1500}} },
			there: `replace: mounts["/tmp"]: tmpfs size 64MiB → tmpfs size 1500`, back: `replace: mounts["/tmp"]: tmpfs size 1500 → tmpfs size 64MiB`},
		{name: "device", to: func(s *spec) {
			s.Devices = []model.Device{{Host: "/dev/a", Container: "/dev/b", Permissions: "rw"}}
		},
			there: `replace: devices["/dev/b"]: (none) → /dev/a rw`, back: `replace: devices["/dev/b"]: /dev/a rw → (none)`},
		{name: "init", to: func(s *spec) { s.Init = true }, there: "replace: init: false → true", back: "replace: init: true → false"},
		{name: "readOnly", to: func(s *spec) { s.ReadOnly = true }, there: "replace: readOnly: false → true", back: "replace: readOnly: true → false"},
		{name: "privileged", to: func(s *spec) { s.Privileged = true }, there: "replace: privileged: false → true", back: "replace: privileged: true → false"},
		{name: "port", from: func(s *spec) { s.Ports = []model.Port{{Container: 80, Published: 8080, Protocol: "tcp"}} },
			to: func(s *spec) {
				s.Ports = []model.Port{{Container: 80, Published: 8081, Protocol: "tcp", HostIP: "127.0.0.1"}}
			},
			there: `replace: ports["80/tcp"]: published 8080 → published 8081 on 127.0.0.1`, back: `replace: ports["80/tcp"]: published 8081 on 127.0.0.1 → published 8080`},
		{name: "two come, one goes", from: func(s *spec) { s.CapAdd = []string{"NET_ADMIN"} }, to: func(s *spec) { s.CapAdd = []string{"CHOWN", "KILL"} },
			there: "replace: capAdd.CHOWN: (none) → listed\nreplace: capAdd.KILL: (none) → listed\nreplace: capAdd.NET_ADMIN: listed → (none)",
			back:  "replace: capAdd.CHOWN: listed → (none)\nreplace: capAdd.KILL: listed → (none)\nreplace: capAdd.NET_ADMIN: (none) → listed"},
		{name: "capDrop", to: func(s *spec) { s.CapDrop = []string{"ALL"} }, there: "replace: capDrop.ALL: (none) → listed", back: "replace: capDrop.ALL: listed → (none)"},
		{name: "ulimit", to: func(s *spec) { s.Ulimits = []model.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}} }, there: "replace: ulimits.nofile: (none) → 1:2", back: "replace: ulimits.nofile: 1:2 → (none)"},
		{name: "extraHost", to: func(s *spec) { s.ExtraHosts = []model.ExtraHost{{Name: "db", IP: "10.0.0.1"}} }, there: "replace: extraHosts.db: (none) → 10.0.0.1", back: "replace: extraHosts.db: 10.0.0.1 → (none)"},
		{name: "dns", to: func(s *spec) {
			s.DNS = model.DNS{Servers: []string{"1.1.1.1"}, Search: []string{"lan"}, Options: []string{"ndots:2"}}
		},
			there: "replace: dns.servers: (none) → [\"1.1.1.1\"]\nreplace: dns.search: (none) → [\"lan\"]\nreplace: dns.options: (none) → [\"ndots:2\"]",
			back:  "replace: dns.servers: [\"1.1.1.1\"] → (none)\nreplace: dns.search: [\"lan\"] → (none)\nreplace: dns.options: [\"ndots:2\"] → (none)"},
		{name: "sysctl", to: func(s *spec) { s.Sysctls = map[string]string{"net.x": "1"} }, there: "replace: sysctls[\"net.x\"]: (none) → 1", back: "replace: sysctls[\"net.x\"]: 1 → (none)"},
		{name: "shmSize", to: func(s *spec) { s.ShmSize = 1 << 30 }, there: "replace: shmSize: (none) → 1GiB", back: "dropped: shmSize: 1GiB → the engine's default"},
		{name: "logging", to: func(s *spec) {
			s.Logging = model.Logging{Driver: "local", Options: map[string]string{"max-size": "1m"}}
		},
			there: "replace: logging.driver: (none) → local\nreplace: logging.options.max-size: (none) → 1m", back: "dropped: logging.driver: local → the engine's default\ndropped: logging.options.max-size: 1m → the engine's default"},
		{name: "cpus", from: func(s *spec) { s.Adjustable.NanoCPUs = 5e8 }, to: func(s *spec) { s.Adjustable.NanoCPUs = 15e8 }, there: "adjust: resources.limits.cpus: 0.5 → 1.5", back: "adjust: resources.limits.cpus: 1.5 → 0.5"},
		{name: "memory", from: func(s *spec) { s.Adjustable.Memory = 256 << 20 }, to: func(s *spec) { s.Adjustable.Memory = 1 << 30 }, there: "adjust: resources.limits.memory: 256MiB → 1GiB", back: "adjust: resources.limits.memory: 1GiB → 256MiB"},
		{name: "a limit can be set in place and not taken away", to: func(s *spec) { s.Adjustable.Memory = 1 << 30 }, there: "adjust: resources.limits.memory: (none) → 1GiB", back: "replace: resources.limits.memory: 1GiB → (none)"},
		{name: "memory reservation", to: func(s *spec) { s.Adjustable.MemoryReservation = 1 << 20 }, there: "adjust: resources.reservations.memory: (none) → 1MiB", back: "replace: resources.reservations.memory: 1MiB → (none)"},
		{name: "pids", from: func(s *spec) { s.Adjustable.Pids = 10 }, to: func(s *spec) { s.Adjustable.Pids = 20 }, there: "adjust: resources.limits.pids: 10 → 20", back: "adjust: resources.limits.pids: 20 → 10"},
		{name: "restart", from: func(s *spec) { s.Adjustable.Restart = model.Restart{Name: "always"} },
			to:    func(s *spec) { s.Adjustable.Restart = model.Restart{Name: "on-failure", MaxRetries: 3} },
			there: "adjust: restart: always → on-failure:3", back: "adjust: restart: on-failure:3 → always"},
		{name: "network", to: func(s *spec) { s.Networks = []model.Attachment{{Network: "n", Aliases: []string{"web"}}} }, there: "connect: n web", back: "disconnect: n"},
		{name: "aliases", from: func(s *spec) { s.Networks = []model.Attachment{{Network: "n", Aliases: []string{"web"}}} },
			to:    func(s *spec) { s.Networks = []model.Attachment{{Network: "n", Aliases: []string{"api", "web"}}} },
			there: "disconnect: n\nconnect: n api,web", back: "disconnect: n\nconnect: n web"},
	}
}

func file(digest string, mode uint32) func(*model.ContainerSpec) {
	return func(s *model.ContainerSpec) { s.Files = []model.File{{Path: "/etc/x", Mode: mode, Digest: digest}} }
}

func secretEnv(digest string) func(*model.ContainerSpec) {
	return func(s *model.ContainerSpec) {
		s.SecretEnv = map[string]model.SecretRef{"PASSWORD": {Secret: "db", Key: "password", Digest: digest}}
	}
}

func secretFile(digest string) func(*model.ContainerSpec) {
	return func(s *model.ContainerSpec) {
		s.Files = []model.File{{Path: "/key", Mode: 0o400, Digest: digest, Secret: "db/key"}}
	}
}

// Digests of another key, or none, say nothing of a value: that the key has
// changed must not make every container look changed twice.
func TestDigestsOfDifferentKeysAreNoDifference(t *testing.T) {
	for _, other := range []string{"", "other:2"} {
		for name, set := range map[string]func(string) func(*model.ContainerSpec){"variable": secretEnv, "file": secretFile} {
			want, live := model.ContainerSpec{Image: "i"}, model.ContainerSpec{Image: "i"}
			set("k:1")(&want)
			set(other)(&live)
			if diff := Compare(&want, madeFrom(live, image())); !diff.Empty() {
				t.Errorf("%s, digest %q: %s", name, other, lines(diff))
			}
		}
	}
}

// TestEveryFieldIsComparedBothWays makes the container of one spec and compares
// it with the other, then the other way round: a field that is only looked at
// in one direction would let a change through and not its revert.
func TestEveryFieldIsComparedBothWays(t *testing.T) {
	for _, tc := range changes() {
		t.Run(tc.name, func(t *testing.T) {
			a, b := model.ContainerSpec{Image: "app/web:1"}, model.ContainerSpec{Image: "app/web:1"}
			if tc.from != nil {
				tc.from(&a)
				tc.from(&b)
			}
			tc.to(&b)
			for _, way := range []struct {
				name       string
				want, live model.ContainerSpec
				expect     string
			}{{"there", b, a, tc.there}, {"back", a, b, tc.back}, {"first against itself", a, a, ""}, {"second against itself", b, b, ""}} {
				diff := Compare(&way.want, madeFrom(way.live, image()))
				if got := lines(diff); got != way.expect {
					t.Errorf("%s:\n%s\nwant:\n%s", way.name, got, way.expect)
				}
				if diff.Empty() != (way.expect == "" || strings.HasPrefix(way.expect, "dropped: ")) {
					t.Errorf("%s: Empty is %v for %q", way.name, diff.Empty(), way.expect)
				}
			}
		})
	}
}

// TestNoFieldIsForgotten fails when ContainerSpec grows a field that no case
// above changes.
func TestNoFieldIsForgotten(t *testing.T) {
	touched := map[string]bool{}
	for _, tc := range changes() {
		a, b := model.ContainerSpec{Image: "app/web:1"}, model.ContainerSpec{Image: "app/web:1"}
		if tc.from != nil {
			tc.from(&a)
			tc.from(&b)
		}
		tc.to(&b)
		for _, name := range differingFields(a, b) {
			touched[name] = true
		}
	}
	touched["ImageID"] = true // TestAnotherImageUnderTheSameTag
	for _, name := range fieldNames(model.ContainerSpec{}) {
		if !touched[name] {
			t.Errorf("no case changes ContainerSpec.%s: add one", name)
		}
	}
	for _, name := range fieldNames(model.Adjustable{}) {
		if !touched["Adjustable."+name] {
			t.Errorf("no case changes Adjustable.%s: add one", name)
		}
	}
}

func TestAnotherImageUnderTheSameTag(t *testing.T) {
	want := model.ContainerSpec{Image: "app/web:1", ImageID: "sha256:3333333333334444"}
	if got, expect := lines(Compare(&want, madeFrom(want, image()))), "replace: image app/web:1 (111111111111) → 333333333333"; got != expect {
		t.Errorf("got %q, want %q", got, expect)
	}
	want.ImageID = image().ID
	if diff := Compare(&want, madeFrom(want, image())); !diff.Empty() {
		t.Errorf("the same image differs: %s", lines(diff))
	}
}

func TestTheOrderOfNetworksHasNoMeaning(t *testing.T) {
	a := model.ContainerSpec{Image: "i", Networks: []model.Attachment{{Network: "x"}, {Network: "y"}}}
	b := model.ContainerSpec{Image: "i", Networks: []model.Attachment{{Network: "y"}, {Network: "x"}}}
	if diff := Compare(&a, madeFrom(b, image())); !diff.Empty() {
		t.Errorf("order counts: %s", lines(diff))
	}
}

func TestAContainerWithoutImageDefaultsIsJudgedAllTheSame(t *testing.T) {
	spec := model.ContainerSpec{Image: "i", User: "me"}
	if diff := Compare(&spec, &model.Container{Spec: &spec}); !diff.Empty() {
		t.Errorf("differs from itself: %s", lines(diff))
	}
}
