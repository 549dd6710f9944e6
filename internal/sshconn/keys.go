package sshconn

import (
	"errors"
	"fmt"
	"net"
	"os"
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
	if err := conn.SetDeadline(time.Now().Add(agentTime)); err != nil {
		return nil, nil, fmt.Errorf("connect to ssh agent: %w", err)
	}
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
// has to be good.
func (s *server) offers() (t tried, closed func(), err error) {
	closed = func() {}
	for _, file := range s.keys {
		if err := t.addFile(file); err != nil && s.insist {
			return t, closed, err
		}
	}
	if s.onlyKeys {
		return t, closed, nil
	}
	keys, closeAgent, err := Agent()
	if err == nil {
		closed = closeAgent
		t.addAgent(keys)
	} else if !errors.Is(err, ErrNoAgent) {
		t.notes = append(t.notes, err.Error())
	}
	if len(s.keys) == 0 {
		for _, file := range usualKeys() {
			_ = t.addFile(file) // noted
		}
	}
	return t, closed, nil
}

func (t *tried) addFile(file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		err = fmt.Errorf("read ssh key: %w", err)
		t.notes = append(t.notes, err.Error())
		return err
	}
	signer, err := ParseKey(pem, "")
	switch {
	case errors.Is(err, errLocked):
		err = Refuse("ssh key %s has a passphrase: load it into the agent (ssh-add), or name a key without one", file)
	case err != nil:
		err = Refuse("ssh key %s: %v", file, err)
	}
	if err != nil {
		t.notes = append(t.notes, err.Error())
		return err
	}
	t.signers, t.offered = append(t.signers, signer), append(t.offered, file)
	return nil
}

func (t *tried) addAgent(keys func() ([]ssh.Signer, error)) {
	signers, err := keys()
	if err != nil {
		t.notes = append(t.notes, "the ssh agent gives no keys")
		return
	}
	t.signers = append(t.signers, signers...)
	t.offered = append(t.offered, fmt.Sprintf("%d of the agent", len(signers)))
}

func usualKeys() []string {
	return existing([]string{inHome("id_ed25519"), inHome("id_ecdsa"), inHome("id_rsa")})
}
