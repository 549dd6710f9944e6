package git

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// TestPatchCommandsDoWhatAnEditDoes in every corner of a file.
func TestPatchCommandsDoWhatAnEditDoes(t *testing.T) {
	long := strings.Repeat("a\nb\n", 10)
	for name, tc := range map[string]struct{ before, after string }{
		"exchanged":          {long + "x\n" + long, long + "y\n" + long},
		"put in":             {long + long, long + "y\n" + long},
		"at the beginning":   {"x\n" + long, "y\n" + long},
		"at the end":         {long + "x\n", long + "x\ny\n"},
		"without a line end": {long + "x", long + "x\ny"},
		"exchanged there":    {"x", "y"},
		"with carriages":     {"a\r\nx\r\nb\r\n", "a\r\nx\r\ny\r\nb\r\n"},
		"what repeats":       {"a\na\na\n", "a\na\na\na\n"},
		"the shell's words":  {"$HOME `x` 'y'\n", "$HOME `x` 'z'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			const file = "some hosts/it's.yaml"
			s := newSourceWith(t, file, tc.before)
			s.run(follow(t, s.dir).PatchCommands(EditOptions{Message: "Drain host a\n\nit's time"}, Patch{file, []byte(tc.before), []byte(tc.after)}))
			if want := plumbing.ComputeHash(plumbing.BlobObject, []byte(tc.after)).String(); s.git("rev-parse", "HEAD:"+file) != want {
				t.Errorf("made %q, want %q", s.git("show", "HEAD:"+file), tc.after)
			}
			if message := s.git("log", "-1", "--format=%B"); message != "Drain host a\n\nit's time" {
				t.Errorf("message %q", message)
			}
		})
	}
}

// TestPatchCommandsForRemoteRepositories end on a branch for review.
func TestPatchCommandsForRemoteRepositories(t *testing.T) {
	h := httpsHost(t)
	h.commit("first", "hosts.yaml", "x\n")
	h.push()
	h.run(h.follow().PatchCommands(EditOptions{Message: "Drain host a"}, Patch{"hosts.yaml", []byte("x\n"), []byte("y\n")}))
	if h.there("drain-host-a") != h.head() || h.git("show", "HEAD:hosts.yaml") != "y" {
		t.Error("the branch was not pushed")
	}
}
