package git

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// host is a bare repository behind one of the ways to reach it.
type host struct {
	source        // a clone to work in
	bare   string // what is pushed to
	url    string
	config func(*Config)
	// readOnly takes the right to write away and leaves that to read.
	readOnly func()
	declined []string // what is said when a hook declines
}

var declined = []string{"pre-receive hook declined", "main is protected"}

// hosts are all ways to reach a repository. The work tree is pushed by hand.
func hosts() map[string]func(*testing.T) host {
	return map[string]func(*testing.T) host{"https": httpsHost, "ssh": sshHost, "file": fileHost}
}

func newHost(t *testing.T) host {
	s, root, _ := pushed(t)
	h := host{source: s, declined: declined, bare: filepath.Join(root, "shop.git")}
	s.git("-C", h.bare, "config", "http.receivepack", "true")
	s.git("fetch", "-q", "origin")
	s.git("branch", "-q", "--set-upstream-to=origin/main")
	return h
}

func (h host) push() {
	h.t.Helper()
	h.git("push", "-q", "--force", "origin", "main")
}

// there is what the branch is at the remote.
func (h host) there(rev string) string {
	h.t.Helper()
	return h.git("-C", h.bare, "rev-parse", rev)
}

func (h host) hook(name, script string) {
	h.t.Helper()
	file := filepath.Join(h.bare, "hooks", name)
	overwrite(h.t, file, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(file, 0o755); err != nil { //nolint:gosec // a hook is a program
		h.t.Fatal(err)
	}
}

func httpsHost(t *testing.T) host {
	h := newHost(t)
	server := httptest.NewTLSServer(newGitServer(t, filepath.Dir(h.bare)).Config.Handler)
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	overwrite(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	h.url = server.URL + "/shop.git"
	password := withPassword(t, testSecret)
	h.config = func(c *Config) { password(c); c.CAFile = ca }
	h.readOnly = func() { h.git("-C", h.bare, "config", "http.receivepack", "false") }
	return h
}

// A local repository is denied by its hooks, which are not run.
func fileHost(t *testing.T) host {
	h := newHost(t)
	h.url, h.config = h.bare, func(*Config) {}
	h.readOnly = func() { h.hook("update", "exit 0") }
	h.declined = []string{`hook "pre-receive"`, "hooks are not run"}
	return h
}

func sshHost(t *testing.T) host {
	h := newHost(t)
	server := newSSHServer(t)
	h.url, h.config = server.url(h.bare), server.auth("key")
	h.readOnly = func() {
		only := `command="case \"$SSH_ORIGINAL_COMMAND\" in git-upload-pack*) eval \"$SSH_ORIGINAL_COMMAND\";; *) echo this key is read-only >&2; exit 1;; esac" `
		overwrite(t, server.file("authorized"), only+server.read("key.pub"))
	}
	return h
}

func (h host) follow() *Repository { return follow(h.t, h.url, h.config) }

func onEachHost(t *testing.T, test func(t *testing.T, h host)) {
	for name, make := range hosts() {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}
