package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run has a shell do what is printed for people.
func (s source) run(commands string) {
	s.t.Helper()
	cmd := exec.Command("sh", "-e")
	cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(commands)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s\nof\n%s", err, out, commands)
	}
}

// hostileFolder would be more than one path to git, and more than one word to
// a shell.
const hostileFolder = "it's :(top) $(touch pwned) *"

func hostileHistory(s source) (good string, o RestoreOptions) {
	good = s.commit("good", hostileFolder+"/x", "1", hostileFolder+"/sub/y", "1", hostileFolder+"/gone", "1", "it's another/x", "1")
	s.git("rm", "-q", "-r", hostileFolder+"/gone")
	s.commit("bad", hostileFolder+"/x", "2", hostileFolder+"/sub/y", "2", hostileFolder+"/new", "2", "it's another/x", "2")
	o = restoring(hostileFolder, good, hostileFolder+"/sub")
	o.Message = "back; it's `touch pwned`\n\nfrom $HOME"
	return good, o
}

// What a person does by hand and what Restore does are the same.
func TestCommandsDoWhatRestoreDoes(t *testing.T) {
	h := httpsHost(t)
	_, o := hostileHistory(h.source)
	h.push()
	r := h.follow()
	text := r.RestoreCommands(o)
	h.run(text)
	branch := h.git("rev-parse", "--abbrev-ref", "HEAD")
	if !strings.HasPrefix(branch, "restore-") || h.there(branch) != h.head() {
		t.Errorf("branch %q was not pushed", branch)
	}
	c := mustRestore(t, r, o)
	if h.there(c.ID+"^{tree}") != h.there(branch+"^{tree}") {
		t.Errorf("other files\n%s\nthan\n%s", h.files("HEAD"), text)
	}
	if message := h.git("log", "-1", "--format=%B"); message != o.Message {
		t.Errorf("message %q", message)
	}
	if found, _ := filepath.Glob(filepath.Join(h.dir, "pwned")); len(found) > 0 {
		t.Error("the shell ran what was a name")
	}
}

func TestCommandsForLocalRepositories(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	_, o := hostileHistory(s)
	bare := source{t, s.bare()}
	want := follow(t, bare.dir)
	copied := s.dir + "-copied.git"
	s.git("clone", "-q", "--bare", bare.dir, copied)
	c := mustRestore(t, want, o)
	tree := bare.git("rev-parse", c.ID+"^{tree}")

	s.run(follow(t, s.dir).RestoreCommands(o))
	if s.git("rev-parse", "HEAD^{tree}") != tree {
		t.Error("in a work tree something else was committed")
	}
	at := source{t, t.TempDir()}
	at.run(follow(t, copied).RestoreCommands(o))
	if (source{t, copied}).git("rev-parse", "main^{tree}") != tree {
		t.Error("in a bare repository something else was committed")
	}
}

// TestCommandsForSingleFiles take these back and leave what lies beside them.
func TestCommandsForSingleFiles(t *testing.T) {
	s := newSourceWith(t, "web.yaml", "1", "old.yaml", "1", "src/main.go", "1")
	good := s.head()
	s.git("rm", "-q", "old.yaml")
	s.commit("bad", "web.yaml", "2", "new.yaml", "2", "src/main.go", "2")
	s.run(follow(t, s.dir).RestoreFilesCommands(robot, good, []string{"web.yaml", "old.yaml", "new.yaml"}))
	if changed := s.git("diff", "--name-only", good, "HEAD"); changed != "src/main.go" {
		t.Errorf("other than then is now\n%s", changed)
	}
	if status := s.git("status", "--porcelain"); status != "" {
		t.Errorf("left behind\n%s", status)
	}
}

func TestCommandsForTheWholeRepository(t *testing.T) {
	h := httpsHost(t)
	good, o := hostileHistory(h.source)
	h.push()
	o.Path, o.Except = "", nil
	h.run(h.follow().RestoreCommands(o))
	if h.git("rev-parse", "HEAD^{tree}") != h.git("rev-parse", good+"^{tree}") {
		t.Errorf("got\n%s", h.files("HEAD"))
	}
}

func TestCommandsShowNoCredentials(t *testing.T) {
	r := follow(t, "https://robot:canary-s3cret@example.com/shop.git")
	text := r.RestoreCommands(restoring("shop", "v1"))
	want := `# in a clone of https://example.com/shop.git
git fetch origin
git checkout --no-track -b restore-v1 origin/main
git restore --source=v1 --staged --worktree -- ':(top,literal)shop'
git commit -m 'Roll shop back

Tallyman-Rollback: shop'
git push -u origin restore-v1
`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
