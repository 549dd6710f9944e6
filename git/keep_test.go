package git

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forcePushed is a repository whose second commit was kept, then amended away
// and collected at the source.
func forcePushed(t *testing.T, url func(source) string, change ...func(*Config)) (s source, r *Repository, lost string) {
	t.Helper()
	s = newSourceWith(t, "a", "1", "dir/b", "2")
	lost = s.commit("good once", "a", "2", "dir/c", "3")
	r = follow(t, url(s), change...)
	wantFetch(t, r, lost)
	keep(t, r, lost)
	s.git("reset", "-q", "--hard", "HEAD~1")
	s.commit("instead", "a", "4")
	s.git("reflog", "expire", "--expire=now", "--all")
	s.git("gc", "-q", "--prune=now")
	wantFetch(t, r, s.head())
	return s, r, lost
}

func keep(t *testing.T, r *Repository, ids ...string) {
	t.Helper()
	if err := r.Keep(context.Background(), ids); err != nil {
		t.Fatal(err)
	}
}

func inPlace(s source) string { return s.dir }

func TestKeptCommitOutlivesTheRemoteAndARebuild(t *testing.T) {
	for name, damage := range map[string]string{"no HEAD": "no HEAD", "no packs are hurt": "garbage reference"} {
		t.Run(name, func(t *testing.T) {
			s, r, lost := forcePushed(t, inPlace)
			wantReadable(t, r, lost)
			damages()[damage](t, r)
			r = reopen(t, r)
			wantFetch(t, r, s.head())
			wantReadable(t, r, lost)
			if kept := r.mirror.kept(); len(kept) != 1 || kept[0].String() != lost {
				t.Errorf("kept after the rebuild: %v", kept)
			}
			if _, err := r.Resolve(context.Background(), lost+"~1"); err != nil {
				t.Errorf("its history is gone: %v", err)
			}
		})
	}
}

// What can't be read is not carried over as if it could.
func TestKeptCommitThatIsDamagedIsLetGo(t *testing.T) {
	for _, damage := range []string{"garbage in the pack", "index cut short", "no objects", "everything gone"} {
		t.Run(damage, func(t *testing.T) {
			s, r, lost := forcePushed(t, inPlace)
			damages()[damage](t, r)
			r = reopen(t, r)
			wantFetch(t, r, s.head())
			_, _ = r.Tree(lost, ".") // finds out about damage that shows only in reading
			wantFetch(t, r, s.head())
			wantReadable(t, r, s.head())
			if _, err := r.Tree(lost, "."); !errors.Is(err, ErrRevisionNotFound) {
				t.Errorf("reading it gives %v", err)
			}
			err := r.Keep(context.Background(), []string{lost, s.head()})
			if !errors.Is(err, ErrRevisionNotFound) {
				t.Errorf("keeping it gives %v", err)
			}
			wantError(t, err, lost, "not in the mirror")
			if kept := r.mirror.kept(); len(kept) != 1 || kept[0].String() != s.head() {
				t.Errorf("kept %v", kept)
			}
		})
	}
}

func TestDamagedKeptCommitIsFetchedAgain(t *testing.T) {
	s, root, push := pushed(t)
	s.git("-C", root+"/shop.git", "config", "uploadpack.allowAnySHA1InWant", "true")
	server := newGitServer(t, root)
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret))
	old := s.commit("good once", "a", "2")
	push()
	wantFetch(t, r, old)
	keep(t, r, old)
	s.git("reset", "-q", "--hard", "HEAD~1")
	s.commit("instead", "a", "4")
	push()
	damages()["garbage in the pack"](t, r)
	r = reopen(t, r)
	wantFetch(t, r, s.head())
	_, _ = r.Tree(s.git("rev-parse", "HEAD~1"), ".")
	wantFetch(t, r, s.head())
	wantReadable(t, r, old)
}

func TestKeepMakesExactlyTheseTheKeptOnes(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	first := s.head()
	second := s.commit("second", "a", "2")
	third := s.commit("third", "a", "3")
	r := follow(t, s.dir)
	keep(t, r) // of a mirror that is not there yet
	mustFetch(t, r)
	for _, ids := range [][]string{{first, second}, {second, third, third}, {third}, {}, {first}} {
		keep(t, r, ids...)
		refs := source{t, r.mirror.dir}.git("for-each-ref", "--format=%(objectname)", "refs/tallyman")
		got := strings.Fields(refs)
		want := slices.Compact(slices.Sorted(slices.Values(ids)))
		if !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("kept %v, want %v", got, want)
		}
	}
	if err := r.Keep(context.Background(), []string{"../../HEAD"}); !errors.Is(err, ErrRevisionNotFound) {
		t.Errorf("got %v", err)
	}
	before := listing(t, r.cfg.Dir)
	keep(t, r)
	keep(t, r)
	if names, _ := filepath.Glob(filepath.Join(r.mirror.dir, keepDir, "*")); len(names) > 0 {
		t.Errorf("left %v of %s", names, before)
	}
}

func TestGitsOwnCollectionSparesKeptCommits(t *testing.T) {
	_, r, lost := forcePushed(t, inPlace)
	source{t, r.mirror.dir}.git("gc", "-q", "--prune=now")
	wantReadable(t, reopen(t, r), lost)
}

// TestAnotherRepositoryTakesNothingAway: a look at another one with the same
// directory leaves what is followed and kept as it is.
func TestAnotherRepositoryTakesNothingAway(t *testing.T) {
	s, r, lost := forcePushed(t, inPlace)
	other := newSourceWith(t, "b", "1")
	cfg := r.cfg
	cfg.URL = other.dir
	beside := reopen(t, &Repository{cfg: cfg})
	wantFetch(t, beside, other.head())
	if _, err := beside.Tree(lost, "."); err == nil || len(beside.mirror.kept()) > 0 {
		t.Errorf("a commit of the other repository is offered: %v", beside.mirror.kept())
	}
	for what, r := range map[string]*Repository{"at work": r, "after a restart": reopen(t, r)} {
		wantFetch(t, r, s.head())
		wantReadable(t, r, lost)
		if kept := r.mirror.kept(); len(kept) != 1 || kept[0].String() != lost {
			t.Errorf("%s: kept %v", what, kept)
		}
	}
}

// TestKeptCommitsMoveWithTheRepository: where it is reached by another address
// that may be another repository, what is named is taken over.
func TestKeptCommitsMoveWithTheRepository(t *testing.T) {
	for _, fetched := range []bool{true, false} {
		s, r, lost := forcePushed(t, inPlace)
		moved := filepath.Join(t.TempDir(), "moved")
		s.git("clone", "-q", "--bare", s.dir, moved)
		r.cfg.URL = moved
		r = reopen(t, r)
		if fetched {
			wantFetch(t, r, s.head())
		}
		keep(t, r, lost)
		r = reopen(t, r)
		wantFetch(t, r, s.head())
		wantReadable(t, r, lost)
		if kept := r.mirror.kept(); len(kept) != 1 || kept[0].String() != lost {
			t.Errorf("fetched before %v: kept %v", fetched, kept)
		}
	}
}

func TestKeptCommitsOutliveALostSourceFile(t *testing.T) {
	s, r, lost := forcePushed(t, inPlace)
	overwrite(t, filepath.Join(r.mirror.dir, sourceFile), "")
	r = reopen(t, r)
	wantFetch(t, r, s.head())
	wantReadable(t, r, lost)
}

func TestKeptCommitOfAShallowSource(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.commit("second", "a", "2")
	s.commit("third", "a", "3")
	clone := source{t, filepath.Join(t.TempDir(), "clone")}
	s.git("clone", "-q", "--depth", "2", "file://"+s.dir, clone.dir)
	r := follow(t, clone.dir)
	wantFetch(t, r, s.head())
	keep(t, r, s.head())
	clone.git("checkout", "-q", "--orphan", "fresh")
	clone.commit("fresh", "b", "1")
	clone.git("branch", "-q", "-M", "main")
	clone.git("reflog", "expire", "--expire=now", "--all")
	clone.git("update-ref", "-d", "refs/remotes/origin/main")
	clone.git("gc", "-q", "--prune=now")
	wantFetch(t, r, clone.head())
	damages()["no HEAD"](t, r)
	r = reopen(t, r)
	wantFetch(t, r, clone.head())
	wantReadable(t, r, s.head())
	if log, err := r.Log(context.Background(), s.head(), 10); err != nil || len(log) != 2 {
		t.Errorf("history of it: %v, %v", log, err)
	}
}

func TestIsAncestor(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	first := s.head()
	s.git("checkout", "-q", "-b", "side")
	side := s.commit("side", "b", "1")
	s.git("checkout", "-q", "main")
	second := s.commit("second", "a", "2")
	s.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	r := follow(t, s.dir)
	wantFetch(t, r, s.head())
	for _, c := range []struct {
		old, of string
		want    bool
	}{
		{first, s.head(), true}, {side, s.head(), true}, {s.head(), s.head(), true}, {first, second, true},
		{s.head(), first, false}, {side, second, false}, {strings.Repeat("ab", 20), s.head(), false},
	} {
		if got, err := r.IsAncestor(context.Background(), c.old, c.of); got != c.want || err != nil {
			t.Errorf("%.7s in the history of %.7s: %t, %v", c.old, c.of, got, err)
		}
	}
	if _, err := r.IsAncestor(context.Background(), first, strings.Repeat("ab", 20)); !errors.Is(err, ErrRevisionNotFound) {
		t.Errorf("got %v", err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	s.git("clone", "-q", "--depth", "1", "file://"+s.dir, clone)
	shallow := follow(t, clone)
	mustFetch(t, shallow)
	if _, err := shallow.IsAncestor(context.Background(), strings.Repeat("ab", 20), s.head()); !errors.Is(err, ErrHistoryCut) {
		t.Errorf("in a shallow history: %v", err)
	}
}
