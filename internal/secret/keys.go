package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Keys say where the age keys are. All places that are named are used.
type Keys struct {
	// Variables are names of environment variables that hold keys, one per
	// line. One that is not set is passed over.
	Variables []string
	// Paths are files of keys, and folders of such files. An empty one is
	// passed over; one that is named has to be there.
	Paths []string
	// LookupEnv is os.LookupEnv.
	LookupEnv func(string) (string, bool)
}

// maxKeyFile bounds what is read of a key file.
const maxKeyFile = 1 << 20

// identity is one age key.
type identity struct {
	age.Identity
	secret    string
	recipient string // its public half
}

// read gives all keys: those in variables first, then those in files, each in
// the order in which they stand.
func (k Keys) read() ([]identity, error) {
	var all []identity
	for _, name := range k.Variables {
		value, _ := k.LookupEnv(name)
		ids, err := parseKeys(value)
		if err != nil {
			return nil, fmt.Errorf("read age keys in variable %q: %w", name, err)
		}
		all = append(all, ids...)
	}
	for _, path := range k.Paths {
		if path == "" {
			continue
		}
		ids, err := readPath(path)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	return all, nil
}

// readPath reads a file, or the files of a folder in the order of their names.
// Hidden ones are left out: some tools keep copies there.
func readPath(path string) ([]identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read age key file: %w", err)
	}
	if !info.IsDir() {
		return readFile(path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read folder of age keys: %w", err)
	}
	var all []identity
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		if info, err := os.Stat(file); strings.HasPrefix(e.Name(), ".") || err != nil || !info.Mode().IsRegular() {
			continue
		}
		ids, err := readFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	return all, nil
}

// readFile reads a file of keys, unless others than its owner can do so too:
// then it has to be taken for known.
func readFile(path string) ([]identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read age key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read age key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("read age key file %q: others than its owner may use it (mode %04o); chmod 600 it", path, mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read age key file: %w", err)
	}
	ids, err := parseKeys(string(data))
	if err != nil {
		return nil, fmt.Errorf("read age key file %q: %w", path, err)
	}
	return ids, nil
}

// parseKeys reads one key per line, with comments, as age-keygen writes them.
// The library's own errors are not passed on: they may quote a key.
func parseKeys(text string) ([]identity, error) {
	var all []identity
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		ids, err := age.ParseIdentities(strings.NewReader(line))
		if err != nil || len(ids) != 1 {
			return nil, fmt.Errorf("line %d is no age key as age-keygen makes them", n)
		}
		all = append(all, identity{ids[0], line, recipientOf(ids[0])})
	}
	return all, nil
}

func recipientOf(id age.Identity) string {
	switch id := id.(type) {
	case *age.X25519Identity:
		return id.Recipient().String()
	case *age.HybridIdentity:
		return id.Recipient().String()
	}
	return "a key of another kind"
}

// digestKey is the key for the digests of values, made from the first age key.
// So it is the same wherever that one is: in the controller, in a plan made
// elsewhere, and after the state directory is lost. The owner is in it, so that
// two installations that share a key do not make the same digests.
func digestKey(ids []identity, owner string) (model.DigestKey, error) {
	if len(ids) == 0 {
		return model.DigestKey{}, errors.New("find an age key: none is given")
	}
	key, err := hkdf.Key(sha256.New, []byte(ids[0].secret), nil, "tallyman secret digests 1 "+owner, sha256.Size)
	if err != nil {
		return model.DigestKey{}, fmt.Errorf("derive the key for digests: %w", err)
	}
	return model.NewDigestKey(key), nil
}
