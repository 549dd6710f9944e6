package reconcile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tallyman-io/tallyman"

// arrow is who may import whom of our own packages: what stands to the left
// knows only what is listed, so data can flow one way only. Packages below cmd
// and internal stand around the arrow and may import what they need of it.
var arrow = map[string][]string{
	"git":                         {"internal/signature", "internal/sshconn"},                                                                                                       // a leaf: how to get into an ssh server
	"manifest":                    {"internal/message", "internal/signature", "internal/suggest", "manifest/rule", "manifest/shape", "reconcile/imagepolicy", "reconcile/schedule"}, // leaves, with which both sides read the same expressions
	"manifest/shape":              {},
	"manifest/rule":               {"manifest/shape"},
	"schemas":                     {},
	"examples":                    {},
	"reconcile/schedule":          {},
	"reconcile/imagepolicy":       {},
	"reconcile/model":             {"reconcile/schedule"},
	"reconcile/desired":           {"manifest", "reconcile/model", "reconcile/schedule"},
	"reconcile/engine":            {"reconcile/model"},
	"reconcile/engine/docker":     {"internal/sshconn", "reconcile/engine", "reconcile/model"},
	"reconcile/engine/sim":        {"reconcile/engine", "reconcile/model"},
	"reconcile/engine/enginetest": {"reconcile/engine", "reconcile/model"},
	"reconcile/preview":           {"manifest", "reconcile/model"},
	"reconcile/jobs":              {"reconcile/model", "reconcile/schedule"},
	"reconcile/liveness":          {"reconcile/model"},
	"reconcile/place":             {"reconcile/model"},
	"reconcile/plan":              {"reconcile/jobs", "reconcile/model", "reconcile/place"},
	"reconcile/rollout":           {"reconcile/jobs", "reconcile/model", "reconcile/plan", "reconcile/schedule"},
	"reconcile/policy":            {"manifest", "manifest/rule", "reconcile/model", "reconcile/plan"},
	"reconcile/whatif":            {"internal/suggest", "reconcile/liveness", "reconcile/model", "reconcile/plan", "reconcile/rollout"},
	"reconcile/proposal":          {"manifest", "reconcile/model", "reconcile/plan", "reconcile/policy", "reconcile/rollout", "reconcile/whatif"},
	"reconcile/execute":           {"reconcile/engine", "reconcile/model"},
	"reconcile/report":            {"reconcile/jobs", "reconcile/model", "reconcile/plan", "reconcile/policy", "reconcile/preview", "reconcile/proposal", "reconcile/rollout", "reconcile/schedule", "reconcile/whatif"},
	"reconcile": {
		"git", "internal/signature", "internal/suggest", "manifest", "reconcile/desired", "reconcile/engine", "reconcile/execute", "reconcile/jobs", "reconcile/liveness", "reconcile/model",
		"reconcile/place", "reconcile/plan", "reconcile/policy", "reconcile/preview", "reconcile/proposal", "reconcile/report", "reconcile/rollout", "reconcile/whatif",
	},
}

// pure are the packages that decide. Time is an argument to them, and there is
// nothing in their hands with which they could have an effect.
var pure = []string{
	"internal/suggest", "manifest/rule", "manifest/shape", "reconcile/policy",
	"reconcile/schedule", "reconcile/imagepolicy", "reconcile/model", "reconcile/desired", "reconcile/preview", "reconcile/jobs", "reconcile/liveness", "reconcile/place", "reconcile/plan", "reconcile/rollout", "reconcile/whatif", "reconcile/proposal", "reconcile/report",
}

// effects are the standard packages that a pure package does not import.
var effects = []string{
	"context", "crypto/rand", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2",
	"net", "net/http", "os", "os/exec", "os/signal", "syscall",
}

// restricted are the libraries that belong to some packages only, by the
// beginning of their import paths.
var restricted = []struct{ library, why string }{
	{"github.com/docker/", "the Docker client belongs to engine/docker; everyone else goes through the port in reconcile/engine"},
	{"github.com/moby/", "the Docker client belongs to engine/docker; everyone else goes through the port in reconcile/engine"},
	{"gopkg.in/yaml", "YAML belongs to manifest; everyone else gets its typed documents"},
	{"github.com/go-git/", "Git belongs to git; everyone else gets an fs.FS"},
	{"github.com/google/go-github/", "forges belong to internal/forge, which honours their limits and keeps tokens out of errors"},
	{"gitlab.com/gitlab-org/", "forges belong to internal/forge, which honours their limits and keeps tokens out of errors"},
	{"code.gitea.io/", "forges belong to internal/forge, which honours their limits and keeps tokens out of errors"},
	{"cel.dev/", "CEL belongs to manifest/rule, which bounds what expressions may cost; everyone else gets its rules"},
	{"github.com/nicholas-fedor/", "chats belong to internal/notify, which keeps their tokens out of errors"},
	{"github.com/robfig/", "cron expressions belong to reconcile/schedule, which knows time zones and when clocks change"},
	{"github.com/Masterminds/semver", "versions belong to reconcile/imagepolicy, which says which of them comes next"},
}

// holders are the packages that restricted libraries are for. What supports
// tests prepares engines and repositories from outside, on purpose past us.
var holders = map[string][]string{
	"github.com/google/go-github/":  {"internal/forge"},
	"gitlab.com/gitlab-org/":        {"internal/forge"},
	"code.gitea.io/":                {"internal/forge"},
	"cel.dev/":                      {"manifest/rule"},
	"github.com/docker/":            {"reconcile/engine/docker", "internal/testimage", "internal/dockertest", "internal/e2e", "internal/demo"},
	"github.com/moby/":              {"reconcile/engine/docker", "internal/testimage", "internal/dockertest", "internal/e2e"},
	"gopkg.in/yaml":                 {"manifest", "internal/settings", "internal/secret"}, // the configuration file and SOPS files are YAML too
	"github.com/go-git/":            {"git"},
	"github.com/robfig/":            {"reconcile/schedule"},
	"github.com/Masterminds/semver": {"reconcile/imagepolicy"},
	"github.com/nicholas-fedor/":    {"internal/notify"},
}

type pkg struct {
	ImportPath, Dir                                    string
	GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
	Imports                                            []string
}

// path is the import path within the module; the root package is "".
func (p *pkg) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// ours are the imports of our own packages, within the module.
func (p *pkg) ours() []string {
	var out []string
	for _, i := range p.Imports {
		if rest, ok := strings.CutPrefix(i, module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// packages lists the module's packages as they are, also half-written ones.
func packages(t *testing.T) []*pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list packages: %v\n%s", err, stderr.Bytes())
	}
	var list []*pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImportsFollowTheArrow(t *testing.T) {
	for _, p := range packages(t) {
		allowed, onTheArrow := arrow[p.path()]
		if within(p.path(), "cmd") || within(p.path(), "internal") {
			continue
		}
		if !onTheArrow {
			t.Errorf("%s is not in the table of the architecture test: say there what it may import, or put it below internal/", p.path())
			continue
		}
		for _, i := range p.ours() {
			if !slices.Contains(allowed, i) {
				t.Errorf("%s imports %s, against the arrow (it may import %v): pass what it needs as a value, or move the code",
					p.path(), i, allowed)
			}
		}
	}
}

func TestOnlyTheOutsideKnowsTheDockerAdapter(t *testing.T) {
	for _, p := range packages(t) {
		if within(p.path(), "cmd") || within(p.path(), "internal") {
			continue
		}
		if slices.Contains(p.ours(), "reconcile/engine/docker") {
			t.Errorf("%s imports reconcile/engine/docker: take an engine.Engine instead; cmd wires the adapter in", p.path())
		}
	}
}

func TestDecidingPackagesHaveNoEffects(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.path()) {
			continue
		}
		for _, i := range p.Imports {
			if slices.Contains(effects, i) {
				t.Errorf("%s imports %s: it decides and has no effects; let the caller do it and pass the result", p.path(), i)
			}
		}
		for _, i := range p.ours() {
			if !slices.Contains(pure, i) && i != "manifest" { // manifest reads the fs.FS that it is given
				t.Errorf("%s imports %s, which is not pure: its effects would be its importer's too", p.path(), i)
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, p := range packages(t) {
		for _, r := range restricted {
			if slices.ContainsFunc(holders[r.library], func(h string) bool { return within(p.path(), h) }) {
				continue
			}
			for _, i := range p.Imports {
				if strings.HasPrefix(i, r.library) {
					t.Errorf("%s imports %s: %s", p.path(), i, r.why)
				}
			}
		}
	}
}

// files are the package's own files, and those of its tests when asked for.
func (p *pkg) files(tests bool) []string {
	names := slices.Concat(p.GoFiles, p.IgnoredGoFiles)
	if tests {
		names = slices.Concat(names, p.TestGoFiles, p.XTestGoFiles)
	}
	for i := range names {
		names[i] = filepath.Join(p.Dir, names[i])
	}
	return names
}
