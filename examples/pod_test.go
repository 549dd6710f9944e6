package examples_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const podOwner = "examples-pod"

// podParts are the containers of the example's pods, by slot and name.
func podParts(t *testing.T, e *dockertest.Host) map[string]container.Summary {
	t.Helper()
	all, err := e.Client.ContainerList(t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", model.LabelOwner+"="+podOwner)),
	})
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]container.Summary{}
	for _, c := range all {
		parts[c.Labels[model.LabelSlot]+"/"+c.Labels[model.LabelMember]] = c
	}
	if len(parts) != len(all) || len(all) != 8 {
		t.Fatalf("%d containers, of which %d have names of their own; want 8", len(all), len(parts))
	}
	return parts
}

// TestThePodSharesItsAddress does what the example's README says.
func TestThePodSharesItsAddress(t *testing.T) {
	hosts := dockertest.Fleet(t, 1) // a host of its own, as the holders' image stays on it
	dockertest.Load(t, hosts, "tallyman/hello:1")
	e := hosts[0]
	t.Setenv("DOCKER_HOST", e.Socket)
	a := applied(t, "pod", podOwner, asItIs)
	parts := podParts(t, e)
	holder := parts["1/holder"]
	ask := func() string {
		return get(t, e.Address, holder, "/fetch?url="+url.QueryEscape("http://localhost:8081/"))
	}
	if said := ask(); !strings.HasPrefix(said, "the clerk\n") {
		t.Errorf("the desk hears %q from the clerk", said)
	}
	if said, err := a.run("logs", "desk-1", "--container", "prepare"); err != nil || !strings.Contains(said, "exiting with 0") {
		t.Errorf("the log of prepare is %q, %v", said, err)
	}
	if said, err := a.run("describe", "desk-1"); err != nil || !strings.Contains(said, "clerk") || !strings.Contains(said, "sidecar") {
		t.Errorf("described as %q, %v", said, err)
	}

	file := filepath.Join(a.repo, "service.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "the clerk,", "another clerk,", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	a.commit("Another clerk")
	a.applies()
	if said := ask(); !strings.HasPrefix(said, "another clerk\n") {
		t.Errorf("the desk hears %q from the new clerk", said)
	}
	for name, c := range podParts(t, e) {
		if same := c.ID == parts[name].ID; same == strings.HasSuffix(name, "/clerk") {
			t.Errorf("%s is another one: %t", name, !same)
		}
	}

	parts = podParts(t, e)
	for _, name := range []string{"1/main", "1/clerk", "2/holder"} {
		if err := e.Client.ContainerKill(t.Context(), parts[name].ID, "KILL"); err != nil {
			t.Fatal(err)
		}
	}
	a.applies()
	if said := ask(); !strings.HasPrefix(said, "another clerk\n") {
		t.Errorf("after the kill the desk hears %q", said)
	}
	now := podParts(t, e)
	for name, c := range now {
		if c.ID != parts[name].ID {
			t.Errorf("%s was made anew", name)
		}
	}
	if said := get(t, e.Address, now["2/holder"], "/fetch?url="+url.QueryEscape("http://localhost:8081/")); !strings.HasPrefix(said, "another clerk\n") {
		t.Errorf("the pod whose holder was killed says %q", said)
	}
}

// applies makes it so, and sees that nothing is left to do.
func (a *example) applies() {
	a.t.Helper()
	for _, verb := range []string{"apply", "plan"} {
		if said, err := a.run(verb); err != nil {
			a.t.Fatalf("%s: %v\n%s", verb, err, said)
		}
	}
}
