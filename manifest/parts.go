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
