package manifest

// Config is text or bytes that services get as files. A change of the content
// replaces the replicas that use it.
type Config struct {
	Origin     `yaml:"-"`
	APIVersion string     `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string     `yaml:"kind" check:"required,enum=Config"`
	Metadata   Metadata   `yaml:"metadata" check:"required"`
	Spec       ConfigSpec `yaml:"spec" check:"required"`

	contents map[string][]byte // of the files, by key
}

func (c *Config) name() string { return c.Metadata.Name }

// Content gives the bytes of a key, wherever they come from.
func (c *Config) Content(key string) ([]byte, bool) {
	if text, ok := c.Spec.Data[key]; ok {
		return []byte(text), true
	}
	data, ok := c.contents[key]
	return data, ok
}

// ConfigSpec holds the contents by key. A key is in data or in files, and
// there is at least one.
type ConfigSpec struct {
	// Contents that are written here.
	Data map[string]string `yaml:"data,omitempty" check:"keys=configKey"`
	// Contents that are files of the repository, by their path relative to
	// the manifest's folder. Each may be as large as --max-file-size says,
	// which is 1 MiB without it.
	Files map[string]string `yaml:"files,omitempty" check:"keys=configKey,format=relPath,ref=file"`
}

func (s *ConfigSpec) check(c *context) {
	if len(s.Data)+len(s.Files) == 0 {
		c.errorf("has no content: give data or files")
	}
	for _, key := range sortedKeys(s.Files) {
		if _, twice := s.Data[key]; twice {
			c.at("files", key).errorf("is in data as well")
		}
	}
}

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
	// Options of the driver.
	Options map[string]string `yaml:"options,omitempty" check:"keys=text"`
	// Labels of the network on the host. A network that exists keeps those it
	// was made with, so a change here concerns only hosts that do not have it.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
}

// Volume keeps data on a host. It is made on the hosts that need it and never
// removed, whatever the manifests say.
type Volume struct {
	Origin     `yaml:"-"`
	APIVersion string     `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string     `yaml:"kind" check:"required,enum=Volume"`
	Metadata   Metadata   `yaml:"metadata" check:"required"`
	Spec       VolumeSpec `yaml:"spec"`
}

func (v *Volume) name() string { return v.Metadata.Name }

// VolumeSpec is how the volume is made. A volume that exists is never made
// anew, so a change here concerns only hosts that do not have it yet.
type VolumeSpec struct {
	// The engine's volume driver.
	Driver string `yaml:"driver" check:"format=driver" default:"local"`
	// Options of the driver.
	Options map[string]string `yaml:"options,omitempty" check:"keys=text"`
	// Labels of the volume on the host.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
}
