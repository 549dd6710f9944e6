package manifest_test

import (
	"strings"
	"testing"
	"time"
)

func TestIgnoreFile(t *testing.T) {
	for name, c := range map[string]struct {
		rules   string
		ignored []string
		kept    []string
	}{
		"names anywhere":       {"x.yaml", []string{"x.yaml", "a/b/x.yaml"}, []string{"y.yaml", "x.yaml.yaml"}},
		"folders":              {"charts/", []string{"charts/a.yaml", "a/charts/b.yaml"}, []string{"a/charts.yaml"}},
		"a folder's file":      {"/a/x.yaml", []string{"a/x.yaml"}, []string{"b/a/x.yaml", "x.yaml"}},
		"anchored in the root": {"/x.yaml", []string{"x.yaml"}, []string{"a/x.yaml"}},
		"stars":                {"*-ci.yaml\na/*/c.yaml", []string{"x-ci.yaml", "b/y-ci.yaml", "a/b/c.yaml"}, []string{"ci.yaml", "a/b/d/c.yaml"}},
		"question marks":       {"?.yaml", []string{"a.yaml"}, []string{"ab.yaml"}},
		"classes":              {"[ab].yaml", []string{"a.yaml", "b.yaml"}, []string{"c.yaml"}},
		"double stars":         {"a/**/z.yaml", []string{"a/z.yaml", "a/b/z.yaml", "a/b/c/z.yaml"}, []string{"z.yaml", "b/z.yaml"}},
		"all below":            {"a/**", []string{"a/x.yaml", "a/b/c.yaml"}, []string{"b/x.yaml"}},
		"taken back":           {"*.yaml\n!keep.yaml", []string{"a.yaml", "b/c.yaml"}, []string{"keep.yaml", "b/keep.yaml"}},
		"comments, CRLF":       {"# a.yaml\r\n\r\nb.yaml \r\n", []string{"b.yaml"}, []string{"a.yaml"}},
		"a broken pattern":     {"[a.yaml", nil, []string{"a.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := tree(".tallymanignore", c.rules, "always/there.yml", doc("Volume", "there", ""))
			for _, f := range c.ignored {
				fsys[f] = tree(f, "not a manifest")[f]
			}
			for i, f := range c.kept {
				fsys[f] = tree(f, doc("Volume", "v"+string(rune('a'+i)), ""))[f]
			}
			if got := len(load(t, fsys).Volumes); got != len(c.kept)+1 {
				t.Errorf("%d documents, want %d", got, len(c.kept)+1)
			}
		})
	}
}

// The ignore file nearest to a file has the last word.
func TestIgnoreFilesInFolders(t *testing.T) {
	set := load(t, tree(
		".tallymanignore", "ci.yaml\n",
		"ci.yaml", "no",
		"a/ci.yaml", "no",
		"b/.tallymanignore", "!ci.yaml\nother.yaml\n",
		"b/ci.yaml", doc("Volume", "v", ""),
		"b/other.yaml", "no",
		"b/c/other.yaml", "no",
		"other.yaml", doc("Volume", "w", ""),
	))
	if len(set.Volumes) != 2 || set.Volumes[0].File != "b/ci.yaml" || set.Volumes[1].File != "other.yaml" {
		t.Errorf("volumes %+v", set.Volumes)
	}
}

// A pattern that would take for ever with a careless matcher.
func TestIgnorePatternsStayCheap(t *testing.T) {
	deep := strings.Repeat("a/", 60) + "x.yaml"
	fsys := tree(".tallymanignore", strings.Repeat("**/a/", 25)+"never\n", deep, doc("Volume", "v", ""))
	done := make(chan struct{})
	go func() {
		defer close(done)
		load(t, fsys)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("matching does not come to an end")
	}
}
