package images

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// scene is a repository, a real registry, and the loop between them.
type scene struct {
	*Loop
	t       *testing.T
	dir     string
	reg     *dockertest.Registry
	journal *state.Store
	now     time.Time
	refused bool // the branch's manifests are not in force
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, dir: t.TempDir(), reg: dockertest.NewRegistry(t, "127.0.0.1", nil), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.git("init", "-q", "-b", "main")
	var err error
	if s.journal, err = state.Open(t.TempDir(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	resolver := registry.NewResolver(registry.Options{})
	t.Cleanup(resolver.Close)
	s.Loop = &Loop{
		InForce: s.inForce, Committed: func() {}, Registry: resolver, Loader: manifest.NewLoader(manifest.Options{}), Journal: s.journal,
		Keys: func(*manifest.Set) (func(string) (registry.Keychain, error), error) {
			return func(string) (registry.Keychain, error) { return nil, nil }, nil
		},
		Path: "fleet", Branch: "main", By: git.Signature{Name: "Tallyman", Email: "tallyman@quay"}, Log: slog.New(slog.DiscardHandler),
	}
	if s.Repository, err = git.Open(git.Config{URL: s.dir, Branch: "main", Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	return s
}

// inForce is what a controller would go by.
func (s *scene) inForce() string {
	if s.refused {
		return ""
	}
	head, err := s.Repository.Fetch(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return head.ID
}

func (s *scene) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// write commits files below the folder of the manifests; REG in them is the
// registry's address.
func (s *scene) write(files map[string]string) {
	s.t.Helper()
	for file, content := range files {
		file = filepath.Join(s.dir, "fleet", file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(s.here(content)), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "Change things")
}

func (s *scene) here(text string) string { return strings.ReplaceAll(text, "REG", s.reg.Address) }

// read is a file as the branch has it.
func (s *scene) read(file string) string {
	s.t.Helper()
	return s.git("show", "main:fleet/"+file) + "\n"
}

// push puts a new image under tags, and gives its digest.
func (s *scene) push(image string, tags ...string) string {
	s.t.Helper()
	made, err := random.Image(64, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.pushOf(made, image, tags...)
}

func (s *scene) pushOf(made v1.Image, image string, tags ...string) string {
	s.t.Helper()
	for _, tag := range tags {
		ref, err := name.ParseReference(s.reg.Ref(image + ":" + tag))
		if err == nil {
			err = remote.Write(ref, made, remote.WithContext(s.t.Context()))
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	digest, err := made.Digest()
	if err != nil {
		s.t.Fatal(err)
	}
	return digest.String()
}

// look looks once, after the interval.
func (s *scene) look() {
	s.t.Helper()
	if err := s.tryLook(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) tryLook() error {
	s.now = s.now.Add(time.Hour)
	return s.Look(s.t.Context(), s.now)
}

// fare is how the only policy fares, to whoever asks.
func (s *scene) fare() report.ImagePolicy {
	s.t.Helper()
	all := s.Fare()
	if len(all) != 1 {
		s.t.Fatalf("there are the policies %+v", all)
	}
	return all[0]
}

// still looks, and the branch must not move by that.
func (s *scene) still(why string) {
	s.t.Helper()
	before := s.git("rev-parse", "main")
	s.look()
	if s.git("rev-parse", "main") != before {
		s.t.Fatalf("%s: it committed %s", why, s.git("log", "-1", "--format=%B", "main"))
	}
}

// onForge has pull requests asked for on a forge, which gets the branches that are
// pushed to the repository.
func (s *scene) onForge() forgetest.Stage {
	s.t.Helper()
	stage := forgetest.GitHub(s.t)
	f, err := forge.Open(stage.Config())
	if err != nil {
		s.t.Fatal(err)
	}
	s.Forge = pushing{f, stage, s}
	return stage
}

type pushing struct {
	forge.Forge
	stage forgetest.Stage
	scene *scene
}

func (p pushing) OpenPullRequest(ctx context.Context, n forge.NewPullRequest) (forge.PullRequest, error) {
	content, err := exec.Command("git", "-C", p.scene.dir, "show", n.Head+":fleet/web.yaml").Output()
	if err != nil {
		return forge.PullRequest{}, errors.New("no such branch: " + n.Head)
	}
	p.stage.Branch(n.Head, map[string]string{"fleet/web.yaml": string(content)})
	return p.Forge.OpenPullRequest(ctx, n)
}

// PullRequest has the commit that the branch has in the repository: the forge's
// server has no Git behind it.
func (p pushing) PullRequest(ctx context.Context, number int) (forge.PullRequest, error) {
	pr, err := p.Forge.PullRequest(ctx, number)
	if head, failed := exec.Command("git", "-C", p.scene.dir, "rev-parse", "--verify", "-q", "refs/heads/"+pr.HeadBranch).Output(); err == nil && failed == nil {
		pr.Head = strings.TrimSpace(string(head))
	}
	return pr, err
}

// muteForge is a forge that takes no comments while err is set.
type muteForge struct {
	forge.Forge
	err    error
	looked []int // at which pull requests
}

func (m *muteForge) PullRequest(ctx context.Context, number int) (forge.PullRequest, error) {
	m.looked = append(m.looked, number)
	return m.Forge.PullRequest(ctx, number)
}

func (m *muteForge) Comment(ctx context.Context, number int, key, text string) error {
	if m.err != nil {
		return m.err
	}
	return m.Forge.Comment(ctx, number, key, text)
}

// listsOnly is a registry that gives lists of tags and no digests.
type listsOnly struct {
	Registry
	asked int
}

func (l *listsOnly) Tags(ctx context.Context, image string, keys registry.Keychain) ([]string, error) {
	l.asked++
	return l.Registry.Tags(ctx, image, keys)
}

func (l *listsOnly) Resolve(context.Context, string, registry.Keychain) (string, error) {
	return "", errors.New("no digests here")
}

// watched has a test look on while its registry is asked.
type watched struct {
	Registry
	during func()
}

func (w watched) Tags(ctx context.Context, image string, keys registry.Keychain) ([]string, error) {
	w.during()
	return w.Registry.Tags(ctx, image, keys)
}
