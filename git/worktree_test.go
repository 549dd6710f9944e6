package git

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// spoiled is a work tree on main with a good commit of the folder shop and
// then a bad one.
func spoiled(t *testing.T) (s source, good string) {
	t.Helper()
	s = newSource(t)
	s.write("shop/run.sh", "run")
	if err := os.Chmod(filepath.Join(s.dir, "shop/run.sh"), 0o755); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	s.link("web.yaml", "shop/link")
	good = s.commit("good", "shop/web.yaml", "good one", "shop/sub/deep/x", "1", "shop/swap", "a file", "shop/kept", "1", "other/y", "1")
	s.git("rm", "-q", "-r", "shop/sub", "shop/run.sh", "shop/swap", "shop/link")
	s.commit("bad", "shop/web.yaml", "2", "shop/new/n", "2", "shop/swap/dir", "2", "other/y", "2")
	return s, good
}

func (s source) link(target, name string) {
	s.t.Helper()
	if err := os.Symlink(target, filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// wantClean is a work tree in which git finds nothing to commit, at a commit.
func (s source) wantClean(head string) {
	s.t.Helper()
	if got := s.git("status", "--porcelain"); got != "" {
		s.t.Errorf("git status says\n%s", got)
	}
	if s.head() != head {
		s.t.Errorf("HEAD is %s, want %s", s.head(), head)
	}
	s.git("fsck", "--strict")
}

func TestCheckedOutBranchTakesItsWorkTreeAlong(t *testing.T) {
	for name, url := range map[string]func(source) string{
		"work tree": inPlace, "dot git": func(s source) string { return s.dir + "/.git" },
	} {
		t.Run(name, func(t *testing.T) {
			s, good := spoiled(t)
			head := s.head()
			r := follow(t, url(s))
			c := mustRestore(t, r, restoring("shop", good))
			s.wantClean(c.ID)
			if s.git("rev-parse", "HEAD~1") != head || s.git("rev-parse", "HEAD:shop") != s.git("rev-parse", good+":shop") {
				t.Error("the commit is not what it was asked to be")
			}
			if info, err := os.Stat(filepath.Join(s.dir, "shop/run.sh")); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("the program is not executable: %v, %v", info, err)
			}
			if _, err := os.Stat(filepath.Join(s.dir, "shop/new")); err == nil {
				t.Error("an emptied folder was left")
			}
			if log := s.git("reflog", "-1"); !strings.Contains(log, "commit: Roll shop back") {
				t.Errorf("reflog %q", log)
			}
			wantFetch(t, r, c.ID)
			s.wantClean(mustRestore(t, r, restoring("shop", head)).ID)
			wantFetch(t, r, s.commit("and git goes on", "shop/web.yaml", "3"))
		})
	}
}

func TestWorkOfOthersIsLeftAlone(t *testing.T) {
	s, good := spoiled(t)
	s.write("other/y", "edited")
	s.write("other/untracked", "mine")
	s.write("shop/untracked", "mine")
	s.write("staged", "mine")
	s.git("add", "staged")
	before := s.git("status", "--porcelain")
	c := mustRestore(t, follow(t, s.dir), restoring("shop", good))
	if after := s.git("status", "--porcelain"); after != before || s.head() != c.ID {
		t.Errorf("git status says\n%s\nand before\n%s", after, before)
	}
}

// Whoever is at work on one of the files is not disturbed: nothing happens.
func TestDirtyWorkTreeIsNotTouched(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s source)
		says string
	}{
		"edited":              {func(s source) { s.write("shop/web.yaml", "mine") }, `"shop/web.yaml" has changes`},
		"staged":              {func(s source) { s.write("shop/web.yaml", "mine"); s.git("add", "-A") }, "staged changes"},
		"staged, then undone": {func(s source) { s.write("shop/web.yaml", "mine"); s.git("add", "-A"); s.write("shop/web.yaml", "2") }, "staged changes"},
		"deleted":             {func(s source) { s.remove("shop/new/n") }, `"shop/new/n" was deleted`},
		"removed":             {func(s source) { s.git("rm", "-q", "shop/new/n") }, `"shop/new/n" has staged`},
		"made executable":     {func(s source) { s.git("update-index", "--chmod=+x", "shop/web.yaml") }, "staged"},
		"mode on disk":        {func(s source) { _ = os.Chmod(filepath.Join(s.dir, "shop/web.yaml"), 0o755) }, "another mode"}, //nolint:gosec // a test file
		"link instead":        {func(s source) { s.remove("shop/web.yaml"); s.link("kept", "shop/web.yaml") }, "shop/web.yaml"},
		"untracked in place":  {func(s source) { s.write("shop/run.sh", "mine") }, `"shop/run.sh" is not in Git`},
		"dangling link":       {func(s source) { s.link("nowhere", "shop/run.sh") }, `"shop/run.sh" is not in Git`},
		"ignored in place":    {func(s source) { s.write(".git/info/exclude", "run.sh"); s.write("shop/run.sh", "mine") }, "not in Git"},
		"untracked below":     {func(s source) { s.write("shop/swap/mine", "mine") }, `"shop/swap/mine" is not in Git`},
		"staged in place":     {func(s source) { s.write("shop/run.sh", "x"); s.git("add", "-A"); s.remove("shop/run.sh") }, "is staged"},
		"file above":          {func(s source) { s.write("shop/sub", "mine") }, `"shop/sub" is in the way`},
		"folder is a link": {func(s source) {
			s.git("rm", "-q", "--cached", "-r", "shop/new")
			s.move("shop/new", "moved")
			s.link("../moved", "shop/new")
		}, "shop/new"},
		"link above": {func(s source) {
			_ = os.Mkdir(filepath.Join(s.dir, "elsewhere"), 0o750)
			s.link("../elsewhere", "shop/sub")
		}, `"shop/sub" is in the way`},
		"merging": {func(s source) { s.write(".git/MERGE_HEAD", s.head()+"\n") }, "merge is not finished"},
		"rebasing": {func(s source) {
			s.git("checkout", "-q", "--detach")
			s.write(".git/rebase-merge/head-name", "refs/heads/main\n")
		}, "being rebased"},
		"assume-unchanged": {func(s source) { s.git("update-index", "--assume-unchanged", "other/y") }, "marks"},
		"sparse":           {func(s source) { s.git("update-index", "--skip-worktree", "shop/web.yaml") }, "not part of the checkout"},
		"converted": {func(s source) {
			s.write(".git/info/attributes", "*.yaml text eol=crlf")
			s.write("shop/web.yaml", "2\r\n")
		}, "converted"},
		"twice":               {func(s source) { s.git("worktree", "add", "-q", "--force", s.dir+"-two", "main") }, "more than one"},
		"nothing checked out": {func(s source) { s.remove(".git/index") }, "nothing was checked out"},
		"index of the future": {func(s source) { s.git("update-index", "--split-index") }, "index can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			s, good := spoiled(t)
			c.do(s)
			head, before := s.head(), s.contents()
			_, err := follow(t, s.dir).Restore(context.Background(), restoring("shop", good))
			if !errors.Is(err, ErrDirty) {
				t.Errorf("got %v", err)
			}
			wantError(t, err, c.says)
			if after := s.contents(); after != before || s.head() != head {
				t.Errorf("something changed\nfrom %s\nto   %s", before, after)
			}
		})
	}
}

// contents is all files in the folder, git's own included.
func (s source) contents() string {
	s.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(s.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			target, err := os.Readlink(name)
			fmt.Fprintln(&all, name, "->", target)
			return err
		}
		data, err := os.ReadFile(name)
		fmt.Fprintf(&all, "%s %x\n", name, sha256.Sum256(data))
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all.String()
}

func (s source) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

func (s source) move(from, to string) {
	s.t.Helper()
	if err := os.Rename(filepath.Join(s.dir, from), filepath.Join(s.dir, to)); err != nil {
		s.t.Fatal(err)
	}
}

func TestConflictsAreLeftAlone(t *testing.T) {
	s, good := spoiled(t)
	s.git("checkout", "-q", "-b", "side", good)
	s.commit("side", "shop/kept", "side")
	s.git("checkout", "-q", "main")
	s.commit("main", "shop/kept", "main")
	blob := s.git("rev-parse", "side:shop/kept")
	s.write(".git/stages", "0 "+strings.Repeat("0", 40)+"\tshop/kept\n100644 "+blob+" 1\tshop/kept\n100644 "+blob+" 2\tshop/kept\n")
	stages, err := os.Open(filepath.Join(s.dir, ".git/stages"))
	if err != nil {
		t.Fatal(err)
	}
	defer stages.Close() //nolint:errcheck // only read from
	s.gitWith(stages, "update-index", "--index-info")
	_, err = follow(t, s.dir).Restore(context.Background(), restoring("shop", good))
	if !errors.Is(err, ErrDirty) {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, `"shop/kept" has conflicts`)
}

func TestBranchThatIsNotCheckedOut(t *testing.T) {
	for name, leave := range map[string][]string{
		"other branch": {"checkout", "-q", "-b", "aside"}, "detached": {"checkout", "-q", "--detach"},
	} {
		t.Run(name, func(t *testing.T) {
			s, good := spoiled(t)
			s.git(leave...)
			head, before := s.head(), s.git("ls-files", "--stage")
			s.write("shop/web.yaml", "mine")
			c := mustRestore(t, follow(t, s.dir), restoring("shop", good))
			if s.git("rev-parse", "main") != c.ID || s.head() != head || s.git("ls-files", "--stage") != before {
				t.Error("more than the branch has moved")
			}
		})
	}
}

func TestLinkedWorkTreeIsTakenAlong(t *testing.T) {
	s, good := spoiled(t)
	s.git("checkout", "-q", "-b", "aside")
	linked := source{t, s.dir + "-linked"}
	s.git("worktree", "add", "-q", linked.dir, "main")
	s.git("pack-refs", "--all")
	for _, at := range []source{s, linked} {
		c := mustRestore(t, follow(t, at.dir), restoring("shop", good))
		linked.wantClean(c.ID)
		s.wantClean(s.git("rev-parse", "aside"))
		good = c.ID + "~1"
	}
	if err := os.RemoveAll(linked.dir); err != nil {
		t.Fatal(err)
	}
	_, err := follow(t, s.dir).Restore(context.Background(), restoring("shop", good))
	wantError(t, err, linked.dir, "not there", "git worktree prune")
}

func TestEveryIndexVersionIsWrittenBack(t *testing.T) {
	for _, version := range []string{"2", "3", "4"} {
		s, good := spoiled(t)
		if version == "3" { // git chooses it by itself for extended flags
			s.git("update-index", "--skip-worktree", "other/y")
		} else {
			s.git("update-index", "--index-version", version)
		}
		c := mustRestore(t, follow(t, s.dir), restoring("shop", good))
		s.wantClean(c.ID)
		if version == "3" && !strings.HasPrefix(s.git("ls-files", "-t", "other/y"), "S ") {
			t.Error("a mark got lost")
		}
	}
}

func TestLockOfGitIsRespected(t *testing.T) {
	for _, lock := range []string{"index.lock", "refs/heads/main.lock"} {
		s, good := spoiled(t)
		name := filepath.Join(s.dir, ".git", filepath.FromSlash(lock))
		overwrite(t, name, "")
		ctx, cancel := context.WithCancel(context.Background())
		r := follow(t, s.dir)
		tries := 0
		_, err := r.Edit(ctx, robot, func(d *Draft) error {
			if tries++; tries == 3 {
				s.remove(".git/" + lock)
			}
			return d.Restore("shop", mustResolve(t, s, good))
		})
		cancel()
		if err != nil || tries != 3 {
			t.Errorf("%s: %v after %d tries", lock, err, tries)
		}
		s.wantClean(s.git("rev-parse", "main"))
	}
}

// TestALockThatStaysIsNotTakenForAMove of the branch, which stands still.
func TestALockThatStaysIsNotTakenForAMove(t *testing.T) {
	s, good := spoiled(t)
	overwrite(t, filepath.Join(s.dir, ".git", "index.lock"), "")
	_, err := follow(t, s.dir).Edit(context.Background(), robot, func(d *Draft) error {
		return d.Restore("shop", mustResolve(t, s, good))
	})
	if err == nil || errors.Is(err, ErrBranchMoved) || strings.Contains(err.Error(), "branch is not where") || !strings.Contains(err.Error(), "index.lock\" behind; remove the file if no git is running") {
		t.Errorf("got %v", err)
	}
}

func mustResolve(t *testing.T, s source, rev string) string {
	t.Helper()
	return s.git("rev-parse", rev)
}

func TestWorkTreeIsPutBackWhenAFileCannotBeWritten(t *testing.T) {
	s, good := spoiled(t)
	r := follow(t, s.dir)
	head := mustFetch(t, r).ID
	if _, err := r.Resolve(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	d, err := newDraft(r.mirror, r.cfg.Limits, mustID(t, head))
	if err == nil {
		err = d.Restore("shop", good)
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.propose(robot)
	if err != nil {
		t.Fatal(err)
	}
	p.branch = "refs/heads/main"
	repo, err := openForCommit(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := repo.checkedOut("refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	c, err := repo.openCheckout(tree, p)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		t.Fatal(err)
	}
	last := p.changes[len(p.changes)-1] // shop/web.yaml
	delete(d.made.Objects, last.new.Hash)
	err = c.apply()
	c.close()
	wantError(t, err, last.path)
	s.wantClean(head)
}

func TestDetachedHeadIsNoBranchToCommitTo(t *testing.T) {
	s, good := spoiled(t)
	r := follow(t, s.dir, func(c *Config) { c.Branch = "" })
	s.wantClean(mustRestore(t, r, restoring("shop", good)).ID)
	s.git("checkout", "-q", "--detach", "HEAD~1")
	_, err := r.Restore(context.Background(), restoring("shop", good))
	if !errors.Is(err, ErrBranchNotFound) {
		t.Errorf("got %v", err)
	}
	wantError(t, err, "HEAD names no branch")
}
