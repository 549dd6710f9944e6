package git

import (
	"path/filepath"
	"slices"
	"strings"
)

// RestoreCommands is what a person types in a shell to do by hand what Restore
// would: on a branch of its own, for review, where the repository is remote,
// and in place where it is on this machine.
func (r *Repository) RestoreCommands(o RestoreOptions) string {
	specs := []string{pathspec("top", o.Path)}
	except := slices.Clone(o.Except)
	slices.Sort(except)
	for _, path := range except {
		specs = append(specs, pathspec("top,exclude", path))
	}
	return r.byHand(restoreByHand(o.EditOptions, o.From, specs))
}

// RestoreFilesCommands are such commands for single files; one that was not there
// at the revision from goes.
func (r *Repository) RestoreFilesCommands(o EditOptions, from string, files []string) string {
	specs := make([]string, len(files))
	for i, file := range files {
		specs[i] = pathspec("top", file)
	}
	return r.byHand(restoreByHand(o, from, specs))
}

// PatchCommands are such commands for a new content of one file.
func (r *Repository) PatchCommands(o EditOptions, p Patch) string {
	subject, _, _ := strings.Cut(o.Message, "\n")
	return r.byHand(manual{
		what: "edit", branch: orDefault(slug(subject), "edit"), commit: committing(o),
		change:  "git apply --index <<'END_OF_PATCH'\n" + p.String() + "END_OF_PATCH",
		caution: "the next command does nothing to a file that has some",
	})
}

// manual is a commit to be made by hand: what makes it, and what it is called.
type manual struct{ what, branch, change, commit, caution string }

func restoreByHand(o EditOptions, from string, specs []string) manual {
	return manual{
		what: "restore", branch: "restore-" + branchWord(from), commit: committing(o),
		change:  command(append([]string{"git", "restore", "--source=" + from, "--staged", "--worktree", "--"}, specs...)...),
		caution: "the next command overwrites them",
	}
}

func committing(o EditOptions) string {
	return command("git", "commit", "-m", strings.TrimSpace(o.Message))
}

func (r *Repository) byHand(m manual) string {
	if r.addr.local() {
		return r.localCommands(m)
	}
	base := "origin/HEAD"
	if r.cfg.Branch != "" {
		base = "origin/" + strings.TrimPrefix(branchRef(r.cfg.Branch), headsPrefix)
	}
	return lines(
		"# in a clone of "+r.addr.String(),
		"git fetch origin",
		command("git", "checkout", "--no-track", "-b", m.branch, base),
		m.change,
		m.commit,
		command("git", "push", "-u", "origin", m.branch),
	)
}

// localCommands has to make do without a clone: a work tree is at hand, or is
// made beside a bare repository.
func (r *Repository) localCommands(m manual) string {
	checkout := "git checkout"
	if r.cfg.Branch != "" {
		checkout = command("git", "checkout", strings.TrimPrefix(branchRef(r.cfg.Branch), headsPrefix))
	}
	dir, err := findGitDir(r.addr.path)
	if err == nil && dir.dir == filepath.Clean(r.addr.path) && bare(dir) {
		return lines(
			command("git", "clone", r.addr.path, m.what),
			"cd "+m.what,
			checkout,
			m.change,
			m.commit,
			"git push",
		)
	}
	return lines(
		command("cd", strings.TrimSuffix(r.addr.path, "/.git")),
		checkout,
		"git status   # commit or stash your own changes first: "+m.caution,
		m.change,
		m.commit,
	)
}

func bare(dir gitDir) bool {
	store, err := dir.open()
	if err != nil {
		return false
	}
	defer store.Close() //nolint:errcheck // only read from
	cfg, err := store.Config()
	return err == nil && cfg.Core.IsBare
}

func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

// pathspec is path and nothing else to git, whatever characters it is made of.
func pathspec(magic, path string) string {
	if path = cleanPath(path); path == "." {
		return ":(" + magic + ")"
	}
	return ":(" + magic + ",literal)" + path
}

// branchWord is a revision as a part of a branch's name.
func branchWord(rev string) string {
	return orDefault(slug(short(rev)), "revision")
}

// command is words as a POSIX shell reads them back.
func command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = posixQuote(word)
	}
	return strings.Join(quoted, " ")
}

func posixQuote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:@%+,"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
