package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// ready is a repository in whose mirror all branches are.
func (s source) ready() *Repository {
	s.t.Helper()
	r := follow(s.t, s.dir)
	if _, err := r.Resolve(context.Background(), "abcd"); !errors.Is(err, ErrRevisionNotFound) { // which looks everywhere
		s.t.Fatal(err)
	}
	return r
}

// content is a tree's files, `path content` each.
func contents(t *testing.T, tree fs.FS) string {
	t.Helper()
	var out []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		out = append(out, name+" "+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// forked is a repository whose branch main goes on after head has forked off.
func forked(t *testing.T, files, onMain, onHead []string) (s source, base, head string) {
	s = newSourceWith(t, files...)
	s.git("checkout", "-q", "-b", "head")
	head = s.change("head", onHead)
	s.git("checkout", "-q", "main")
	return s, s.change("main", onMain), head
}

// change commits files, of which those with content "-" go.
func (s source) change(subject string, files []string) string {
	for i := 0; i < len(files); i += 2 {
		if files[i+1] == "-" {
			s.git("rm", "-q", files[i])
			continue
		}
		s.write(files[i], files[i+1])
	}
	return s.commit(subject)
}

const ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"

func TestMerge(t *testing.T) {
	edit := func(line, to string) string { return strings.Replace(ten, line+"\n", to, 1) }
	for name, c := range map[string]struct {
		files, onMain, onHead []string
		want, conflict        string
	}{
		"both sides' own files": {[]string{"a/x", "1", "b/y", "1"}, []string{"a/x", "2"}, []string{"b/y", "3", "c", "new"}, "a/x 2\nb/y 3\nc new", ""},
		"the same change":       {[]string{"x", "1"}, []string{"x", "2"}, []string{"x", "2"}, "x 2", ""},
		"lines of one file":     {[]string{"x", ten}, []string{"x", edit("2", "two\n")}, []string{"x", edit("9", "")}, "x 1\ntwo\n3\n4\n5\n6\n7\n8\n10\n", ""},
		"neighbouring lines":    {[]string{"x", ten}, []string{"x", edit("2", "two\n")}, []string{"x", edit("3", "three\n")}, "", `"x"`},
		"a removed folder":      {[]string{"d/x", "1", "d/e/y", "1", "z", "1"}, []string{"d/x", "-", "d/e/y", "-"}, []string{"z", "2"}, "z 2", ""},
		"one file of a folder that goes": {[]string{"d/x", "1", "d/y", "1", "z", "1"}, []string{"d/x", "-", "d/y", "-"}, []string{"d/y", "2"},
			"", `"d/y"`},
		"a new file in a folder that goes": {[]string{"d/x", "1", "z", "1"}, []string{"d/x", "-"}, []string{"d/new", "2"}, "d/new 2\nz 1", ""},
		"two new files of one name":        {[]string{"z", "1"}, []string{"n", "1"}, []string{"n", "2"}, "", `"n"`},
		"new files in one new folder":      {[]string{"z", "1"}, []string{"n/a", "1"}, []string{"n/b", "2"}, "n/a 1\nn/b 2\nz 1", ""},
		"what is no text":                  {[]string{"x", "\x00" + ten}, []string{"x", "\x00" + edit("2", "")}, []string{"x", "\x00" + edit("9", "")}, "", `"x"`},
		"a file that became a folder":      {[]string{"x", "1", "z", "1"}, []string{"x", "-", "x/y", "1"}, []string{"x", "2"}, "", `"x"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, base, head := forked(t, c.files, c.onMain, c.onHead)
			m, err := s.ready().Merge(context.Background(), base, head)
			if c.conflict != "" {
				wantError(t, err, "merge ", "both sides changed the same in "+c.conflict+"; rebase")
				if !errors.Is(err, ErrConflict) {
					t.Errorf("%v is not ErrConflict", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tree, err := m.Tree(".")
			if err != nil {
				t.Fatal(err)
			}
			if got := contents(t, tree); got != c.want {
				t.Errorf("merged it is\n%s\nwant\n%s", got, c.want)
			}
			if m.Base.ID != base || m.Head.ID != head || m.Fork.Subject != "first" || m.Nothing() {
				t.Errorf("it is of %+v, nothing: %v", m, m.Nothing())
			}
		})
	}
}

func TestMergeKeepsModes(t *testing.T) {
	s, base, _ := forked(t, []string{"run", ten}, []string{"run", "0\n" + ten}, nil)
	s.git("checkout", "-q", "head")
	s.git("update-index", "--chmod=+x", "run")
	s.git("commit", "-q", "-m", "runs")
	s.git("reset", "-q", "--hard")
	m, err := s.ready().Merge(context.Background(), base, s.head())
	if err != nil {
		t.Fatal(err)
	}
	s.git("merge", "-q", base)
	if want := s.git("rev-parse", "HEAD^{tree}"); m.draft.root.String() != want {
		t.Errorf("the tree is %s, git's %s", m.draft.root, want)
	}
}

func TestMergeOfWhatIsThere(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	old := s.head()
	now := s.commit("second", "a", "2")
	r := s.ready()
	for _, head := range []string{old, now} {
		if m, err := r.Merge(context.Background(), now, head); err != nil || !m.Nothing() || m.Head.ID != head {
			t.Errorf("%s: %+v, %v", head, m, err)
		}
	}
	m, err := r.Merge(context.Background(), old, now)
	if err != nil || m.Nothing() {
		t.Fatalf("%+v, %v", m, err)
	}
	if tree, err := m.Tree("."); err != nil || contents(t, tree) != "a 2" {
		t.Errorf("ahead: %v", err)
	}
}

func TestMergeRefuses(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	base := s.head()
	s.git("checkout", "-q", "--orphan", "alone")
	alone := s.commit("alone", "a", "1")
	_, err := s.ready().Merge(context.Background(), base, alone)
	wantError(t, err, "merge ", "have no commit in common; rebase")
	if !errors.Is(err, ErrUnrelated) {
		t.Errorf("%v is not ErrUnrelated", err)
	}
	if _, err := s.ready().Merge(context.Background(), base, strings.Repeat("ab", 20)); !errors.Is(err, ErrRevisionNotFound) {
		t.Errorf("of what is not there: %v", err)
	}

	s.git("checkout", "-q", "main")
	s.git("checkout", "-q", "-b", "side")
	s.commit("side", "b", "1")
	s.git("checkout", "-q", "main")
	s.commit("main", "c", "1")
	shallow := source{t, s.dir + "-shallow"}
	s.git("clone", "-q", "--depth", "1", "--no-single-branch", "file://"+s.dir, shallow.dir)
	r := follow(t, shallow.dir)
	var ids []string
	for _, name := range []string{"origin/main", "refs/remotes/origin/side"} {
		c, err := r.Resolve(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	_, err = r.Merge(context.Background(), ids[0], ids[1])
	wantError(t, err, "the history that is here does not tell: fetch all of it (git fetch --unshallow")
}

// TestForkIsGits compares what is found with git merge-base, in histories with
// merges crosswise and with clocks that go backwards.
func TestForkIsGits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a test's
	for range 12 {
		s := newSourceWith(t, "a", "1")
		ids := []string{s.head()}
		tree := s.git("rev-parse", "HEAD^{tree}")
		for i := range 25 {
			parents := []string{"-p", ids[rnd.IntN(len(ids))]}
			if second := ids[rnd.IntN(len(ids))]; rnd.IntN(3) == 0 && second != parents[1] {
				parents = append(parents, "-p", second)
			}
			cmd := exec.Command("git", append([]string{"-C", s.dir, "commit-tree", tree, "-m", fmt.Sprint(i)}, parents...)...)
			when := fmt.Sprintf("%d +0000", 1_700_000_000+i*100+rnd.IntN(90))
			cmd.Env = []string{"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE=" + when, "GIT_COMMITTER_DATE=" + when}
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, strings.TrimSpace(string(out)))
		}
		for i, id := range ids {
			s.git("branch", "-f", fmt.Sprintf("b%d", i), id)
		}
		r := s.ready()
		for range 20 {
			a, b := ids[rnd.IntN(len(ids))], ids[rnd.IntN(len(ids))]
			got, err := r.mirror.fork(context.Background(), mustID(t, a), mustID(t, b))
			if want := strings.Fields(s.git("merge-base", "--all", a, b)); err != nil || !slices.Contains(want, got.String()) {
				t.Errorf("of %s and %s it is %s, %v; git says %s", a, b, got, err, want)
			}
		}
	}
}

// TestMergedLinesAreGits compares merges of random edits with git merge-file.
func TestMergedLinesAreGits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3)) //nolint:gosec // a test's
	s := newSource(t)
	clean := 0
	for range 150 {
		var lines []string
		for i := range 5 + rnd.IntN(25) {
			lines = append(lines, fmt.Sprintf("line %d\n", i))
		}
		edited := func(side string) string {
			out := slices.Clone(lines)
			for range 1 + rnd.IntN(3) {
				i := rnd.IntN(len(out))
				switch rnd.IntN(3) {
				case 0:
					out = slices.Delete(out, i, min(i+1+rnd.IntN(2), len(out)))
				case 1:
					out[i] = fmt.Sprintf("%s %d\n", side, rnd.IntN(1000))
				default:
					out = slices.Insert(out, i, fmt.Sprintf("%s new %d\n", side, rnd.IntN(1000)))
				}
				if len(out) == 0 {
					break
				}
			}
			return strings.TrimSuffix(strings.Join(out, ""), []string{"", "", "\n"}[rnd.IntN(3)])
		}
		fork, base, head := strings.Join(lines, ""), edited("base"), edited("head")
		s.write("fork", fork)
		s.write("base", base)
		s.write("head", head)
		cmd := exec.Command("git", "merge-file", "-p", "-q", "base", "fork", "head")
		cmd.Dir = s.dir
		out, err := cmd.Output()
		got, ok := mergeLines([]byte(fork), []byte(base), []byte(head))
		if ok != (err == nil) || ok && string(got) != string(out) {
			t.Fatalf("fork:\n%s\nbase:\n%s\nhead:\n%s\nmerged (%v):\n%s\ngit (%v):\n%s", fork, base, head, ok, got, err, out)
		}
		if ok {
			clean++
		}
	}
	if clean < 30 {
		t.Errorf("only %d merges of 150 were clean: they tell little", clean)
	}
}

func TestLongFilesAreNotMergedByLines(t *testing.T) {
	long := strings.Repeat("x\n", maxMergedLines+1)
	if _, clean := mergeLines([]byte(long), []byte("1\n"+long), []byte(long+"2\n")); clean {
		t.Error("it was merged, which may take for ever")
	}
}

func TestFetchRef(t *testing.T) {
	s, root, push := pushed(t)
	s.git("checkout", "-q", "-b", "topic")
	asked := s.commit("asked for", "a", "2")
	s.git("push", "-q", "origin", "topic:refs/pull/7/head")
	s.git("checkout", "-q", "main")
	s.git("branch", "-q", "-D", "topic")
	push()
	server := newGitServer(t, root)
	for name, r := range map[string]*Repository{"http": follow(t, server.URL+"/shop.git", withPassword(t, testSecret)), "local": follow(t, s.bareDir())} {
		t.Run(name, func(t *testing.T) {
			main := mustFetch(t, r)
			c, err := r.FetchRef(context.Background(), "refs/pull/7/head")
			if err != nil || c.ID != asked {
				t.Fatalf("fetched %s, %v", c.ID, err)
			}
			if m, err := r.Merge(context.Background(), main.ID, c.ID); err != nil || m.Nothing() {
				t.Errorf("merge: %v", err)
			}
			wantFetch(t, r, main.ID)
			mirror := source{t, r.mirror.dir}
			mirror.git("-c", "safe.directory=*", "gc", "-q", "--prune=now")
			if r.mirror.reopen(); !r.mirror.has(mustID(t, asked)) {
				t.Error("git gc took it away")
			}
			for _, keep := range [][]string{{"refs/pull/7/head"}, nil} {
				if err := r.KeepRefs(context.Background(), keep); err != nil {
					t.Fatal(err)
				}
				mirror.git("-c", "safe.directory=*", "gc", "-q", "--prune=now")
				if r.mirror.reopen(); r.mirror.has(mustID(t, asked)) != (len(keep) == 1) {
					t.Errorf("kept %q, and it is there: %v", keep, r.mirror.has(mustID(t, asked)))
				}
			}
			for _, ref := range []string{"refs/pull/8/head", "main", "pull/7/head", "refs/../x", "HEAD", ""} {
				if _, err := r.FetchRef(context.Background(), ref); !errors.Is(err, ErrRevisionNotFound) {
					t.Errorf("%q: %v", ref, err)
				}
			}
		})
	}
}

// bareDir is where bare has put its clone.
func (s source) bareDir() string { return s.dir + ".git" }

// FuzzMergeLines: a side that changed nothing loses nothing, and the same change
// of both is that change.
func FuzzMergeLines(f *testing.F) {
	f.Add(ten, "1\n2\n", "two\n"+ten)
	f.Add("", "a", "a\r\n\n")
	f.Add("a\n\n\nb", "a\n\nb\n", "\n")
	f.Fuzz(func(t *testing.T, fork, base, head string) {
		for _, c := range [][3]string{{fork, base, base}, {fork, fork, base}, {base, fork, fork}} {
			if got, clean := mergeLines([]byte(c[0]), []byte(c[1]), []byte(c[2])); clean && string(got) != c[2] {
				t.Errorf("of %q, %q and %q it is %q", c[0], c[1], c[2], got)
			}
		}
		one, clean := mergeLines([]byte(fork), []byte(base), []byte(head))
		if other, too := mergeLines([]byte(fork), []byte(head), []byte(base)); clean != too || clean && string(one) != string(other) {
			t.Errorf("of %q, %q and %q it is %q, and the other way round %q", fork, base, head, one, other)
		}
	})
}
