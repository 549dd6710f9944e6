package sshconn

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// Refusal is one side not letting the other in: trying again changes nothing
// before somebody has done what the text says.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

// Refuse makes a Refusal.
func Refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Address is where a server listens.
type Address struct{ Host, Port string }

func (a Address) String() string { return net.JoinHostPort(a.Host, a.Port) }

// KnownHosts decides whether the other end is who it should be.
type KnownHosts struct {
	server     Address
	files      []string
	algorithms []string // to ask for, so that the server shows the key we know
	verify     ssh.HostKeyCallback
	scan       string // what to put before ssh-keyscan, where the server is not reached from here
	refusal    error  // why check said no
}

const systemKnownHosts = "/etc/ssh/ssh_known_hosts"

// ReadKnownHosts reads the keys that the server may show, from those of the
// files that exist. Without files they are the usual ones.
func ReadKnownHosts(server Address, files ...string) (*KnownHosts, error) {
	if len(files) == 0 {
		files = []string{inHome("known_hosts"), systemKnownHosts}
	}
	k := &KnownHosts{server: server, files: existing(files)}
	if len(k.files) == 0 {
		return nil, Refuse("there is no known_hosts file %s; make one with: %s", cmp.Or(files...), k.remedy(cmp.Or(files...)))
	}
	db, err := knownhosts.NewDB(k.files...)
	if err != nil {
		return nil, fmt.Errorf("read known_hosts: %w", err)
	}
	k.verify = db.HostKeyCallback()
	k.algorithms = db.HostKeyAlgorithms(server.String())
	return k, nil
}

func existing(names []string) []string {
	var files []string
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			files = append(files, name)
		}
	}
	return files
}

func (k *KnownHosts) check(host string, remote net.Addr, key ssh.PublicKey) error {
	err := k.verify(host, remote, key)
	if err != nil {
		k.refusal = k.explain(err, key)
	}
	return k.refusal
}

func (k *KnownHosts) explain(err error, key ssh.PublicKey) error {
	shown := fmt.Sprintf("the host key of %s (%s %s)", k.server, key.Type(), ssh.FingerprintSHA256(key))
	var keyErr *xknownhosts.KeyError
	switch {
	case !errors.As(err, &keyErr):
		return Refuse("%s is refused: %v", shown, err)
	case len(keyErr.Want) > 0:
		return Refuse("%s is not the one in %s:%d: the host was set up anew, or somebody else answers for it; if it was set up anew, take that line out with: ssh-keygen -f %s -R '%s'",
			shown, keyErr.Want[0].Filename, keyErr.Want[0].Line, keyErr.Want[0].Filename, xknownhosts.Normalize(k.server.String()))
	}
	return Refuse("%s is not in %s; compare the fingerprint with the server's, then add it with: %s",
		shown, strings.Join(k.files, " or "), k.remedy(k.files[0]))
}

func (k *KnownHosts) remedy(file string) string {
	return fmt.Sprintf("%sssh-keyscan -p %s %s >> %s", k.scan, k.server.Port, k.server.Host, file)
}
