package signature

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// ErrUnsigned is something without a signature.
var ErrUnsigned = errors.New("is not signed")

// Signed is something with its signature.
type Signed struct {
	Payload   []byte
	Signature string
	// Time is when it says it was made, which bounds of keys are held against, as
	// Git does. Whoever has a key can write any: a key that is lost is taken off
	// the list.
	Time time.Time
}

// Verify says who signed it. It is an error when that is nobody of these.
func (s Signers) Verify(what Signed) (who string, err error) {
	switch begin := strings.TrimSpace(what.Signature); {
	case begin == "":
		return "", ErrUnsigned
	case strings.HasPrefix(begin, "-----BEGIN "+sshsig.PEMType):
		return s.verifySSH(what)
	case strings.HasPrefix(begin, "-----BEGIN PGP SIGNATURE"):
		return s.verifyPGP(what)
	}
	return "", errors.New("is signed in a way that is not supported; use an SSH or an OpenPGP key")
}

func (s Signers) verifySSH(what Signed) (string, error) {
	sig, err := sshsig.Unarmor([]byte(what.Signature))
	if err != nil {
		return "", fmt.Errorf("has a signature that can't be read: %w", err)
	}
	outdated := ""
	for _, k := range s.ssh {
		if !bytes.Equal(k.key.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		if !k.after.IsZero() && what.Time.Before(k.after) || !k.before.IsZero() && !what.Time.Before(k.before) {
			outdated = k.who
			continue
		}
		if err := sshsig.Verify(bytes.NewReader(what.Payload), sig, k.key, sig.HashAlgorithm, "git"); err != nil {
			return "", fmt.Errorf("has a signature of %s that does not fit: %w", k.who, err)
		}
		return k.who, nil
	}
	if outdated != "" {
		return "", fmt.Errorf("is signed by %s with a key that was not valid then", outdated)
	}
	return "", fmt.Errorf("is signed by the key %s, which is not among the signers", ssh.FingerprintSHA256(sig.PublicKey))
}

func (s Signers) verifyPGP(what Signed) (string, error) {
	config := &packet.Config{Time: func() time.Time { return what.Time }}
	entity, err := openpgp.CheckArmoredDetachedSignature(s.pgp, bytes.NewReader(what.Payload), strings.NewReader(what.Signature), config)
	if err != nil {
		return "", fmt.Errorf("has an OpenPGP signature that is not one of a signer: %w", err)
	}
	if id := entity.PrimaryIdentity(); id != nil {
		return id.Name, nil
	}
	return entity.PrimaryKey.KeyIdString(), nil
}
