package git

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// randomFiles is a few files under so few names that one commit's file is
// another's folder.
func randomFiles(random *rand.Rand) []string {
	files := map[string]bool{}
	for range 3 + random.IntN(8) {
		var names []string
		for range 1 + random.IntN(4) {
			names = append(names, string(rune('a'+random.IntN(3))))
		}
		name := strings.Join(names, "/")
		for other := range files {
			if strings.HasPrefix(other+"/", name+"/") || strings.HasPrefix(name+"/", other+"/") {
				delete(files, other)
			}
		}
		files[name] = true
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, name, fmt.Sprint(random.IntN(3)))
	}
	return list
}

// Whatever two commits look like, Restore and git come to the same files, and
// a work tree is clean afterwards.
func TestRestoreAgreesWithGitOnAnyTrees(t *testing.T) {
	restored := 0
	for seed := range uint64(16) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // it must be the same each time
			s := newSource(t)
			good := s.commit("good", append(randomFiles(random), "d/kept", "x")...)
			s.git("rm", "-q", "-r", ".")
			head := s.commit("bad", append(randomFiles(random), "e", "x")...)
			o := restoring([]string{"", "a", "a", "a/b"}[random.IntN(4)], good)
			for _, name := range []string{"a", "b"} {
				if random.IntN(2) == 0 && isFolder(s, head, filepath.Join(o.Path, name)) && isFolder(s, good, filepath.Join(o.Path, name)) {
					o.Except = append(o.Except, filepath.Join(o.Path, name))
				}
			}
			clone := source{t, s.dir + "-clone"}
			s.git("clone", "-q", s.dir, clone.dir)
			c, err := follow(t, s.dir).Restore(context.Background(), o)
			if err != nil {
				s.wantClean(head)
				t.Logf("%q except %q: %v", o.Path, o.Except, err)
				return
			}
			restored++
			s.wantClean(c.ID)
			clone.run(follow(t, clone.dir).RestoreCommands(o))
			if got, want := s.files("HEAD"), clone.files("HEAD"); got != want {
				t.Errorf("%q except %q gives\n%s\nand git makes it\n%s", o.Path, o.Except, got, want)
			}
		})
	}
	if restored < 7 {
		t.Errorf("only %d trees were restored: the test shows little", restored)
	}
}

func isFolder(s source, rev, path string) bool {
	return strings.Contains(s.git("ls-tree", "-d", rev, path), " tree ")
}

// Several who commit at the same time all get theirs in.
func TestEditorsAtTheSameTime(t *testing.T) {
	for name, make := range map[string]func(*testing.T) host{"https": httpsHost, "file": fileHost} {
		t.Run(name, func(t *testing.T) {
			h := make(t)
			const editors, edits = 3, 3
			var wg sync.WaitGroup
			for i := range editors {
				r := h.follow()
				wg.Go(func() {
					for j := range edits {
						if err := edit1(r, func(d *Draft) error { return d.WriteFile(fmt.Sprintf("by/%d-%d", i, j), []byte("x")) }); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if n := h.git("-C", h.bare, "rev-list", "--count", h.head()+"..main"); n != fmt.Sprint(editors*edits) {
				t.Errorf("%s commits", n)
			}
			if files := strings.Fields(h.git("-C", h.bare, "ls-tree", "-r", "--name-only", "main", "by/")); len(files) != editors*edits {
				t.Errorf("files %v", files)
			}
			h.git("-C", h.bare, "fsck", "--strict")
		})
	}
}
