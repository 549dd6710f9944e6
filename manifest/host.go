package manifest

import "strings"

// Host registers a Docker Engine that replicas may be placed on. Hosts belong
// to no app. When no Host is declared, the local engine is the host "local".
type Host struct {
	Origin     `yaml:"-"`
	APIVersion string   `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string   `yaml:"kind" check:"required,enum=Host"`
	Metadata   Metadata `yaml:"metadata" check:"required"`
	Spec       HostSpec `yaml:"spec" check:"required"`
}

func (h *Host) name() string { return h.Metadata.Name }

// HostSpec says how to reach the engine and what may run there.
type HostSpec struct {
	// Where the engine listens: `unix:///var/run/docker.sock`,
	// `tcp://10.0.0.11:2376`, or `ssh://deploy@10.0.0.11`, to which a port and
	// the path of another socket than `/var/run/docker.sock` can be added:
	// `ssh://deploy@10.0.0.11:2222/run/user/1000/docker.sock`.
	Endpoint string `yaml:"endpoint" check:"required,format=endpoint" aka:"address,url,host"`
	// The certificates of a mutually authenticated tcp connection.
	TLS *TLS `yaml:"tls,omitempty"`
	// The files of an ssh connection, where they are not the usual ones.
	SSH *SSH `yaml:"ssh,omitempty"`
	// Whether new replicas may be placed here. `false` keeps what runs and
	// places nothing new.
	Schedulable bool `yaml:"schedulable" default:"true"`
	// Whether what runs here is to be moved to other hosts. Nothing new is
	// placed here, and each replica goes once another host can take it; where
	// none can it stays, and so does that of a service with mode global.
	Drain bool `yaml:"drain,omitempty"`
	// Marks that keep replicas off the host.
	Taints []Taint `yaml:"taints,omitempty"`
	// How long the host may give no answer before it is Unreachable, where that
	// is not as the Fleet says.
	UnreachableAfter *Duration `yaml:"unreachableAfter,omitempty" check:"min=1s"`
	// How much later it is Lost, where that is not as the Fleet says.
	LostAfter *Duration `yaml:"lostAfter,omitempty" check:"min=0s"`
	// What the host has, where that is not what its engine says, which is read
	// otherwise.
	Capacity Amounts `yaml:"capacity,omitempty" aka:"allocatable"`
	// What of it is kept back for other purposes than replicas.
	Reserved Amounts `yaml:"reserved,omitempty" aka:"reserve"`
}

func (s *HostSpec) check(c *context) {
	if s.TLS != nil && s.Endpoint != "" && !strings.HasPrefix(s.Endpoint, "tcp") {
		c.at("tls").errorf("is only for tcp:// endpoints")
	}
	if s.SSH != nil && s.Endpoint != "" && !strings.HasPrefix(s.Endpoint, "ssh") {
		c.at("ssh").errorf("is only for ssh:// endpoints")
	}
	if s.Capacity.CPUs > 0 && s.Reserved.CPUs > s.Capacity.CPUs {
		c.at("reserved", "cpus").errorf("is more than the host's capacity, so that nothing fits there; to keep replicas away set schedulable: false")
	}
	if s.Capacity.Memory > 0 && s.Reserved.Memory > s.Capacity.Memory {
		c.at("reserved", "memory").errorf("is more than the host's capacity, so that nothing fits there; to keep replicas away set schedulable: false")
	}
	noneTwice(c, "taints", s.Taints)
}

// TLS names the files of a mutually authenticated connection. They are on the
// controller's own disk, never in Git.
type TLS struct {
	// The certificate of the authority that signed the engine's certificate.
	CA string `yaml:"ca" check:"required,format=absPath"`
	// The controller's own certificate.
	Cert string `yaml:"cert" check:"required,format=absPath"`
	// The key of the controller's own certificate.
	Key string `yaml:"key" check:"required,format=absPath"`
}

// SSH names the files of an ssh connection. They are on the controller's own
// disk, never in Git. What is left out is as for the `ssh` command of the
// controller's user: its `~/.ssh/config`, keys, agent and known hosts.
type SSH struct {
	// The private key, without passphrase. No other key is offered then.
	IdentityFile string `yaml:"identityFile,omitempty" check:"format=absPath"`
	// The host keys to accept, as in `~/.ssh/known_hosts`.
	KnownHosts string `yaml:"knownHosts,omitempty" check:"format=absPath"`
}

// Taint keeps replicas off a host.
type Taint struct {
	// The taint's name.
	Key string `yaml:"key" check:"required,format=labelKey"`
	// A value, for people.
	Value string `yaml:"value,omitempty"`
	// What it does to replicas that do not tolerate it: `NoSchedule` keeps new ones
	// away, `PreferNoSchedule` while another host fits.
	Effect string `yaml:"effect" check:"required,enum=NoSchedule|PreferNoSchedule"`
}

// Amounts are amounts of CPU and memory.
type Amounts struct {
	// CPUs, such as `0.5`.
	CPUs CPUs `yaml:"cpus,omitempty" check:"min=0.001" aka:"cpu"`
	// Memory, such as `256MiB`.
	Memory Size `yaml:"memory,omitempty" check:"min=1" aka:"mem"`
}
