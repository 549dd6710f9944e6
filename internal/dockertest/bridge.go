package dockertest

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
)

func bridgeName(n int) string { return "tallyman" + strconv.Itoa(n) }

// makeBridge connects the hosts of a fleet to each other and to the test.
func (f *fleet) makeBridge() error {
	name := bridgeName(f.number)
	gateway := netip.PrefixFrom(subnet(f.number).Addr().Next(), 24)
	return firstError(
		command("ip", "link", "add", name, "type", "bridge"),
		command("ip", "addr", "add", gateway.String(), "dev", name),
		command("ip", "link", "set", name, "up"),
		// A local engine sets the policy for forwarding to DROP, and with
		// br_netfilter that holds for traffic inside a bridge too.
		command("iptables", append([]string{"-w", "-I"}, bridgeRule(name)...)...),
	)
}

func bridgeRule(name string) []string {
	return []string{"FORWARD", "-i", name, "-o", name, "-j", "ACCEPT"}
}

func removeBridge(n int) error {
	name := bridgeName(n)
	for command("iptables", append([]string{"-w", "-C"}, bridgeRule(name)...)...)() == nil {
		if err := command("iptables", append([]string{"-w", "-D"}, bridgeRule(name)...)...)(); err != nil {
			return err
		}
	}
	if _, err := net.InterfaceByName(name); err != nil {
		return nil
	}
	return command("ip", "link", "del", name)()
}

// plug gives the host's namespaces a network card on the bridge. There is no
// default route: with one, every name lookup of the host would wait for a
// resolver that it can't reach.
func (h *Host) plug() error {
	pid := strconv.Itoa(h.holder.Process.Pid)
	inside := func(args ...string) func() error {
		return command("nsenter", append([]string{"-t", pid, "-n", "ip"}, args...)...)
	}
	// With a random address, a host that boots again would not be reached until
	// its neighbours' ARP entries have expired.
	mac := net.HardwareAddr{0x02, 0x4d, 0x59, byte(h.fleet.number), 0, byte(h.index)}.String()
	h.unplug() // what a host that lost its power left
	return firstError(
		command("ip", "link", "add", h.card(), "type", "veth", "peer", "name", "eth0", "address", mac, "netns", pid),
		command("ip", "link", "set", h.card(), "master", bridgeName(h.fleet.number), "up"),
		inside("addr", "add", h.Address+"/24", "dev", "eth0"),
		inside("link", "set", "eth0", "up"),
		inside("link", "set", "lo", "up"),
	)
}

// unplug removes the card, which the kernel would remove too, but later.
func (h *Host) unplug() {
	command("ip", "link", "del", h.card())() //nolint:errcheck // it may be gone already
}

// card is the outer end of the host's network cable.
func (h *Host) card() string { return fmt.Sprintf("tm%d-%d", h.fleet.number, h.index) }

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// command is a step that runs a program.
func command(name string, args ...string) func() error {
	return func() error {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
		return nil
	}
}
