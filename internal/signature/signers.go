package signature

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/crypto/ssh"
)

// Signers are the keys that may sign. The zero value has none.
type Signers struct {
	ssh []sshKey
	pgp openpgp.EntityList
}

// sshKey is a line of a list.
type sshKey struct {
	who           string // its principals, as they are written
	key           ssh.PublicKey
	after, before time.Time // zero is no bound
}

// With are the signers of both lists.
func (s Signers) With(other Signers) Signers {
	return Signers{ssh: slices.Concat(s.ssh, other.ssh), pgp: slices.Concat(s.pgp, other.pgp)}
}

// None says whether nobody may sign.
func (s Signers) None() bool { return len(s.ssh)+len(s.pgp) == 0 }

const (
	pgpBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	pgpEnd   = "-----END PGP PUBLIC KEY BLOCK-----"
	// maxKeys bounds a list; no team is larger, and each OpenPGP signature is
	// tried with every key of its id.
	maxKeys = 1000
)

// Parse reads a list. Errors name the line.
func Parse(list string) (Signers, error) {
	var s Signers
	lines := strings.Split(strings.ReplaceAll(list, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		var err error
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == pgpBegin:
			end := slices.IndexFunc(lines[i:], func(l string) bool { return strings.TrimSpace(l) == pgpEnd })
			if end < 0 {
				return Signers{}, fmt.Errorf("line %d: the OpenPGP key has no end", i+1)
			}
			err = s.addPGP(strings.Join(lines[i:i+end+1], "\n"))
			if err != nil {
				return Signers{}, fmt.Errorf("line %d: %w", i+1, err)
			}
			i += end
		default:
			err = s.addSSH(line)
		}
		if err != nil {
			return Signers{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		if len(s.ssh)+len(s.pgp) > maxKeys {
			return Signers{}, fmt.Errorf("line %d: more than %d keys", i+1, maxKeys)
		}
	}
	return s, nil
}

func (s *Signers) addPGP(armored string) error {
	keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armored))
	if err != nil {
		return fmt.Errorf("read OpenPGP key: %w", err)
	}
	for _, k := range keys {
		if k.PrivateKey != nil {
			return errors.New("this is a private key, and it is known now: make another one, and put its public key here")
		}
	}
	s.pgp = append(s.pgp, keys...)
	return nil
}

// addSSH reads `principals [options] type key [comment]`, see ssh-keygen(1).
func (s *Signers) addSSH(line string) error {
	who, rest, found := strings.Cut(line, " ")
	if !found {
		return errors.New("is not `NAME TYPE KEY`, as in `ada@example.com ssh-ed25519 AAAA…`")
	}
	if strings.HasPrefix(line, "ssh-") || strings.HasPrefix(line, "ecdsa-") || strings.HasPrefix(line, "sk-") {
		return errors.New("the key has no name: write one before it, as in `ada@example.com ssh-ed25519 AAAA…`")
	}
	key, _, options, after, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(bytes.TrimSpace(after)) > 0 {
		return fmt.Errorf("the key of %q can't be read", who)
	}
	k := sshKey{who: strings.Trim(who, `"`), key: key}
	use := true
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			use = slices.Contains(strings.Split(value, ","), "git")
		case "valid-after":
			k.after, err = moment(value)
		case "valid-before":
			k.before, err = moment(value)
		default:
			return fmt.Errorf("the option %q of %q is not supported", name, who)
		}
		if err != nil {
			return fmt.Errorf("the option %q of %q: %w", name, who, err)
		}
	}
	if use {
		s.ssh = append(s.ssh, k)
	}
	return nil
}

// moment reads a time as ssh-keygen writes it, taken for UTC with or without its Z.
func moment(text string) (time.Time, error) {
	text = strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("is no time, write YYYYMMDD[HHMM[SS]]")
}
