package edit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
)

var yes, no = true, false

// edit changes a host of the repository.
func (r *repo) edit(name, verb string, want Wanted) error {
	r.t.Helper()
	h := Host{
		Repository: r.seen, Loader: manifest.NewLoader(manifest.Options{}), Path: ".", Name: name, Want: want, Verb: verb, MadeUp: []string{"sim-1"},
		By: git.Signature{Name: "Bob", Email: "bob@example.org"}, Reason: "a new kernel",
	}
	_, err := h.Run(r.t.Context())
	return err
}

const twoHosts = `# the edge
apiVersion: tallyman/v1
kind: Host
metadata: {name: edge-1}
spec:
    endpoint: unix:///edge-1.sock   # by hand
    # nothing else
---
apiVersion: tallyman/v1
kind: Host
metadata: {name: edge-2}
spec: {endpoint: "unix:///edge-2.sock", schedulable: false} # slow
`

func TestAHostIsDrainedAndComesBack(t *testing.T) {
	r := newRepo(t)
	r.commit(map[string]string{"hosts.yaml": twoHosts, "web.yaml": service("web", "web:1")})
	if err := r.edit("edge-1", "Drain", Wanted{Drain: &yes}); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(twoHosts, "# by hand\n", "# by hand\n    drain: true\n", 1)
	if got := r.git("show", "HEAD:hosts.yaml") + "\n"; got != want {
		t.Errorf("made %s", got)
	}
	message := r.git("log", "-1", "--format=%an%n%B")
	for _, part := range []string{"Bob\nDrain host edge-1\n", "spec.drain: true", "Asked for by Bob: a new kernel"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message does not say %q: %s", part, message)
		}
	}
	if err := r.edit("edge-1", "Drain", Wanted{Drain: &yes}); !errors.Is(err, git.ErrNothingToCommit) {
		t.Errorf("a second time: %v", err)
	}
	if err := r.edit("edge-2", "Uncordon", Wanted{Drain: &no, Schedulable: &yes}); err != nil {
		t.Fatal(err)
	}
	if got := r.git("show", "HEAD:hosts.yaml") + "\n"; got != strings.Replace(want, ", schedulable: false", "", 1) {
		t.Errorf("made %s", got)
	}
	if err := r.edit("edge-1", "Uncordon", Wanted{Drain: &no, Schedulable: &yes}); err != nil {
		t.Fatal(err)
	}
	if got := r.git("show", "HEAD:hosts.yaml") + "\n"; got != strings.Replace(twoHosts, ", schedulable: false", "", 1) {
		t.Errorf("something of the drain is left: %s", got)
	}
}

// TestADrainOnTopOfWhatOthersPush is made anew where the host moved to another
// file meanwhile.
func TestADrainOnTopOfWhatOthersPush(t *testing.T) {
	r := newRepo(t)
	r.commit(map[string]string{"hosts.yaml": twoHosts, "web.yaml": service("web", "web:1")})
	h := Host{
		Repository: r.seen, Loader: manifest.NewLoader(manifest.Options{}), Path: ".", Name: "edge-1", Want: Wanted{Drain: &yes}, Verb: "Drain",
		By: git.Signature{Name: "Bob", Email: "bob@example.org"},
	}
	moved := false
	_, err := h.Repository.Edit(t.Context(), git.EditOptions{Author: h.By, Message: "Drain"}, func(d *git.Draft) error {
		if !moved {
			moved = true
			r.commit(map[string]string{"hosts.yaml": "", "edge/hosts.yaml": twoHosts})
		}
		return h.change(d)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.git("show", "HEAD:edge/hosts.yaml"); !strings.Contains(got, "drain: true") {
		t.Errorf("made %s", got)
	}
}

func TestHostEditsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ host, hosts, want string }{
		"no such host":            {"edge1", twoHosts, "there is no such host; there is edge-1, edge-2"},
		"nothing like it":         {"web", twoHosts, "there is no such host; there is edge-1, edge-2"},
		"no host at all":          {"local", "", "the local engine stands in; commit a Host manifest"},
		"made up by a simulation": {"sim-1", twoHosts, "it is made up by serve --simulate, so there is no manifest to edit; do without a commit by --pin"},
		"a broken branch":         {"edge-1", twoHosts + "---\nkind: Hoost\n", "the branch is not valid; mend it first, or do without a commit by --pin"},
		"written for no editor":   {"edge-1", strings.Replace(twoHosts, "endpoint: unix:///edge-1.sock ", "endpoint:\n      unix:///edge-1.sock ", 1), "edit hosts.yaml: the spec in line 6 is written in a way that only people can edit: put drain: true into it by hand"},
		"a policy forbids it":     {"edge-1", twoHosts + "---\n" + policyOf("Host", "!spec.drain"), `the branch would not be valid then: hosts.yaml:2:1: Host "edge-1" breaks policy "p": no`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			files := map[string]string{"web.yaml": service("web", "web:1")}
			if tc.hosts != "" {
				files["hosts.yaml"] = tc.hosts
			}
			before := r.commit(files)
			if err := r.edit(tc.host, "Drain", Wanted{Drain: &yes}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if now := r.git("rev-parse", "HEAD"); now != before {
				t.Error("the branch moved")
			}
		})
	}
}

// TestWithoutTheRightToPushThePatchIsTold where somebody is at work on the file.
func TestWithoutTheRightToPushThePatchIsTold(t *testing.T) {
	r := newRepo(t)
	r.commit(map[string]string{"hosts.yaml": twoHosts, "web.yaml": service("web", "web:1")})
	if err := os.WriteFile(filepath.Join(r.dir, "hosts.yaml"), []byte("# somebody is at work here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var denied *DeniedError
	if err := r.edit("edge-1", "Drain", Wanted{Drain: &yes}); !errors.As(err, &denied) {
		t.Fatal(err)
	}
	for _, want := range []string{"git apply --index", "\n+    drain: true\n", "git commit -m 'Drain host edge-1"} {
		if !strings.Contains(denied.Commands, want) {
			t.Errorf("does not say %q: %s", want, denied.Commands)
		}
	}
}
