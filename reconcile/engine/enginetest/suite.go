// Package enginetest is the suite that every engine.Engine must pass: what it
// asserts is what the port promises, one case per promise. engine/docker runs
// it on a real Docker host and engine/sim on the simulated one, so whatever is
// proven with the simulator rests on the same promises.
//
// The suite knows engines only through the port. What a person could do to a
// host behind Tallyman's back it does through Hands, which each side brings.
// The containers it makes run the server of internal/testimage, whose
// environment variables (START_DELAY, FAIL, EXIT_CODE …) the simulator
// understands too.
package enginetest

import (
	"slices"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Host is an engine under test. Whoever provides it removes, when the test
// ends, what carries its owner label or was made by its hands.
type Host struct {
	Engine engine.Engine
	Name   string // the host's name, as in the ops
	Owner  string // nobody else's, and a legal beginning of a container's name
	Image  string // a reference of the test server's image, which the host has
	Hands  Hands
}

// Hands do to a host what people and accidents do. Containers are named by id
// or name, networks by name.
type Hands interface {
	Kill(container string) error
	Pause(container string) error
	Rename(container, name string) error
	// Network tells the network that a running container has from all others.
	Network(container string) (string, error)
	// UpdateMemory sets the memory limit of a container.
	UpdateMemory(container string, bytes int64) error
	Disconnect(container, network string) error
	// RemoveContainer removes a container, running or not.
	RemoveContainer(container string) error
	// RemoveNetwork removes a network, taking what is attached off it first.
	RemoveNetwork(network string) error
	// RunForeign runs a container of the test image that Tallyman did not
	// make, and gives its id.
	RunForeign(name string, labels map[string]string, ports []model.Port) (id string, err error)
	// CreateForeignNetwork makes a network that Tallyman did not make.
	CreateForeignNetwork(name string) error
	// TwinNetwork makes a second network of a name, like the first in
	// everything. It says false where the engine lets nobody do that.
	TwinNetwork(name string) (made bool, err error)
	// CreateForeignVolume makes a volume that Tallyman did not make.
	CreateForeignVolume(name string) error
	// DeclareVolume makes an image like another one whose containers get an
	// anonymous volume at path, and gives its reference.
	DeclareVolume(image, path string) (ref string, err error)
	// AnonymousVolumes are the names of a container's volumes that nobody
	// named.
	AnonymousVolumes(container string) (names []string, err error)
}

// Case is one promise.
type Case struct {
	Name string
	Run  func(t *testing.T, h Host)
}

// Cases are all the promises.
func Cases() []Case {
	return cases(
		creating(), namesTaken(), lacking(), fields(), starting(), stopping(), removing(), pausing(), crashing(),
		renaming(), updating(), targets(), health(), ports(), networks(), networksRemoved(), connecting(), networksReplaced(), networksTwice(),
		volumes(), volumesThatStay(), holding(), removingVolumes(), files(), secrets(), secretsThatStayIn(), images(), removingImages(), pods(), podsThatComeBack(), podParts(), others(), logs(), observing(),
	)
}

// Core are the promises with a call of each kind: changes, lists, streams to the
// engine and from it, refusals. An engine that keeps all of them is to be held
// to these over another way to it.
func Core() []Case {
	return cases(creating(), starting(), stopping(), removing(), networks(), volumes(), files(), secrets(), images(), pods(), others(), logs(), observing())
}

func cases(parts ...[]promise) []Case {
	var all []Case
	for _, part := range parts {
		for _, p := range part {
			all = append(all, Case{p.name, func(t *testing.T, h Host) { p.run(newSuite(t, h)) }})
		}
	}
	return all
}

// promise is a case before it has a host.
type promise struct {
	name string
	run  func(s *suite)
}

// Run runs every case on a host of its own, several at once.
func Run(t *testing.T, cases []Case, newHost func(t *testing.T) Host) {
	names := make([]string, 0, len(cases))
	for _, c := range cases {
		if slices.Contains(names, c.Name) {
			t.Fatalf("two cases are named %q", c.Name)
		}
		names = append(names, c.Name)
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, newHost(t))
		})
	}
}
