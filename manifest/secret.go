package manifest

import "strings"

// Secret holds values that nobody may read who only has the repository. They
// are encrypted, with SOPS or with age, and the key is with the installation.
// A change of a value replaces the replicas that use it; encrypting the same
// value anew changes nothing.
type Secret struct {
	Origin     `yaml:"-"`
	APIVersion string     `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string     `yaml:"kind" check:"required,enum=Secret"`
	Metadata   Metadata   `yaml:"metadata" check:"required"`
	Spec       SecretSpec `yaml:"spec" check:"required"`

	files map[string][]byte // that it names, by their names; encrypted
	keys  map[string]bool   // of the SOPS file; false is one that can't be used
}

func (s *Secret) name() string { return s.Metadata.Name }

// SecretSpec says where the encrypted values are: sops, or age and ageFiles
// with at least one key among them. The manifest itself is never encrypted.
type SecretSpec struct {
	// A file of the repository that is encrypted with SOPS for an age key, by
	// its path relative to the manifest's folder: .yaml, .yml or .json. Its
	// keys on the outermost level become the secret's keys.
	SOPS string `yaml:"sops,omitempty" check:"format=relPath,ref=file"`
	// Values that are encrypted with `age --encrypt --armor`, by key, written
	// here as a block of text.
	Age map[string]string `yaml:"age,omitempty" check:"keys=configKey,format=ageArmor" aka:"data,stringData"`
	// Values that are files of the repository encrypted with age, armored or
	// not, by key: the paths are relative to the manifest's folder.
	AgeFiles map[string]string `yaml:"ageFiles,omitempty" check:"keys=configKey,format=relPath,ref=file" aka:"files"`

	fields map[string]Field // with something encrypted, by their names and keys
}

// Field is a field of a document, and where it stands.
type Field struct {
	Path      string
	Line, Col int
}

// note remembers where a field stands, for who finds that it can't be decrypted.
func (s *SecretSpec) note(c *context, steps ...string) {
	at := c.at(steps...).s
	p := placeOf(at.node)
	s.fields[strings.Join(steps, "/")] = Field{at.path(), p.line, p.col}
}

func (s *SecretSpec) check(c *context) {
	switch plain := len(s.Age) + len(s.AgeFiles); {
	case s.SOPS != "" && plain > 0:
		c.errorf("must have either sops or age and ageFiles, not both")
	case s.SOPS == "" && plain == 0:
		c.errorf("has no content: give sops, age or ageFiles")
	case s.SOPS != "" && !isYAML(s.SOPS) && !isJSON(s.SOPS):
		c.at("sops").errorf("must be a .yaml, .yml or .json file")
	}
	s.fields = map[string]Field{}
	s.note(c, "sops")
	for _, key := range sortedKeys(s.Age) {
		s.note(c, "age", key)
	}
	for _, key := range sortedKeys(s.AgeFiles) {
		s.note(c, "ageFiles", key)
		if _, twice := s.Age[key]; twice {
			c.at("ageFiles", key).errorf("is in age as well")
		}
	}
}

// Sealed is something encrypted, the file of the tree that it stands in, and the
// field that says so.
type Sealed struct {
	File  string
	Data  []byte
	Field Field
}

// SOPS is the SOPS file, if that is what the secret is made of.
func (s *Secret) SOPS() (Sealed, bool) {
	if s.Spec.SOPS == "" {
		return Sealed{}, false
	}
	return Sealed{besides(s, s.Spec.SOPS), s.files[s.Spec.SOPS], s.Spec.fields["sops"]}, true
}

// Age are the values that are encrypted with age alone, by key.
func (s *Secret) Age() map[string]Sealed {
	out := make(map[string]Sealed, len(s.Spec.Age)+len(s.Spec.AgeFiles))
	for key, text := range s.Spec.Age {
		out[key] = Sealed{s.File, []byte(text), s.Spec.fields["age/"+key]}
	}
	for key, name := range s.Spec.AgeFiles {
		out[key] = Sealed{besides(s, name), s.files[name], s.Spec.fields["ageFiles/"+key]}
	}
	return out
}

// FieldOf is the field that a key comes from.
func (s *Secret) FieldOf(key string) Field {
	if from, aged := s.Age()[key]; aged {
		return from.Field
	}
	return s.Spec.fields["sops"]
}

// pullKeys are the keys of which one holds a Docker configuration; the second
// is what Kubernetes calls it.
var pullKeys = [...]string{"config.json", ".dockerconfigjson"}

// PullKey is the key that holds a Docker configuration, or "".
func (s *Secret) PullKey() string {
	for _, key := range pullKeys {
		if contains(s.Keys(), key) {
			return key
		}
	}
	return ""
}

// Keys are the keys that the secret has, sorted. They are to be seen without
// decrypting anything.
func (s *Secret) Keys() []string {
	keys := append(sortedKeys(s.Spec.Age), sortedKeys(s.Spec.AgeFiles)...)
	for _, key := range sortedKeys(s.keys) {
		if s.keys[key] {
			keys = append(keys, key)
		}
	}
	return keys
}
