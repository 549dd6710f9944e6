package dockertest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/hashicorp/go-multierror"
)

// Fleets of several test processes can exist at once. Each has a number, and
// all that it makes on the machine is named by it. Who holds the number's lock
// owns those things; the kernel lets go of the lock when its process ends,
// however it ends, so whatever can be locked and still has something is a
// leftover.
const numbers = 200

// lock is an abstract unix socket: like the bridges, it belongs to a network
// namespace, and unlike a file it can't be left behind.
type lock = net.UnixListener

var errTaken = errors.New("the number is taken")

func lockNumber(n int) (*lock, error) {
	name := &net.UnixAddr{Name: fmt.Sprintf("@tallyman-fleet-%d", n), Net: "unix"}
	l, err := net.ListenUnix("unix", name)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errTaken
	}
	return l, err
}

// claim finds a number that nobody uses, for fleets or for anything else.
func claim() (int, *lock, error) {
	for n := range numbers {
		l, err := lockNumber(n)
		if errors.Is(err, errTaken) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		if free, err := subnetFree(n); err != nil || !free {
			l.Close()
			if err != nil {
				return 0, nil, err
			}
			continue
		}
		return n, l, nil
	}
	return 0, nil, fmt.Errorf("claim a subnet: all %d are in use", numbers)
}

func subnet(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(n), 0}), 24)
}

// hostAddr is the address of the i-th host; the bridge has .1.
func hostAddr(n, i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(n), byte(10 + i)}) }

func subnetFree(n int) (bool, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Overlaps(subnet(n)) {
			return false, nil
		}
	}
	return true, nil
}

func fleetsDir() string { return filepath.Join(os.TempDir(), "tallyman-fleet") }

// sweep removes what killed test processes have left.
func sweep() error {
	entries, err := os.ReadDir(fleetsDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var errs *multierror.Error
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		l, err := lockNumber(n)
		if errors.Is(err, errTaken) {
			continue
		}
		if err == nil {
			err = removeNumber(n)
			l.Close()
		}
		if err != nil {
			errs = multierror.Append(errs, fmt.Errorf("remove the leftovers of fleet %d: %w", n, err))
		}
	}
	return errs.ErrorOrNil()
}

// removeNumber removes all that a fleet made. The folder goes last, because it
// is what sweep finds a fleet by.
func removeNumber(n int) error {
	err := firstError(
		func() error { return removeCgroups(n) },
		func() error { return removeBridge(n) },
		func() error { return unmountDisks(filepath.Join(fleetsDir(), strconv.Itoa(n))) },
		func() error { return os.RemoveAll(filepath.Join(fleetsDir(), strconv.Itoa(n))) },
	)
	if err != nil {
		return err
	}
	os.Remove(fleetsDir()) // when it was the last
	return nil
}
