package git

import (
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// reopen is the same repository after a restart.
func reopen(t *testing.T, r *Repository) *Repository {
	t.Helper()
	again, err := Open(r.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func packs(t *testing.T, r *Repository) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.mirror.dir, "objects", "pack", "pack-*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func overwrite(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// damages are what disks, crashes and people do to a mirror.
func damages() map[string]func(*testing.T, *Repository) {
	remove := func(name string) func(*testing.T, *Repository) {
		return func(t *testing.T, r *Repository) {
			if err := os.RemoveAll(filepath.Join(r.mirror.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	damage := func(change func(content []byte) []byte, pattern string) func(*testing.T, *Repository) {
		return func(t *testing.T, r *Repository) {
			names, err := filepath.Glob(filepath.Join(r.mirror.dir, pattern))
			if err != nil || len(names) == 0 {
				t.Fatalf("nothing to damage: %v", err)
			}
			for _, name := range names {
				content, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				overwrite(t, name, string(change(content)))
			}
		}
	}
	half := func(c []byte) []byte { return c[:len(c)/2] }
	garbage := func(c []byte) []byte {
		for i := 12; i < len(c)-20; i++ {
			c[i] ^= 0x5a
		}
		return c
	}
	empty := func([]byte) []byte { return nil }
	return map[string]func(*testing.T, *Repository){
		"everything gone":      remove("."),
		"no HEAD":              remove("HEAD"),
		"no objects":           remove("objects"),
		"no reference":         remove("refs"),
		"no index":             func(t *testing.T, r *Repository) { damage(empty, "objects/pack/*.idx")(t, r) },
		"index cut short":      damage(half, "objects/pack/*.idx"),
		"garbage in the index": damage(garbage, "objects/pack/*.idx"),
		"pack cut short":       damage(half, "objects/pack/*.pack"),
		"empty pack":           damage(empty, "objects/pack/*.pack"),
		"garbage in the pack":  damage(garbage, "objects/pack/*.pack"),
		"garbage reference":    damage(garbage, "refs/heads/target"),
		"empty reference":      damage(empty, "refs/heads/target"),
		"garbage HEAD":         damage(half, "HEAD"),
	}
}

func TestDamagedMirrorIsRebuilt(t *testing.T) {
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			s := newSourceWith(t, "a", "1", "dir/b", "2")
			s.commit("second", "a", "3")
			r := follow(t, s.dir)
			wantFetch(t, r, s.head())
			damage(t, r)
			r = reopen(t, r)
			wantFetch(t, r, s.head())
			wantReadable(t, r, s.head())
			wantFetch(t, r, s.commit("third", "a", "4"))
			wantReadable(t, r, s.head())
		})
	}
}

// TestLossesUnderARunningControllerAreMended by the look after the one that finds
// them: nobody restarts a controller because of its mirror.
func TestLossesUnderARunningControllerAreMended(t *testing.T) {
	losses := damages()
	losses["another process's rebuild from elsewhere"] = func(t *testing.T, r *Repository) {
		losses["everything gone"](t, r)
		other := newSourceWith(t, "b", "1")
		fresh := newMirror(r.mirror.dir, r.mirror.identity)
		if err := fresh.create(); err != nil {
			t.Fatal(err)
		}
		beside := &Repository{cfg: r.cfg}
		beside.cfg.URL, beside.cfg.Dir = other.dir, t.TempDir()
		beside = reopen(t, beside)
		beside.mirror = fresh
		wantFetch(t, beside, other.head())
	}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			s := newSourceWith(t, "a", "1", "dir/b", "2")
			r := follow(t, s.dir)
			wantFetch(t, r, s.head())
			lose(t, r)
			if _, err := r.Fetch(context.Background()); err == nil {
				_ = readAll(r, s.head())
			}
			wantFetch(t, r, s.head())
			wantReadable(t, r, s.head())
		})
	}
}

// wantReadable reads all files of a commit.
func wantReadable(t *testing.T, r *Repository, id string) {
	t.Helper()
	if err := readAll(r, id); err != nil {
		t.Fatal(err)
	}
}

func readAll(r *Repository, id string) error {
	tree, err := r.Tree(id, ".")
	if err != nil {
		return err
	}
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = fs.ReadFile(tree, name)
		return err
	})
}

// A file that turns out unreadable under a running controller costs one pass,
// not a restart.
func TestDamageFoundWhileReadingHealsWithTheNextFetch(t *testing.T) {
	s := newSourceWith(t, "a", "1", "dir/b", "2")
	r := follow(t, s.dir)
	mustFetch(t, r)
	damages()["garbage in the pack"](t, r)
	r.mirror.reopen()
	if _, err := r.Tree(s.head(), "dir"); err == nil {
		t.Fatal("read from a damaged mirror")
	}
	wantFetch(t, r, s.head())
	wantReadable(t, r, s.head())
}

// forge makes the branch point to a file whose content is none: a directory.
func (s source) forge() {
	s.t.Helper()
	unused := s.git("rev-parse", "HEAD:dir")
	s.git("rm", "-q", "-r", "dir")
	id, err := hex.DecodeString(unused)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(".git/forged", "100644 bad.yaml\x00"+string(id))
	tree := s.git("hash-object", "-t", "tree", "-w", "--literally", ".git/forged")
	s.git("update-ref", "refs/heads/main", s.git("commit-tree", tree, "-m", "forged"))
}

// It is the repository that is not good, so fetching it anew helps once at
// most, and not with every poll.
func TestMalformedRepositoryIsNotFetchedAgainAndAgain(t *testing.T) {
	s := newSourceWith(t, "a", "1", "dir/b", "2")
	s.forge()
	r := follow(t, s.dir)
	look := func() {
		t.Helper()
		wantFetch(t, r, s.head())
		tree, err := r.Tree(s.head(), ".")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.ReadFile(tree, "bad.yaml"); err == nil {
			t.Fatal("read a directory as a file")
		}
	}
	look()
	look()
	before := listing(t, r.cfg.Dir)
	for range 3 {
		look()
		if after := listing(t, r.cfg.Dir); after != before {
			t.Fatalf("the mirror was made anew\nfrom %s\nto   %s", before, after)
		}
	}
	wantFetch(t, r, s.commit("good again", "dir/b", "2"))
	damages()["garbage in the pack"](t, r)
	r.mirror.reopen()
	if _, err := r.Tree(s.head(), "dir"); err == nil {
		t.Fatal("read from a damaged mirror")
	}
	wantFetch(t, r, s.head())
}

func TestDamagedMirrorSurvivesAsLongAsTheRemoteIsAway(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	id := mustFetch(t, r).ID
	damages()["no HEAD"](t, r)
	if err := os.Rename(s.dir, s.dir+".away"); err != nil {
		t.Fatal(err)
	}
	r = reopen(t, r)
	if _, err := r.Fetch(context.Background()); err == nil {
		t.Fatal("fetched from nowhere")
	}
	wantReadable(t, r, id)
	if err := os.Rename(s.dir+".away", s.dir); err != nil {
		t.Fatal(err)
	}
	wantFetch(t, r, id)
}

func TestLeftoversOfAKilledFetchAreSwept(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	mustFetch(t, r)
	leftovers := []string{"incoming-1", "objects/pack/tmp_pack_1", "refs/heads/incoming-1"}
	for _, name := range leftovers {
		overwrite(t, filepath.Join(r.mirror.dir, name), "half")
	}
	wantFetch(t, reopen(t, r), s.head())
	for _, name := range leftovers {
		if _, err := os.Stat(filepath.Join(r.mirror.dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestAnotherRepositoryInTheSameDirectoryStartsAnew(t *testing.T) {
	one, two := newSourceWith(t, "a", "1"), newSourceWith(t, "b", "1")
	r := follow(t, one.dir)
	mustFetch(t, r)
	r.cfg.URL = two.dir
	r = reopen(t, r)
	wantFetch(t, r, two.head())
	if _, err := r.Tree(one.head(), "."); err == nil {
		t.Error("commits of the former repository are still offered")
	}
}

func TestManySmallFetchesDoNotPileUp(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	mustFetch(t, r)
	var ids []string
	for i := range manyPacks + 5 {
		ids = append(ids, s.commit(fmt.Sprint("commit ", i), "a", fmt.Sprint(i)))
		wantFetch(t, r, s.head())
	}
	if n := len(packs(t, r)); n >= manyPacks {
		t.Errorf("%d packs after %d fetches", n, manyPacks+6)
	}
	r = reopen(t, r)
	for _, id := range ids {
		wantReadable(t, r, id)
	}
}

func TestUnchangedRemoteWritesNothing(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	mustFetch(t, r)
	before := listing(t, r.cfg.Dir)
	mustFetch(t, r)
	if after := listing(t, r.cfg.Dir); after != before {
		t.Errorf("the state directory changed\nfrom %s\nto   %s", before, after)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var all string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all += fmt.Sprintln(name, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReadersFetchersAndOtherProcessesAtTheSameTime(t *testing.T) {
	s := newSourceWith(t, "a", "1", "dir/b", "2")
	first := s.head()
	r := follow(t, s.dir)
	mustFetch(t, r)
	other := reopen(t, r) // as good as another process: it shares only the directory
	var ids []string
	for i := range 5 {
		ids = append(ids, s.commit(fmt.Sprint(i), "a", fmt.Sprint(i)))
	}
	ids = append(ids, first)
	var wg sync.WaitGroup
	for _, repository := range []*Repository{r, other} {
		for range 3 {
			wg.Go(func() {
				if _, err := repository.Fetch(context.Background()); err != nil {
					t.Error(err)
				}
				for _, id := range ids {
					if _, err := repository.Resolve(context.Background(), id); err != nil {
						t.Error(err)
					}
					if _, err := repository.Tree(id, "dir"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}
