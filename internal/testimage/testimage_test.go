package testimage_test

import (
	"context"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/testimage"
)

// tags that nobody else uses, so that other tests' images are left alone.
const (
	one = "tallyman/testimage-test:1"
	two = "tallyman/testimage-test:2"
)

func engine(t *testing.T) (context.Context, *client.Client) {
	t.Helper()
	ctx := t.Context()
	c, err := testimage.Dial("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ping(ctx); err != nil {
		t.Fatalf("%v\nno Docker engine; to install and start one: go run github.com/tallyman-io/tallyman/internal/setup", err)
	}
	t.Cleanup(func() {
		for _, tag := range []string{one, two} {
			if err := testimage.Remove(context.Background(), c, tag); err != nil {
				t.Error(err)
			}
		}
		c.Close()
	})
	return ctx, c
}

func TestVersionsAreDifferentImages(t *testing.T) {
	ctx, c := engine(t)
	ids := map[string]bool{}
	for tag, message := range map[string]string{one: "version 1", two: "version 2"} {
		if err := testimage.Build(ctx, "", tag); err != nil {
			t.Fatal(err)
		}
		image, err := c.ImageInspect(ctx, tag)
		if err != nil {
			t.Fatal(err)
		}
		if env := strings.Join(image.Config.Env, "\n"); !strings.Contains(env, message) {
			t.Errorf("%s: environment %q does not say %q", tag, env, message)
		}
		ids[image.ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("two versions have %d image ids", len(ids))
	}
}

func TestWhatIsThereIsNotBuiltAgain(t *testing.T) {
	ctx, c := engine(t)
	for _, want := range []bool{true, false} {
		built, err := testimage.BuildOn(ctx, c, one)
		if err != nil || built != want {
			t.Fatalf("built %v, %v; want %v", built, err, want)
		}
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	ctx, c := engine(t)
	if err := testimage.Build(ctx, "", one); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also when it is gone already
		if err := testimage.Remove(ctx, c, one); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.ImageInspect(ctx, one); !errdefs.IsNotFound(err) {
		t.Errorf("the image is still there (%v)", err)
	}
}

func TestImagesStayWhileSomebodyUsesThem(t *testing.T) {
	ctx, c := engine(t)
	if err := testimage.Build(ctx, "", two); err != nil { // is there before
		t.Fatal(err)
	}
	has := func(tag string) bool { _, err := c.ImageInspect(ctx, tag); return err == nil }
	early, err := testimage.Use(ctx, c, one, two)
	if err != nil {
		t.Fatal(err)
	}
	late, err := testimage.Use(ctx, c, one)
	if err != nil {
		t.Fatal(err)
	}
	if err := early(ctx); err != nil {
		t.Fatal(err)
	}
	if !has(one) {
		t.Error("an image went while it was used")
	}
	if err := late(ctx); err != nil {
		t.Fatal(err)
	}
	if has(one) {
		t.Error("the last user left an image that was built for it")
	}
	if !has(two) {
		t.Error("an image went that was there before")
	}
}

func TestBuildErrorsNameTheImage(t *testing.T) {
	err := testimage.Build(t.Context(), "unix:///nonexistent/docker.sock", one)
	if err == nil || !strings.HasPrefix(err.Error(), `build image "`+one+`": `) {
		t.Errorf("got %v", err)
	}
}
