package git

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
)

// pushLocal commits into a repository on this machine. It runs neither git nor
// hooks, takes git's own locks, and brings a work tree along that has the
// branch checked out. The order is such that one who is killed in between
// leaves a work tree with changes to commit or to restore: first its files,
// then its index, the branch last.
func pushLocal(ctx context.Context, path string, p *proposal) error {
	err := commitLocally(ctx, path, p)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", ErrPushDenied, err)
	}
	return err
}

func commitLocally(ctx context.Context, path string, p *proposal) error {
	repo, err := openForCommit(path)
	if err != nil {
		return err
	}
	defer repo.store.Close() //nolint:errcheck // what was written is closed by itself
	branch, err := repo.lockBranch(p)
	if err != nil {
		return err
	}
	defer branch.release()
	tree, err := repo.checkedOut(p.branch.String())
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if tree == nil {
		err = repo.addPack(p)
	} else {
		err = repo.bringAlong(tree, p)
	}
	if err == nil {
		err = branch.commit([]byte(p.new.String() + "\n"))
	}
	if err != nil {
		return err
	}
	repo.log(tree, p)
	return nil
}

// bringAlong makes the files and the index of a work tree those of the
// proposal.
func (l *localRepository) bringAlong(tree *workTree, p *proposal) error {
	c, err := l.openCheckout(tree, p)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.check(); err != nil {
		return err
	}
	if err := l.addPack(p); err != nil {
		return err
	}
	return c.apply()
}

// localRepository is a repository that is about to be written to.
type localRepository struct {
	gitDir
	store  repositoryStore
	config rawConfig
	owner  owner
}

func openForCommit(path string) (*localRepository, error) {
	dir, err := findGitDir(path)
	if err != nil {
		return nil, err
	}
	store, err := dir.open()
	if err != nil {
		return nil, err
	}
	cfg, err := store.Config()
	if err != nil {
		return nil, fmt.Errorf("read repository config: %w", err)
	}
	l := &localRepository{gitDir: dir, store: store, config: rawConfig{cfg.Raw.Section("core")}, owner: ownerOf(dir.common)}
	return l, l.checkHooks()
}

// checkHooks refuses a repository that wants to have its say about what comes
// in: passing it over would be a surprise, and so would running its programs.
func (l *localRepository) checkHooks() error {
	for _, hook := range []string{"pre-receive", "update", "proc-receive", "reference-transaction", "post-receive", "post-update", "push-to-checkout"} {
		for _, dir := range l.hookDirs() {
			const runnable = 0o111
			if info, err := os.Stat(filepath.Join(dir, hook)); err == nil && info.Mode().Perm()&runnable != 0 {
				return fmt.Errorf("%w: the repository has the hook %q, and in a repository on this machine hooks are not run; push by hand",
					ErrPushDenied, hook)
			}
		}
	}
	return nil
}

// hookDirs is where hooks may be. What a relative path is relative to depends
// on the hook.
func (l *localRepository) hookDirs() []string {
	configured := l.config.option("hooksPath")
	switch {
	case configured == "":
		return []string{filepath.Join(l.common, "hooks")}
	case filepath.IsAbs(configured):
		return []string{configured}
	}
	return []string{filepath.Join(l.common, configured), filepath.Join(filepath.Dir(l.common), configured)}
}

// lockBranch takes the branch's lock and looks again where it is.
func (l *localRepository) lockBranch(p *proposal) (*lockFile, error) {
	name := filepath.Join(l.common, filepath.FromSlash(p.branch.String()))
	if err := l.owner.mkdirAll(filepath.Dir(name)); err != nil {
		return nil, fmt.Errorf("lock branch: %w", err)
	}
	lock, err := newLock(name, l.owner)
	if err != nil {
		return nil, err
	}
	ref, err := l.store.Reference(p.branch)
	switch {
	case errors.Is(err, plumbing.ErrReferenceNotFound) && p.old.IsZero():
		return lock, nil
	case err != nil && !errors.Is(err, plumbing.ErrReferenceNotFound):
		err = fmt.Errorf("read branch: %w", err)
	case err == nil && ref.Type() == plumbing.SymbolicReference:
		err = fmt.Errorf("%w: it is a symbolic reference to %s; name that one", ErrBranchNotFound, ref.Target())
	case err != nil || ref.Hash() != p.old:
		err = errMoved
	default:
		return lock, nil
	}
	lock.release()
	return nil, err
}

// addPack writes where all work trees have their objects: through a linked
// one, the library would look for the folder in the wrong place.
func (l *localRepository) addPack(p *proposal) error {
	store, err := gitDir{l.common, l.common}.open()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // what was written is closed by itself
	if err := copyPack(store, bytes.NewReader(p.pack)); err != nil {
		return err
	}
	sum := hex.EncodeToString(p.pack[len(p.pack)-len(p.new):])
	for _, extension := range []string{"pack", "idx"} {
		l.owner.adopt(filepath.Join(l.common, "objects", "pack", fmt.Sprintf(packFilename, sum, extension)))
	}
	return nil
}

// log tells the reflogs that there are. The commit is made by now, so nothing
// comes of it when that fails.
func (l *localRepository) log(tree *workTree, p *proposal) {
	by, subject := p.commit.Committer, newCommit(p.commit).Subject
	line := fmt.Sprintf("%s %s %s <%s> %d %s\tcommit: %s\n", p.old, p.new, by.Name, by.Email, by.When.Unix(), by.When.Format("-0700"), subject)
	names := []string{filepath.Join(l.common, "logs", filepath.FromSlash(p.branch.String()))}
	if tree != nil {
		names = append(names, filepath.Join(tree.git, "logs", "HEAD"))
	}
	for _, name := range names {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0) //nolint:gosec // it is made from the repository's own folder
		if err != nil {
			continue
		}
		_, _ = f.WriteString(line)
		_ = f.Close()
	}
}
