package edit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
)

// repo is a work tree that the tests commit to, and what Tallyman sees of it.
type repo struct {
	t    *testing.T
	dir  string
	seen *git.Repository
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	r := &repo{t: t, dir: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	seen, err := git.Open(git.Config{URL: r.dir, Branch: "main", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r.seen = seen
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes these the repository's files; "" removes one.
func (r *repo) commit(files map[string]string) string {
	r.t.Helper()
	for name, content := range files {
		file := filepath.Join(r.dir, name)
		if content == "" {
			if err := os.Remove(file); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "Change things")
	return r.git("rev-parse", "HEAD")
}

// rollback takes an app back, and gives the names of what changed.
func (r *repo) rollback(app, to string) (string, error) {
	r.t.Helper()
	commit, err := r.seen.Resolve(r.t.Context(), to)
	if err != nil {
		r.t.Fatal(err)
	}
	back := Rollback{
		Repository: r.seen, Loader: manifest.NewLoader(manifest.Options{}), Path: ".", App: app, To: commit,
		By: git.Signature{Name: "Bob", Email: "bob@example.org"}, Reason: "because",
	}
	before := r.git("rev-parse", "HEAD")
	if _, err := back.Run(r.t.Context()); err != nil {
		if now := r.git("rev-parse", "HEAD"); now != before {
			r.t.Errorf("the branch moved although: %v", err)
		}
		return "", err
	}
	return r.git("diff", "--name-only", before, "HEAD"), nil
}

func app(name string) string {
	return "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: " + name + "}\nspec: {}\n"
}

func service(name, image string) string {
	return "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {image: \"" + image + "\"}\n"
}

func policyOf(kind, assert string) string {
	return "apiVersion: tallyman/v1\nkind: Policy\nmetadata: {name: p}\nspec: {match: {kinds: [" + kind + "]}, rules: [{assert: \"" + assert + "\", message: 'no'}]}\n"
}

func host(name string) string {
	return "apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: " + name + "}\nspec: {endpoint: \"unix:///" + name + ".sock\"}\n"
}

func TestOnlyTheAppsOwnFilesGoBack(t *testing.T) {
	for name, tc := range map[string]struct {
		app           string
		first, second map[string]string
		want          string
	}{
		"a folder": {
			"shop",
			map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1"), "shop/old.yaml": service("old", "x:1"), "blog.yaml": service("blog", "b:1")},
			map[string]string{"shop/web.yaml": service("web", "web:2"), "shop/old.yaml": "", "shop/new.yaml": service("new", "n:1"), "blog.yaml": service("blog", "b:2")},
			"shop/new.yaml\nshop/old.yaml\nshop/web.yaml",
		},
		"an app within the app stays": {
			"shop",
			map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1"), "shop/admin/app.yaml": app("admin"), "shop/admin/a.yaml": service("a", "a:1")},
			map[string]string{"shop/web.yaml": service("web", "web:2"), "shop/admin/a.yaml": service("a", "a:2")},
			"shop/web.yaml",
		},
		"an app within it that came later stays": {
			"shop",
			map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1")},
			map[string]string{"shop/web.yaml": service("web", "web:2"), "shop/admin/app.yaml": app("admin"), "shop/admin/a.yaml": service("a", "a:2")},
			"shop/web.yaml",
		},
		"what no App owns, without hosts and other apps": {
			"default",
			map[string]string{"web.yaml": service("web", "web:1"), "hosts.yaml": host("a"), "blog/app.yaml": app("blog"), "blog/b.yaml": service("b", "b:1")},
			map[string]string{"web.yaml": service("web", "web:2"), "hosts.yaml": host("b"), "more/hosts.yaml": host("c"), "blog/b.yaml": service("b", "b:2")},
			"web.yaml",
		},
		"an app in the root, and not the rest of the repository": {
			"shop",
			map[string]string{"app.yaml": app("shop"), "web.yaml": service("web", "web:1"), "old.yaml": service("old", "x:1"), "src/main.go": "1\n", ".github/workflows/ci.yaml": "a: 1\n"},
			map[string]string{"web.yaml": service("web", "web:2"), "old.yaml": "", "new.yaml": service("new", "n:1"), "src/main.go": "2\n", ".github/workflows/ci.yaml": "a: 2\n"},
			"new.yaml\nold.yaml\nweb.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			first := r.commit(tc.first)
			r.commit(tc.second)
			if got, err := r.rollback(tc.app, first); err != nil || got != tc.want {
				t.Errorf("changed %q, want %q; %v", got, tc.want, err)
			}
		})
	}
}

func TestTheMessageNamesBothRevisionsAndWhoAsked(t *testing.T) {
	r := newRepo(t)
	first := r.commit(map[string]string{"web.yaml": service("web", "web:1")})
	second := r.commit(map[string]string{"web.yaml": service("web", "web:2")})
	if _, err := r.rollback("default", first); err != nil {
		t.Fatal(err)
	}
	message := r.git("log", "-1", "--format=%an <%ae>%n%B")
	for _, want := range []string{"Bob <bob@example.org>", "Roll back app default to " + first[:8], first + " \"Change things\" by Ada", second + " \"Change things\" by Ada", "Asked for by Bob: because"} {
		if !strings.Contains(message, want) {
			t.Errorf("does not say %q:\n%s", want, message)
		}
	}
}

// TestABrokenBranchCanBeTakenBack is when it is needed most.
func TestABrokenBranchCanBeTakenBack(t *testing.T) {
	r := newRepo(t)
	first := r.commit(map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1")})
	r.commit(map[string]string{"shop/web.yaml": "kind: Service\nspec: {imag: x}\n"})
	if got, err := r.rollback("shop", first); err != nil || got != "shop/web.yaml" {
		t.Errorf("changed %q; %v", got, err)
	}
}

// TestABrokenBranchKeepsWhatIsNotTheApps although it can't be read: another app
// and a host that came below the app's folder since.
func TestABrokenBranchKeepsWhatIsNotTheApps(t *testing.T) {
	r := newRepo(t)
	first := r.commit(map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1"), "shop/hosts.yaml": host("a")})
	r.commit(map[string]string{"shop/blog/app.yaml": app("blog"), "shop/blog/blog.yaml": service("blog", "b:1"), "shop/hosts2.yaml": host("b"), "shop/new.yaml": service("new", "n:1")})
	r.commit(map[string]string{"shop/web.yaml": "kind: Servise\n"})
	if got, err := r.rollback("shop", first); err != nil || got != "shop/new.yaml\nshop/web.yaml" {
		t.Errorf("changed %q; %v", got, err)
	}
}

// TestABrokenBranchIsRefused where putting the app's files back mends it not, or
// at the price of what it had when it was valid last.
func TestABrokenBranchIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		second, third map[string]string
		want          string
	}{
		"broken elsewhere":       {nil, map[string]string{"shop/new.yaml": "kind: Servise\n"}, "use git revert"},
		"a host among the files": {map[string]string{"shop/web.yaml": service("web", "web:2") + "---\n" + host("b")}, map[string]string{"shop/web.yaml": "kind: Servise\n"}, `would not have host "b" any more then: use git revert`},
		"another app has gone":   {nil, map[string]string{"blog/app.yaml": "", "blog/b.yaml": "", "shop/web.yaml": "kind: Servise\n"}, `would not have app "blog" any more then: use git revert`},
		"a host has come":        {nil, map[string]string{"hosts.yaml": host("b"), "shop/web.yaml": "kind: Servise\n"}, `would have host "b" then: use git revert`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			first := r.commit(map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1"), "blog/app.yaml": app("blog"), "blog/b.yaml": service("b", "b:1")})
			if tc.second != nil {
				r.commit(tc.second)
			}
			r.commit(tc.third)
			if _, err := r.rollback("shop", first); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestRollbacksThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		app           string
		first, second map[string]string
		want          string
	}{
		"nothing to do":    {"default", map[string]string{"web.yaml": service("web", "web:1")}, map[string]string{"README": "x"}, "nothing to commit"},
		"no such app then": {"shop", map[string]string{"web.yaml": service("web", "web:1")}, map[string]string{"shop/app.yaml": app("shop"), "shop/a.yaml": service("a", "a:1")}, "has no such app"},
		"moved": {
			"shop", map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1")},
			map[string]string{"shop/app.yaml": "", "shop/web.yaml": "", "store/app.yaml": app("shop"), "store/web.yaml": service("web", "web:2")},
			`in folder "store" now and was in "shop" then`,
		},
		"hosts in the same file": {
			"default", map[string]string{"all.yaml": service("web", "web:1") + "---\n" + host("a")},
			map[string]string{"all.yaml": service("web", "web:2") + "---\n" + host("b")},
			"all.yaml holds hosts beside parts of the app",
		},
		"a name that another app has now": {
			"shop", map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1"), "shop/x.yaml": service("x", "x:1")},
			map[string]string{"shop/web.yaml": "", "blog/app.yaml": app("blog"), "blog/web.yaml": service("web", "web:1")},
			"would not be valid",
		},
		"what a policy forbids by now": {
			"shop", map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1")},
			map[string]string{"shop/web.yaml": service("web", "web:2"), "policy.yaml": policyOf("Service", "!spec.image.endsWith(':1')")},
			`would break a policy then; use git revert, or mend it first: shop/web.yaml:1:1: Service "web" breaks policy "p": no`,
		},
		"a policy that has gone since": {
			"default", map[string]string{"all.yaml": service("web", "web:1") + "---\n" + policyOf("Service", "true")},
			map[string]string{"all.yaml": service("web", "web:2")},
			"all.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			first := r.commit(tc.first)
			r.commit(tc.second)
			if _, err := r.rollback(tc.app, first); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// TestWithoutTheRightToPushTheCommandsAreTold has a hook decline the commit.
func TestWithoutTheRightToPushTheCommandsAreTold(t *testing.T) {
	r := newRepo(t)
	first := r.commit(map[string]string{"shop/app.yaml": app("shop"), "shop/web.yaml": service("web", "web:1")})
	r.commit(map[string]string{"shop/web.yaml": service("web", "web:2")})
	if err := os.WriteFile(filepath.Join(r.dir, "shop/web.yaml"), []byte("# somebody is at work here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := r.rollback("shop", first)
	var denied *DeniedError
	if !errors.As(err, &denied) || !strings.Contains(denied.Commands, "git restore --source="+first) || !strings.Contains(denied.Commands, "shop") {
		t.Errorf("%v", err)
	}
}

// TestTheCommandsAreOfTheSameFiles where an app is not restored by its folder.
func TestTheCommandsAreOfTheSameFiles(t *testing.T) {
	r := newRepo(t)
	first := r.commit(map[string]string{"app.yaml": app("shop"), "web.yaml": service("web", "web:1"), "src/main.go": "1\n"})
	r.commit(map[string]string{"web.yaml": service("web", "web:2"), "src/main.go": "2\n"})
	if err := os.WriteFile(filepath.Join(r.dir, "web.yaml"), []byte("# somebody is at work here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := r.rollback("shop", first)
	var denied *DeniedError
	if !errors.As(err, &denied) || !strings.Contains(denied.Commands, "':(top,literal)app.yaml' ':(top,literal)web.yaml'") || strings.Contains(denied.Commands, "':(top)'") {
		t.Errorf("%v", err)
	}
}

// TestARollbackOnABranchOfItsOwn says what it is told to, and leaves the followed
// branch to people.
func TestARollbackOnABranchOfItsOwn(t *testing.T) {
	r := newRepo(t)
	first := r.commit(map[string]string{"web.yaml": service("web", "web:1")})
	head := r.commit(map[string]string{"web.yaml": service("web", "web:2")})
	to, err := r.seen.Resolve(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	back := Rollback{
		Repository: r.seen, Loader: manifest.NewLoader(manifest.Options{}), Path: ".", App: "default", To: to,
		By: git.Signature{Name: "Bob", Email: "bob@example.org"}, Message: "Revert it", Branch: "back", Head: first,
	}
	if c, err := back.Run(t.Context()); !errors.Is(err, ErrOtherHead) {
		t.Errorf("on another head than it was meant for: %s, %v", c.ID, err)
	}
	back.Head = head
	c, err := back.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.git("rev-parse", "back") != c.ID || r.git("rev-parse", "back~1") != head || r.git("rev-parse", "main") != head || c.Message != "Revert it" {
		t.Errorf("made %s: %q; main is at %s", c.ID, c.Message, r.git("rev-parse", "main"))
	}
	if got := r.git("diff", "--name-only", first, "back"); got != "" {
		t.Errorf("still differs: %s", got)
	}
}
