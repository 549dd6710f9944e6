package dockertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/hashicorp/go-multierror"

	"github.com/tallyman-io/tallyman/internal/testimage"
)

// Option changes what kind of hosts a fleet has.
type Option func(*settings)

type settings struct {
	tls    bool
	podman bool
	flags  []string
	disk   int64 // bytes of each host's own disk; 0 is none
}

// MutualTLS makes the hosts' tcp endpoints ask for a client certificate; Host.TLS
// names the files of one that they accept.
func MutualTLS() Option { return func(s *settings) { s.tls = true } }

// DaemonFlags are given to every dockerd beside the harness's own.
func DaemonFlags(flags ...string) Option {
	return func(s *settings) { s.flags = append(s.flags, flags...) }
}

// fleet is what the hosts of one test have in common: a subnet, a bridge, a
// folder and a parent cgroup, all named by the same number.
type fleet struct {
	settings
	number int // of the subnet, 10.77.<number>.0/24
	lock   *lock
	ca     *authority
}

// Fleet boots n Docker hosts on this machine, named host-1 to host-n, side by
// side. It needs Linux, root, dockerd, ip, iptables and nsenter.
func Fleet(t testing.TB, n int, opts ...Option) []*Host {
	t.Helper()
	if err := possible(); err != nil {
		t.Fatalf("boot a fleet: %v\nto set this machine up, as root: %s test", err, SetupCommand)
	}
	f, err := newFleet(opts)
	if err != nil {
		t.Fatalf("boot a fleet: %v", err)
	}
	var hosts []*Host
	t.Cleanup(func() {
		for _, h := range hosts {
			h.Client.Close()
		}
		err := each(hosts, (*Host).powerOff)
		if err := multierror.Append(err, f.remove()).ErrorOrNil(); err != nil {
			t.Errorf("remove the fleet: %v", err)
		}
	})
	for i := range n {
		h, err := newHost(t, f, i)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	if err := each(hosts, (*Host).boot).ErrorOrNil(); err != nil {
		t.Fatalf("boot a fleet: %v", err)
	}
	return hosts
}

func newFleet(opts []Option) (*fleet, error) {
	f := &fleet{}
	for _, o := range opts {
		o(&f.settings)
	}
	if err := sweep(); err != nil {
		return nil, err
	}
	var err error
	if f.number, f.lock, err = claim(); err != nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, multierror.Append(err, f.remove())
	}
	return f, nil
}

func (f *fleet) prepare() error {
	if err := os.MkdirAll(f.dir(), 0o700); err != nil {
		return err
	}
	if f.tls {
		var err error
		if f.ca, err = newAuthority(f.dir()); err != nil {
			return err
		}
	}
	return f.makeBridge()
}

// remove removes everything that has the fleet's number, then lets go of the
// number.
func (f *fleet) remove() error {
	err := removeNumber(f.number)
	f.lock.Close()
	return err
}

func (f *fleet) dir() string { return filepath.Join(fleetsDir(), fmt.Sprint(f.number)) }

// Load makes sure that all hosts have these test images (tallyman/hello:1),
// with the same image ids: the first host builds them, the others get copies.
func Load(t testing.TB, hosts []*Host, tags ...string) {
	t.Helper()
	for _, tag := range tags {
		if _, err := testimage.BuildOn(t.Context(), hosts[0].Client, tag); err != nil {
			t.Fatalf("build image %q on host %q: %v", tag, hosts[0].Name, err)
		}
	}
	err := each(hosts[1:], func(h *Host) error { return copyImages(t.Context(), hosts[0].Client, h.Client, tags) })
	if err := err.ErrorOrNil(); err != nil {
		t.Fatalf("load images: %v", err)
	}
}

// each does the same with all hosts at once.
func each(hosts []*Host, do func(*Host) error) *multierror.Error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs *multierror.Error
	for _, h := range hosts {
		wg.Go(func() {
			if err := do(h); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = multierror.Append(errs, fmt.Errorf("host %q: %w", h.Name, err))
			}
		})
	}
	wg.Wait()
	return errs
}

// possible says what is missing for a fleet.
func possible() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("it takes the namespaces of Linux, and this is %s", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("it takes root")
	}
	for _, tool := range []string{"dockerd", "ip", "iptables", "nsenter", "mount", "umount", "mountpoint", "hostname"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	return nil
}
