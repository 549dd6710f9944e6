package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

type repositoryStore = *filesystem.Storage

var _ storer.Storer = repositoryStore(nil)

// rawConfig is a section of a repository's configuration. Nothing of it is
// ever run.
type rawConfig struct{ *config.Section }

func (c rawConfig) option(name string) string { return c.Option(name) }

func (c rawConfig) is(name string, value bool) bool {
	given := strings.ToLower(c.Option(name))
	if value {
		return given == "true" || given == "yes" || given == "on" || given == "1"
	}
	return given == "false" || given == "no" || given == "off" || given == "0"
}

// workTree is a folder with checked out files, and the folder in which git
// keeps its HEAD and index.
type workTree struct{ root, git string }

// checkedOut is the work tree that has the branch checked out; nil when none
// has, as in a bare repository.
func (l *localRepository) checkedOut(branch string) (*workTree, error) {
	gits, _ := filepath.Glob(filepath.Join(l.common, "worktrees", "*"))
	if !l.config.is("bare", true) {
		gits = append(gits, l.common)
	}
	var found *workTree
	for _, git := range gits {
		if !onBranch(git, branch) {
			if rebasing(git, branch) {
				return nil, fmt.Errorf("%w: the branch is being rebased in it; finish or abort that first", ErrDirty)
			}
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: the branch is checked out in more than one", ErrDirty)
		}
		if doing := unfinished(git); doing != "" {
			return nil, fmt.Errorf("%w: a %s is not finished in it; finish or abort that first", ErrDirty, doing)
		}
		root, err := l.rootOf(git)
		if err != nil {
			return nil, err
		}
		found = &workTree{root, git}
	}
	return found, nil
}

func onBranch(git, branch string) bool {
	return firstLine(filepath.Join(git, "HEAD")) == "ref: "+branch
}

// rebasing says whether a rebase, which works without a branch, will move the
// branch at its end.
func rebasing(git, branch string) bool {
	return firstLine(filepath.Join(git, "rebase-merge", "head-name")) == branch ||
		firstLine(filepath.Join(git, "rebase-apply", "head-name")) == branch
}

func unfinished(git string) string {
	for _, sign := range []struct{ file, doing string }{
		{"rebase-merge", "rebase"}, {"rebase-apply", "rebase"}, {"MERGE_HEAD", "merge"},
		{"CHERRY_PICK_HEAD", "cherry-pick"}, {"REVERT_HEAD", "revert"}, {"BISECT_LOG", "bisect"},
	} {
		if _, err := os.Lstat(filepath.Join(git, sign.file)); err == nil {
			return sign.doing
		}
	}
	return ""
}

func firstLine(name string) string {
	content, _ := os.ReadFile(name) //nolint:gosec // it is in the repository's own folder
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(line)
}

// rootOf is where the files are. Only a folder that itself points back to git
// is believed: a repository can't make us write just anywhere.
func (l *localRepository) rootOf(git string) (string, error) {
	root := filepath.Dir(git)
	if configured := l.config.option("worktree"); git == l.common && configured != "" {
		if root = configured; !filepath.IsAbs(root) {
			root = filepath.Join(git, root)
		}
	}
	if git != l.common {
		root = filepath.Dir(firstLine(filepath.Join(git, "gitdir")))
	}
	there, err := findGitDir(root)
	if err != nil {
		return "", fmt.Errorf("%w: the branch is checked out in %q, which is not there; bring it back or run git worktree prune", ErrDirty, root)
	}
	one, err := os.Stat(there.dir)
	if err == nil {
		var two os.FileInfo
		if two, err = os.Stat(git); err == nil && os.SameFile(one, two) {
			return root, nil
		}
	}
	return "", fmt.Errorf("%w: the branch is checked out, and %q is not where; commit by hand", ErrDirty, root)
}
