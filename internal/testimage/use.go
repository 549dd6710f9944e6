package testimage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"
	"github.com/hashicorp/go-multierror"
)

// Use makes sure that the engine has these images until release. Several
// processes may use one at once: if it had to be built, the last of them removes
// it, and if it was there before, it stays. A process that is killed lets go of
// its uses, and the next last one removes what it built.
func Use(ctx context.Context, c *client.Client, tags ...string) (release func(context.Context) error, err error) {
	var uses []*use
	release = func(ctx context.Context) error {
		var errs *multierror.Error
		for _, u := range uses {
			errs = multierror.Append(errs, u.end(ctx, c))
		}
		return errs.ErrorOrNil()
	}
	for _, tag := range tags {
		u, err := begin(ctx, c, tag)
		if err != nil {
			_ = release(ctx) // why the image can't be had says more
			return nil, fmt.Errorf("build image %q: %w", tag, err)
		}
		uses = append(uses, u)
	}
	return release, nil
}

// use is one use of an image: a shared lock on a file that all its users open.
// The file is empty unless one of them built the image.
type use struct {
	tag  string
	file *os.File
}

func begin(ctx context.Context, c *client.Client, tag string) (*use, error) {
	// Two that miss the image would both build it, and one of the two would be
	// left without a tag.
	alone, err := openLock(tag, "change", syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	file, err := openLock(tag, "use", syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	built, err := BuildOn(ctx, c, tag)
	if err == nil && built {
		_, err = file.WriteString("built\n")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &use{tag, file}, nil
}

// end removes the image if it was built by a user and this was the last.
func (u *use) end(ctx context.Context, c *client.Client) error {
	// Two that end at once would each find the other still there.
	alone, err := openLock(u.tag, "change", syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer alone.Close()
	defer u.file.Close()
	if syscall.Flock(int(u.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	info, err := u.file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	err = Remove(ctx, c, u.tag)
	if errdefs.IsConflict(err) {
		return nil // somebody else runs it; the next last user tries again
	}
	if err != nil {
		return fmt.Errorf("remove image %q: %w", u.tag, err)
	}
	return u.file.Truncate(0)
}

// openLock opens and locks a file that all processes of this user share. The
// lock goes when the file is closed or the process ends, however it ends. It is
// not in TMPDIR, which some processes change.
func openLock(tag, what string, how int) (*os.File, error) {
	dir := filepath.Join("/tmp", fmt.Sprintf("tallyman-images-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, strings.NewReplacer("/", "-", ":", "-").Replace(tag)+"."+what)
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
