package dockertest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

const image = "tallyman/dockertest:1" // a tag that no other package's tests use

// run starts a container of the test image and gives its id.
func run(t *testing.T, e *dockertest.Engine, name string, hc *container.HostConfig) string {
	t.Helper()
	created, err := e.Client.ContainerCreate(t.Context(), &container.Config{Image: image, Labels: e.Labels()}, hc, nil, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Client.ContainerStart(t.Context(), created.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	return created.ID
}

func TestLocalTestsLeaveNothing(t *testing.T) {
	outer := dockertest.Local(t)
	ctx, c := t.Context(), outer.Client
	var id, owner, name string
	t.Run("inner", func(t *testing.T) {
		e := dockertest.Local(t)
		e.Images(image)
		owner, name = e.Owner, e.Name("x")
		if _, err := c.NetworkCreate(ctx, name, network.CreateOptions{Labels: e.Labels()}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: e.Labels()}); err != nil {
			t.Fatal(err)
		}
		id = run(t, e, name, &container.HostConfig{NetworkMode: container.NetworkMode(name), Binds: []string{name + ":/data"}})
	})
	if owner == outer.Owner {
		t.Error("two tests have the same owner")
	}
	if _, err := c.ContainerInspect(ctx, id); !errdefs.IsNotFound(err) {
		t.Errorf("the container is still there (%v)", err)
	}
	if _, err := c.NetworkInspect(ctx, name, network.InspectOptions{}); !errdefs.IsNotFound(err) {
		t.Errorf("the network is still there (%v)", err)
	}
	if _, err := c.VolumeInspect(ctx, name); !errdefs.IsNotFound(err) {
		t.Errorf("the volume is still there (%v)", err)
	}
	if _, err := c.ImageInspect(ctx, image); !errdefs.IsNotFound(err) {
		t.Errorf("the image is still there (%v)", err)
	}
}

func TestImagesStayWhileAnotherTestUsesThem(t *testing.T) {
	outer := dockertest.Local(t)
	outer.Images(image)
	t.Run("inner", func(t *testing.T) { dockertest.Local(t).Images(image) })
	if _, err := outer.Client.ImageInspect(t.Context(), image); err != nil {
		t.Error(err)
	}
}

// TestKilledTestIsCleanedUpAfter lets this binary run killMe, which dies
// without cleaning up, and looks whether the next test does it.
func TestKilledTestIsCleanedUpAfter(t *testing.T) {
	e := dockertest.Local(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillMe$", "-test.v")
	cmd.Env = append(os.Environ(), "KILL_ME=1")
	out, _ := cmd.CombinedOutput()
	_, name, found := strings.Cut(string(out), "made ")
	if !found {
		t.Fatalf("the test to be killed said %s", out)
	}
	name, _, _ = strings.Cut(name, "\n")
	if _, err := e.Client.VolumeInspect(t.Context(), name); err != nil {
		t.Fatalf("the killed test's volume should be there: %v", err)
	}
	dockertest.Local(t)
	if _, err := e.Client.VolumeInspect(t.Context(), name); !errdefs.IsNotFound(err) {
		t.Errorf("the killed test's volume is still there (%v)", err)
	}
}

func TestKillMe(t *testing.T) {
	if os.Getenv("KILL_ME") == "" {
		return // it is a part of TestKilledTestIsCleanedUpAfter
	}
	e := dockertest.Local(t)
	if _, err := e.Client.VolumeCreate(t.Context(), volume.CreateOptions{Name: e.Name("x"), Labels: e.Labels()}); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("made " + e.Name("x") + "\n")
	os.Exit(9)
}
