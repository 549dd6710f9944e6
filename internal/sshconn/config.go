package sshconn

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// Target is a server as people name it. What is empty comes from ~/.ssh/config,
// /etc/ssh/ssh_config, and then from what the ssh command would take.
type Target struct {
	User string
	Host string // a name, an address, or an alias of the configuration
	Port string
	// IdentityFile is the only key to offer.
	IdentityFile string
	// KnownHosts is the only file of host keys to accept.
	KnownHosts string
}

// server is a Target with nothing left open.
type server struct {
	Address
	user       string
	keys       []string
	onlyKeys   bool // no others than keys
	insist     bool // one of keys has to be at hand
	knownHosts []string
	via        *server // the jump host
}

// maxJumps ends chains of jump hosts, which could go in circles.
const maxJumps = 8

// resolve reads the configuration, which may have changed since the last time.
func (t Target) resolve() (*server, error) {
	c, err := readConfig()
	if err != nil {
		return nil, err
	}
	return c.server(t, maxJumps)
}

// config are configuration files, of which the first that has a keyword for a
// host counts.
type config []*ssh_config.Config

func readConfig() (config, error) {
	var c config
	for _, name := range []string{inHome("config"), "/etc/ssh/ssh_config"} {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || name == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read ssh configuration: %w", err)
		}
		parsed, err := ssh_config.DecodeBytes(data)
		if err != nil {
			return nil, Refuse("read ssh configuration %q: %v", name, err)
		}
		c = append(c, parsed)
	}
	return c, nil
}

// inHome is a file of the user's ssh folder, or "" for users without a home.
func inHome(name string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".ssh", name)
}

func (c config) all(alias, keyword string) []string {
	for _, file := range c {
		if values, err := file.GetAll(alias, keyword); err == nil && len(values) > 0 {
			return values
		}
	}
	return nil
}

func (c config) get(alias, keyword string) string {
	if values := c.all(alias, keyword); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (c config) server(t Target, jumps int) (*server, error) {
	if jumps == 0 {
		return nil, Refuse("read ssh configuration: more than %d jump hosts on the way to %s", maxJumps, t.Host)
	}
	s := &server{
		Address: Address{Host: cmp.Or(c.get(t.Host, "HostName"), t.Host), Port: cmp.Or(t.Port, c.get(t.Host, "Port"), "22")},
		user:    cmp.Or(t.User, c.get(t.Host, "User"), localUser()),
	}
	s.Host = strings.ReplaceAll(s.Host, "%h", t.Host)
	s.keys = s.files(c.all(t.Host, "IdentityFile"))
	s.onlyKeys = strings.EqualFold(c.get(t.Host, "IdentitiesOnly"), "yes")
	if named := s.files(strings.Fields(c.get(t.Host, "UserKnownHostsFile"))); len(named) > 0 {
		s.knownHosts = append(named, systemKnownHosts)
	}
	if t.IdentityFile != "" {
		s.keys, s.onlyKeys, s.insist = []string{t.IdentityFile}, true, true
	}
	if t.KnownHosts != "" {
		s.knownHosts = []string{t.KnownHosts}
	}
	return s, c.jump(s, t, jumps)
}

// jump finds the server before this one. Of a list the last is the nearest.
func (c config) jump(s *server, t Target, jumps int) error {
	list := c.get(t.Host, "ProxyJump")
	if list == "" || strings.EqualFold(list, "none") {
		if command := c.get(t.Host, "ProxyCommand"); command != "" && !strings.EqualFold(command, "none") {
			return Refuse("read ssh configuration: ProxyCommand for %s is not supported; use ProxyJump", t.Host)
		}
		return nil
	}
	hops := strings.Split(list, ",")
	for _, hop := range hops {
		name := strings.TrimPrefix(strings.TrimSpace(hop), "ssh://")
		to := Target{Host: name}
		if user, rest, ok := strings.Cut(name, "@"); ok {
			to.User, to.Host = user, rest
		}
		if host, port, ok := strings.Cut(to.Host, ":"); ok && !strings.Contains(port, ":") {
			to.Host, to.Port = host, port
		}
		next, err := c.server(to, jumps-1)
		if err != nil {
			return err
		}
		if s.via != nil {
			next.via = s.via // a list says the whole way
		}
		s.via = next
	}
	return nil
}

// files fills in what may stand for parts of a path.
func (s *server) files(names []string) []string {
	home, _ := os.UserHomeDir() // without one ~ stays
	var files []string
	for _, name := range names {
		if strings.EqualFold(name, "none") {
			continue
		}
		if rest, ok := strings.CutPrefix(name, "~/"); ok {
			name = filepath.Join(home, rest)
		}
		files = append(files, strings.NewReplacer("%%", "%", "%d", home, "%h", s.Host, "%r", s.user, "%p", s.Port, "%u", localUser()).Replace(name))
	}
	return files
}

func localUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}
