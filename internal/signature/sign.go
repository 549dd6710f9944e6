package signature

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Key is what signs.
type Key struct{ signer ssh.Signer }

// ReadKey reads a private SSH key that has no passphrase.
func ReadKey(file string) (Key, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Key{}, fmt.Errorf("read signing key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return Key{}, fmt.Errorf("read signing key %q: it has a passphrase; name a key of this program's own that has none", file)
	}
	if err != nil {
		return Key{}, fmt.Errorf("read signing key %q: %w", file, err)
	}
	return Key{signer}, nil
}

// Sign signs as Git does, in armor.
func (k Key) Sign(payload []byte) (string, error) {
	sig, err := sshsig.Sign(bytes.NewReader(payload), k.signer, sshsig.HashSHA512, "git")
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(sshsig.Armor(sig)), nil
}
