package manifest

import "net/netip"

// HostNetwork and NoNetwork are networks that every host has: a service that
// joins one of them joins no other.
const (
	HostNetwork = "host"
	NoNetwork   = "none"
)

// Network joins services, which reach each other on it by name. It is made on
// the hosts that need it. A service that names no network joins its app's
// network "default", which need not be declared.
type Network struct {
	Origin     `yaml:"-"`
	APIVersion string      `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string      `yaml:"kind" check:"required,enum=Network"`
	Metadata   Metadata    `yaml:"metadata" check:"required"`
	Spec       NetworkSpec `yaml:"spec"`
}

func (n *Network) name() string { return n.Metadata.Name }

// NetworkSpec is how the network is made. A change of anything but the labels
// makes another network, which the replicas move to.
type NetworkSpec struct {
	// The engine's network driver.
	Driver string `yaml:"driver" check:"format=driver" default:"bridge"`
	// Whether the network has no way out.
	Internal bool `yaml:"internal,omitempty"`
	// The addresses of the network, such as `10.20.0.0/24`. Without it the
	// engine chooses. While one network has the addresses, no other can have
	// them on the same host: for another change of such a network change the
	// subnet as well.
	Subnet string `yaml:"subnet,omitempty" check:"format=cidr"`
	// The host's own address on the network, in subnet; without it the engine
	// chooses.
	Gateway string `yaml:"gateway,omitempty" check:"format=ip"`
	// The part of subnet that containers get addresses from; without it all
	// of it.
	IPRange string `yaml:"ipRange,omitempty" check:"format=cidr" aka:"ip_range"`
	// Options of the driver.
	Options map[string]string `yaml:"options,omitempty" check:"keys=text" aka:"driverOpts,driver_opts"`
	// Labels of the network on the host. A network that exists keeps those it
	// was made with, so a change here concerns only hosts that do not have it.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
	// A network that exists on the hosts already, made by somebody else: `true`
	// when its name there is this one's, or `{name: X}`. It is never made and
	// never removed, and services wait for a host to have it. No other field
	// goes with it.
	External *External `yaml:"external,omitempty"`
}

func (s *NetworkSpec) check(c *context) {
	if s.External != nil {
		if s.Driver != "bridge" { // which stands there when nothing is said
			c.notWith("driver", "external", "which says that somebody else made it")
		}
		for _, field := range []string{"internal", "subnet", "gateway", "ipRange", "options", "labels"} {
			c.notWith(field, "external", "which says that somebody else made it")
		}
		return
	}
	subnet, err := netip.ParsePrefix(s.Subnet)
	for _, f := range []struct{ name, value string }{{"gateway", s.Gateway}, {"ipRange", s.IPRange}} {
		switch {
		case f.value == "":
		case s.Subnet == "" && !c.has("subnet"):
			c.at(f.name).errorf("needs a subnet that it is in")
		case err == nil && !covers(subnet, f.value):
			c.at(f.name).errorf("must be in the subnet %s", s.Subnet)
		}
	}
}

// covers says whether an address or a prefix lies in a subnet.
func covers(subnet netip.Prefix, text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return subnet.Contains(a)
	}
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Bits() >= subnet.Bits() && subnet.Contains(p.Addr())
}

// notWith refuses a field that has no meaning beside another one.
func (c *context) notWith(field, other, because string) {
	if c.has(field) {
		c.at(field).errorf("can't go with %s, %s", other, because)
	}
}
