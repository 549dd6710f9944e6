package git

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// knownHosts decides whether the other end is who it should be. There is no
// way to switch it off: whoever can answer for the repository decides what
// runs on the hosts.
type knownHosts struct {
	addr       address
	files      []string
	algorithms []string // to ask for, so that the server shows the key we know
	verify     ssh.HostKeyCallback
	refusal    error // why check said no
}

func readKnownHosts(file string, a address) (*knownHosts, error) {
	k := &knownHosts{addr: a, files: knownHostsFiles(file)}
	if len(k.files) == 0 {
		return nil, fmt.Errorf("%w: no known_hosts file; make one with: %s", ErrAccess, k.remedy("known_hosts"))
	}
	db, err := gitssh.NewKnownHostsDb(k.files...)
	if err != nil {
		return nil, fmt.Errorf("read known_hosts: %w", err)
	}
	k.verify = db.HostKeyCallback()
	k.algorithms = db.HostKeyAlgorithms(a.hostPort())
	return k, nil
}

// knownHostsFiles is the given file, or those of the usual ones that exist.
func knownHostsFiles(file string) []string {
	if file != "" {
		return []string{file}
	}
	var files []string
	usual := []string{"/etc/ssh/ssh_known_hosts"}
	if home, err := os.UserHomeDir(); err == nil {
		usual = append([]string{filepath.Join(home, ".ssh", "known_hosts")}, usual...)
	}
	for _, name := range usual {
		if _, err := os.Stat(name); err == nil {
			files = append(files, name)
		}
	}
	return files
}

func (k *knownHosts) check(host string, remote net.Addr, key ssh.PublicKey) error {
	err := k.verify(host, remote, key)
	if err != nil {
		k.refusal = k.explain(err, key)
	}
	return k.refusal
}

func (k *knownHosts) explain(err error, key ssh.PublicKey) error {
	shown := fmt.Sprintf("the host key of %s (%s %s)", k.addr.hostPort(), key.Type(), ssh.FingerprintSHA256(key))
	var keyErr *knownhosts.KeyError
	switch {
	case !errors.As(err, &keyErr):
		return fmt.Errorf("%w: %s is refused: %w", ErrAccess, shown, err)
	case len(keyErr.Want) > 0:
		return fmt.Errorf("%w: %s is not the one in %s:%d: the host was set up anew, or somebody else answers for it",
			ErrAccess, shown, keyErr.Want[0].Filename, keyErr.Want[0].Line)
	}
	return fmt.Errorf("%w: %s is not in %s; compare the fingerprint with the server's, then add it with: %s",
		ErrAccess, shown, strings.Join(k.files, " or "), k.remedy(k.files[0]))
}

func (k *knownHosts) remedy(file string) string {
	return fmt.Sprintf("ssh-keyscan -p %s %s >> %s", orDefault(k.addr.port, "22"), k.addr.host, file)
}
