package place

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

const digest = "sha256:7f3a"

// madeFor is a service whose image is made for these.
func madeFor(s model.Service, platforms ...string) model.Service {
	s.Container.Image = model.WithDigest("web:1", digest)
	s.Platforms = model.Platforms{digest: platforms}
	return s
}

// machines is a fleet of hosts a, b … of these, each "linux/amd64", or "" where the
// engine has said nothing yet.
func machines(platforms ...string) ([]model.Host, model.Live) {
	var names []string
	for i := range platforms {
		names = append(names, string(rune('a'+i)))
	}
	hosts, live := fleet(names...)
	for i := range platforms {
		os, arch, _ := strings.Cut(platforms[i], "/")
		live.Hosts[i].Info = model.HostInfo{OS: os, Arch: arch}
	}
	return hosts, live
}

func TestAnImageRunsWhereItIsMadeFor(t *testing.T) {
	tests := []struct {
		name  string
		made  string
		hosts string
		want  string
	}{
		{"one of two", "linux/arm64", "linux/amd64 linux/arm64", "web-1@b"},
		{"the other of two", "linux/amd64", "linux/arm64 linux/amd64", "web-1@b"},
		{"several", "linux/amd64 linux/arm64", "linux/arm64 linux/amd64", "web-1@a"},
		{"nobody knows what it is made for", "", "linux/arm64", "web-1@a"},
		{"nobody knows what the host is", "linux/amd64", "/", "web-1@a"},
		{"as the kernel calls them", "linux/amd64", "linux/aarch64 linux/x86_64", "web-1@b"},
		{"of the other system", "windows/amd64", "linux/amd64 windows/amd64", "web-1@b"},
		{"any arm, of which engines say no more", "linux/arm/v7", "linux/arm", "web-1@a"},
		{"what engines pull as well", "linux/arm/v7", "linux/amd64 linux/arm64", "web-1@b"},
		{"and the other way round not", "linux/arm64", "linux/arm", "no web-1"},
		{"of thirty-two bits", "linux/386", "linux/arm64 linux/amd64", "web-1@b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hosts, live := machines(strings.Fields(test.hosts)...)
			r := run(hosts, live, madeFor(web(1), strings.Fields(test.made)...))
			if got := text(r); got != test.want {
				t.Errorf("placed %s, want %s (%s)", got, test.want, refusal(r))
			}
		})
	}
}

func TestAForeignHostIsToldOf(t *testing.T) {
	tests := []struct{ name, made, hosts, want string }{
		{"one host", "linux/amd64", "linux/arm64", "a is arm64 and the image is for amd64"},
		{"several, and another reason", "linux/amd64 linux/386", "linux/arm64 linux/aarch64 linux/amd64",
			"2 of 3 are arm64 and the image is for amd64, 386 (a, b), 1 is cordoned (c)"},
		{"another system", "windows/amd64", "linux/amd64", "a is linux/amd64 and the image is for windows/amd64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hosts, live := machines(strings.Fields(test.hosts)...)
			for i := range hosts {
				hosts[i].Schedulable = i != 2
			}
			if got := refusal(run(hosts, live, madeFor(web(1), strings.Fields(test.made)...))); got != test.want {
				t.Errorf("reason %s\nwant   %s", got, test.want)
			}
		})
	}
}

func TestAPodNeedsAHostForAllItsImages(t *testing.T) {
	hosts, live := machines("linux/amd64", "linux/arm64")
	s := madeFor(web(1), "linux/amd64", "linux/arm64")
	s.Members = []model.Member{{Name: "log", Role: model.RoleSidecar, Container: model.ContainerSpec{Image: "log:2@sha256:beef"}}}
	s.Platforms["sha256:beef"] = []string{"linux/arm64"}
	if got := text(run(hosts, live, s)); got != "web-1@b" {
		t.Errorf("placed %s", got)
	}
	s.Platforms[digest] = []string{"linux/amd64"}
	want := "1 of 2 is amd64 and image log:2 is for arm64 (a), 1 is arm64 and image web:1 is for amd64 (b)"
	if got := refusal(run(hosts, live, s)); got != want {
		t.Errorf("reason %s\nwant   %s", got, want)
	}
}

// A global service is meant for all hosts. One that can't run its image is told of,
// and not passed over: what runs there would be removed.
func TestAGlobalServiceIsRefusedOnAForeignHost(t *testing.T) {
	hosts, live := machines("linux/amd64", "linux/arm64")
	s := madeFor(web(0), "linux/amd64")
	s.Mode = model.ModeGlobal
	r := run(hosts, live, s)
	if got := text(r); got != "web-a@a no web-b" {
		t.Errorf("placed %s", got)
	}
	if got, want := refusal(r), "b is arm64 and the image is for amd64"; got != want {
		t.Errorf("reason %s\nwant   %s", got, want)
	}
}

// An image that is made for fewer than the one before takes the service along to
// where it runs. One that runs somewhere, by emulation, stays there.
func TestAReplicaLeavesAHostThatItsNewImageIsNotMadeFor(t *testing.T) {
	s := madeFor(web(1), "linux/amd64")
	before := container(s, "1", "x")
	before.Spec = &model.ContainerSpec{Image: "web:0@sha256:0ld"}
	hosts, live := machines("linux/amd64", "linux/arm64")
	put(&live, "b", before)
	if got := text(run(hosts, live, s)); got != "web-1@a" {
		t.Errorf("with another image there, placed %s", got)
	}
	for state, want := range map[model.State]string{model.StateRunning: "web-1@=b", model.StateExited: "web-1@a"} {
		same := before
		same.Spec, same.State = &model.ContainerSpec{Image: s.Container.Image}, state
		hosts, live := machines("linux/amd64", "linux/arm64")
		put(&live, "b", same)
		if got := text(run(hosts, live, s)); got != want {
			t.Errorf("with the same image there, %s, placed %s, want %s", state, got, want)
		}
	}
}

// Services that differ in their images alone don't get each other's answers.
func TestServicesWithOtherImagesAreAskedAnew(t *testing.T) {
	hosts, live := machines("linux/amd64", "linux/arm64")
	one, two := madeFor(web(1), "linux/amd64"), madeFor(as(web(1), "shop", "api", 0), "linux/arm64")
	if got := text(run(hosts, live, one, two)); got != "api-1@b web-1@a" {
		t.Errorf("placed %s", got)
	}
}

// drawPlatforms gives the hosts of a world architectures, its services images for
// some, and its containers these images or others.
func drawPlatforms(t *rapid.T, in *Input) {
	for i := range in.Live.Hosts {
		in.Live.Hosts[i].Info.Arch = rapid.SampledFrom([]string{"", "amd64", "arm64"}).Draw(t, "arch")
	}
	for i := range in.Services {
		made := rapid.SampledFrom([][]string{nil, {"linux/amd64"}, {"linux/arm64"}, {"linux/amd64", "linux/arm64"}}).Draw(t, "made for")
		in.Services[i] = madeFor(in.Services[i], made...)
	}
	for i := range in.Live.Hosts {
		for j := range in.Live.Hosts[i].Containers {
			image := rapid.SampledFrom([]string{"web:1@" + digest, "web:0"}).Draw(t, "image")
			in.Live.Hosts[i].Containers[j].Spec = &model.ContainerSpec{Image: image}
		}
	}
}

// Something bad never happens: nothing is put where its image can't run, and what
// stays there shows that it can. The order of the input changes nothing.
func TestNoReplicaIsPutWhereItsImageCanNotRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWorld(t)
		drawPlatforms(t, &in)
		r := Place(in)
		for _, a := range r.Assignments {
			s := serviceOf(in, a.Service)
			i := 0
			for in.Live.Hosts[i].Name != a.Host {
				i++
			}
			state := &in.Live.Hosts[i]
			if s.Platforms.For(s.Container.Image, &state.Info) {
				continue
			}
			runs := false
			for _, c := range state.Containers {
				runs = runs || c.ID == a.Container && c.Running() && c.Spec.Image == s.Container.Image
			}
			if !runs {
				t.Fatalf("%s-%s, for %v, is on %s, which is %s: %s", a.Service, a.Slot, s.Platforms, a.Host, state.Info.Arch, text(r))
			}
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffle(random, in.Services)
		shuffle(random, in.Hosts)
		shuffle(random, in.Live.Hosts)
		if got := Place(in); !reflect.DeepEqual(got, r) {
			t.Fatalf("shuffled input: %s\nnot %s", text(got), text(r))
		}
	})
}
