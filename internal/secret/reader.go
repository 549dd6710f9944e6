package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// dataKeySize is that of AES-256.
const dataKeySize = 32

// reader walks through a SOPS file in its order, decrypts it, and adds up what
// it reads: the sum is what shows that nothing was changed.
type reader struct {
	key          []byte
	encrypted    func(path []string) bool
	sumEncrypted bool // only encrypted values are added up
	hash         hash.Hash
}

// sumPrefix begins the sum of files of which only encrypted values are added
// up, so that one kind of file can't be passed off as the other. SOPS has
// chosen the bytes.
var sumPrefix = [...]byte{
	0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
	0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
}

func newReader(key []byte, encrypted func([]string) bool, sumEncrypted bool) *reader {
	r := &reader{key: key, encrypted: encrypted, sumEncrypted: sumEncrypted, hash: sha512.New()}
	if sumEncrypted {
		r.hash.Write(sumPrefix[:])
	}
	return r
}

func (r *reader) sum() string { return fmt.Sprintf("%X", r.hash.Sum(nil)) }

var (
	errOddYAML  = errors.New("has YAML in it that SOPS does not write")
	errBadValue = errors.New("has a value that can't be decrypted: it was damaged or moved")
)

// outermost walks through the whole file and gives the single values of the
// outermost level.
func (r *reader) outermost(root *yaml.Node) (map[string][]byte, error) {
	values := map[string][]byte{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		if key.Value == sopsKey {
			continue
		}
		if _, twice := values[key.Value]; twice || !isText(key) {
			return nil, errOddYAML
		}
		value, err := r.walk(node, []string{key.Value})
		if err != nil {
			return nil, err
		}
		if value != nil {
			values[key.Value] = text(value)
		}
	}
	return values, nil
}

func isText(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.Tag == "!!str" }

// walk goes through a node. Its result is the value of a single one, else nil.
func (r *reader) walk(n *yaml.Node, path []string) (any, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return r.scalar(n, path)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if _, err := r.walk(item, path); err != nil {
				return nil, err
			}
		}
		return nil, nil
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !isText(n.Content[i]) {
				return nil, errOddYAML
			}
			if _, err := r.walk(n.Content[i+1], append(slices.Clip(path), n.Content[i].Value)); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	return nil, errOddYAML // an alias
}

// scalar decrypts a single value if it is encrypted, and adds it up.
func (r *reader) scalar(n *yaml.Node, path []string) (any, error) {
	var value any
	if n.Decode(&value) != nil {
		return nil, errOddYAML
	}
	if value == nil {
		return nil, nil
	}
	encrypted := r.encrypted(path)
	if encrypted {
		sealed, ok := value.(string)
		if !ok {
			return nil, errors.New("has a value that should be encrypted and is not")
		}
		var err error
		if value, err = r.decrypt(sealed, strings.Join(path, ":")+":"); err != nil {
			return nil, err
		}
	}
	if _, note := value.(comment); note {
		return nil, nil
	}
	bytes, err := summand(value)
	if err == nil && (encrypted || !r.sumEncrypted) {
		r.hash.Write(bytes)
	}
	return value, err
}

// comment is an encrypted comment, which is no value.
type comment struct{}

var sealedForm = regexp.MustCompile(`^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]$`)

// decrypt decrypts one value. The path is part of what is authenticated, so a
// value that was moved does not decrypt.
func (r *reader) decrypt(sealed, path string) (any, error) {
	if sealed == "" {
		return "", nil // SOPS leaves an empty text as it is
	}
	parts := sealedForm.FindStringSubmatch(sealed)
	if parts == nil {
		return nil, errors.New("has a value that should be encrypted and is not")
	}
	var raw [3][]byte
	for i := range raw {
		var err error
		if raw[i], err = base64.StdEncoding.DecodeString(parts[i+1]); err != nil {
			return nil, errBadValue
		}
	}
	block, err := aes.NewCipher(r.key)
	if err != nil {
		return nil, errBadValue
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(raw[1]))
	if err != nil {
		return nil, errBadValue
	}
	plain, err := gcm.Open(nil, raw[1], append(raw[0], raw[2]...), []byte(path))
	if err != nil {
		return nil, errBadValue
	}
	return typed(string(plain), parts[4])
}

// typed is a value of the type that SOPS noted.
func typed(plain, kind string) (value any, err error) {
	switch kind {
	case "str", "bytes":
		return plain, nil
	case "int":
		value, err = strconv.Atoi(plain)
	case "float":
		value, err = strconv.ParseFloat(plain, 64)
	case "bool":
		value, err = strconv.ParseBool(plain)
	case "time":
		var at time.Time
		err = at.UnmarshalText([]byte(plain))
		value = at
	case "comment":
		return comment{}, nil
	default:
		err = errBadValue
	}
	if err != nil {
		return nil, errBadValue // the cause would quote the value
	}
	return value, nil
}

// summand is a value as SOPS adds it up.
func summand(value any) ([]byte, error) {
	switch v := value.(type) {
	case bool:
		if v {
			return []byte("True"), nil
		}
		return []byte("False"), nil
	case string, int, float64, time.Time:
		return text(v), nil
	}
	return nil, errOddYAML
}

// text is a value as a container gets it.
func text(value any) []byte {
	switch v := value.(type) {
	case string:
		return []byte(v)
	case float64:
		return strconv.AppendFloat(nil, v, 'f', -1, 64)
	case time.Time:
		if out, err := v.MarshalText(); err == nil {
			return out
		}
	}
	return fmt.Append(nil, value)
}
