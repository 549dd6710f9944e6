package sshconn

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// errLocked is compared with, so that the words can fit who asks.
var errLocked = Refuse("the ssh key has a passphrase and none is configured")

// ParseKey reads a private key. It gives no library error on: one of them could
// quote the key.
func ParseKey(pem []byte, passphrase string) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(pem)
	var missing *ssh.PassphraseMissingError
	if !errors.As(err, &missing) {
		if err != nil {
			return nil, Refuse("the ssh key file holds no usable private key")
		}
		return signer, nil
	}
	if passphrase == "" {
		return nil, errLocked
	}
	if signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase)); err != nil {
		return nil, Refuse("the passphrase does not open the ssh key")
	}
	return signer, nil
}

// ErrNoAgent is that no agent is running, as far as the environment says.
var ErrNoAgent = errors.New("no ssh agent is running")

// agentTime bounds a conversation with the agent, which may ask a person.
const agentTime = 10 * time.Second

// Agent gives the keys of the agent at SSH_AUTH_SOCK, usable until closed.
func Agent() (keys func() ([]ssh.Signer, error), closed func(), err error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, ErrNoAgent
	}
	conn, err := net.DialTimeout("unix", socket, agentTime)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to ssh agent: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(agentTime)) // a unix socket takes it
	return agent.NewClient(conn).Signers, func() { _ = conn.Close() }, nil
}

// tried is what a login has to offer, and what it has not, for the error.
type tried struct {
	signers []ssh.Signer
	offered []string
	notes   []string
}

// offers are the keys that a login to the server offers, in this order: those of
// the files that are named for it, those of the agent, and, where none is
// named, those of the usual files. Files that can't be used are passed over, as
// ssh does, and told of when nothing is accepted; one that the caller insists on
// has to be good, or in the agent.
func (s *server) offers() (t tried, closed func(), err error) {
	closed = func() {}
	for _, file := range s.keys {
		t.addFile(file)
	}
	keys, closeAgent, err := Agent()
	if err == nil {
		closed = closeAgent
		t.addAgent(keys, s.mayUse)
	} else if !errors.Is(err, ErrNoAgent) {
		t.notes = append(t.notes, err.Error())
	}
	if s.insist && len(t.signers) == 0 {
		return t, closed, Refuse("%s", strings.Join(t.notes, "; "))
	}
	if len(s.keys) == 0 && !s.onlyKeys {
		for _, file := range usualKeys() {
			t.addFile(file)
		}
	}
	return t, closed, nil
}

// mayUse says whether a key of the agent may be offered: where only the named
// files may be, it has to be that of one, by the public key beside it.
func (s *server) mayUse(key ssh.PublicKey) bool {
	if !s.onlyKeys {
		return true
	}
	for _, file := range s.keys {
		line, err := os.ReadFile(file + ".pub")
		if err != nil {
			continue
		}
		if named, _, _, _, err := ssh.ParseAuthorizedKey(line); err == nil && bytes.Equal(named.Marshal(), key.Marshal()) {
			return true
		}
	}
	return false
}

func (t *tried) addFile(file string) {
	pem, err := os.ReadFile(file)
	if err != nil {
		t.notes = append(t.notes, fmt.Sprintf("read ssh key: %v", err))
		return
	}
	signer, err := ParseKey(pem, "")
	switch {
	case errors.Is(err, errLocked):
		t.notes = append(t.notes, fmt.Sprintf("ssh key %s has a passphrase: load it into the agent (ssh-add), or name a key without one", file))
	case err != nil:
		t.notes = append(t.notes, fmt.Sprintf("ssh key %s: %v", file, err))
	default:
		t.signers, t.offered = append(t.signers, signer), append(t.offered, file)
	}
}

func (t *tried) addAgent(keys func() ([]ssh.Signer, error), may func(ssh.PublicKey) bool) {
	signers, err := keys()
	if err != nil {
		t.notes = append(t.notes, "the ssh agent gives no keys")
		return
	}
	signers = slices.DeleteFunc(signers, func(s ssh.Signer) bool { return !may(s.PublicKey()) })
	t.signers = append(t.signers, signers...)
	t.offered = append(t.offered, fmt.Sprintf("%d of the agent", len(signers)))
}

func usualKeys() []string {
	return existing([]string{inHome("id_ed25519"), inHome("id_ecdsa"), inHome("id_rsa")})
}
