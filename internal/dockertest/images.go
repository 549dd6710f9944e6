package dockertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/testimage"
)

// Images makes sure that the engine has these test images (tallyman/hello:1)
// until the test ends. Images that had to be built are removed by the last test
// that uses any, of all processes; images that were there before stay.
func (e *Engine) Images(tags ...string) {
	e.t.Helper()
	use, err := openLock("tallyman-test-images.use", syscall.LOCK_SH)
	if err != nil {
		e.t.Fatal(err)
	}
	e.uses = append(e.uses, use)
	// One process at a time builds, or two that miss the same image would both
	// build it, and one of the two would be left without a tag.
	building, err := openLock("tallyman-test-images.build", syscall.LOCK_EX)
	if err != nil {
		e.t.Fatal(err)
	}
	defer building.Close()
	for _, tag := range tags {
		built, err := testimage.BuildOn(e.t.Context(), e.Client, tag)
		if err != nil {
			e.t.Fatalf("build image %q: %v", tag, err)
		}
		if built {
			fmt.Fprintln(use, tag)
		}
	}
}

// removeImages removes the images that tests have built, which use lists,
// unless another test still holds its lock on use.
func removeImages(ctx context.Context, c *client.Client, use *os.File) error {
	if syscall.Flock(int(use.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	tags, err := os.ReadFile(use.Name())
	if err != nil {
		return err
	}
	for _, tag := range strings.Fields(string(tags)) {
		err := testimage.Remove(ctx, c, tag)
		if errdefs.IsConflict(err) {
			return nil // somebody runs it outside of the tests; it stays listed
		}
		if err != nil {
			return fmt.Errorf("remove image %q: %w", tag, err)
		}
	}
	return use.Truncate(0)
}

// openLock opens and locks a file that all test processes of this user share.
// The lock goes when the file is closed or the process ends, however it ends.
func openLock(name string, how int) (*os.File, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", name, os.Getuid()))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %q: %w", path, err)
	}
	return f, nil
}
