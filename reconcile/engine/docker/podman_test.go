//go:build podman

package docker_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine/enginetest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// difference is what Podman 4.3 does otherwise, and the promises that it can't
// keep for that; a name that ends with * stands for all that begin so.
type difference struct {
	why   string
	cases []string
}

func differences() []difference {
	return []difference{
		{"a container is not reported as it was asked for: the image has docker.io/ before it, the environment has TERM and container, the working directory is /, the stop signal a number, pids are limited to 2048, and there are ulimits, capabilities and check intervals that nobody asked for", []string{
			"field round trip: *", "images that are asked for are reported with their ids", "update can't take a CPU or memory limit away",
			"a published port that the engine chooses", "secret values are reported as digests, and never themselves",
		}},
		{"a name that is taken is answered like any failure (500), not as a conflict (409)", []string{
			"create twice is one container", "create does not take the name of a foreign container", "create does not take the name of another owner",
			"create does not take the name of another generation", "networks are made once, and are ours", "networks of others are not taken over",
			"a pod's container is made again without effect, and not for another holder of that name", "create without the network, and again with it",
		}},
		{"there is no call that updates a container", []string{
			"update changes limits and restart policy in place", "update gives limits to what had none", "an update by hand is seen, and update heals it",
		}},
		{"health checks are left to timers of systemd, and never run without it", []string{
			"health becomes healthy", "health becomes unhealthy, and says why", "health is starting until it is known", "health of a stopped container is none", "health recovers",
			"health after a pause is what it was before", "a health check that is resumed goes on, and so does the container", "a health check of a paused container is resumed with it",
		}},
		{"networks of a container that does not run are not reported, a missing one is answered as a failure, and one in use is removed with its containers' attachment", []string{
			"connect and disconnect, each twice", "connect gives other aliases", "a disconnection by hand is seen, and connect heals it",
			"a network removed by hand is seen, and connect heals it", "a network that was replaced before its container started",
			"a network that was replaced while its container was stopped", "a stopped container whose network is gone does not start", "networks in use are not removed",
		}},
		{"host and none are no networks", []string{"the host's own network, and none"}},
		{"it never makes two networks of one name", []string{"of two networks of one name *"}},
		{"a container that ended is stopped or exited, and one that was told to stop has no code of its own", []string{
			"stop ends it, and again changes nothing", "the restart policy restarts what crashes",
		}},
		{"a list by the state restarting, which holding a volume asks for, is refused", []string{
			"a container that holds a volume starts alone", "containers of one pod may have an exclusive volume together",
		}},
		{"who shares another's network starts it as well, and has to be removed first", []string{
			"a pod's container shares the network of its holder", "a pod's container does not start without its holder", "an init container's exit code is seen",
			"a pod's container comes back on the same network, its holder on another one",
		}},
		{"files that are copied in belong to root, and are not found again in a container that was started", []string{
			"files are copied as they are", "copying secret files twice is copying once, also after the start", "a log that is kept has no secret files' contents",
		}},
		{"the size of a tmpfs volume needs quotas of the file system", []string{"volumes say what they were made with"}},
		{"a command that is not there is answered as a failure of the engine", []string{"start of a command that is not there fails and says so"}},
		{"an image can't be committed with changes, by which the suite makes its images", []string{
			"an image that *", "anonymous volumes outlive their containers",
		}},
	}
}

// why a promise can't be kept, or "".
func why(name string) string {
	for _, d := range differences() {
		for _, pattern := range d.cases {
			if prefix, all := strings.CutSuffix(pattern, "*"); name == pattern || all && strings.HasPrefix(name, prefix) {
				return d.why
			}
		}
	}
	return ""
}

// TestConformanceOfPodman holds Podman to all other promises.
func TestConformanceOfPodman(t *testing.T) {
	machine := dockertest.Fleet(t, 1, dockertest.Podman())[0]
	dockertest.Load(t, []*dockertest.Host{machine}, testImage)
	all := enginetest.Cases()
	kept := slices.DeleteFunc(slices.Clone(all), func(c enginetest.Case) bool {
		if reason := why(c.Name); reason != "" {
			t.Logf("differs: %s: %s", c.Name, reason)
			return true
		}
		return false
	})
	t.Logf("%d of %d promises are asked of Podman", len(kept), len(all))
	enginetest.Run(t, kept, func(t *testing.T) enginetest.Host {
		h := hostOn(t, machine.Part(t), model.Host{Endpoint: machine.Socket})
		return enginetest.Host{Engine: h.engine, Name: "here", Owner: h.Owner, Image: testImage, Hands: handsInside{hands{h}, machine}}
	})
}

// TestNoDifferenceOfPodmanIsLeftOver keeps the list to promises that there are.
func TestNoDifferenceOfPodmanIsLeftOver(t *testing.T) {
	for _, d := range differences() {
		for _, pattern := range d.cases {
			prefix, all := strings.CutSuffix(pattern, "*")
			if !slices.ContainsFunc(enginetest.Cases(), func(c enginetest.Case) bool {
				return c.Name == pattern || all && strings.HasPrefix(c.Name, prefix)
			}) {
				t.Errorf("there is no promise %q any more", pattern)
			}
		}
	}
}
