package git

import (
	"os/exec"
	"strings"
	"testing"
)

// messages are written as people and programs write them.
var messages = map[string]string{
	"plain":             "subject\n\nbody\n\nTallyman-Allow-Removals: 12\n",
	"several":           "subject\n\nbody\n\nA: 1\nB: 2\nA: 3\n",
	"only a subject":    "Tallyman-Allow-Removals: 12\n",
	"two line subject":  "subject\nTallyman-Allow-Removals: 12\n",
	"no body":           "subject\n\nTallyman-Allow-Removals: 12",
	"not the last":      "subject\n\nTallyman-Allow-Removals: 12\n\nand then some text\n",
	"text beside":       "subject\n\nthis says\nTallyman-Allow-Removals: 12\n",
	"signed beside":     "subject\n\nthis says\nTallyman-Allow-Removals: 12\nSigned-off-by: Ann <ann@example.com>\n",
	"too much beside":   "subject\n\none\ntwo\nthree\nfour\nfive\nSigned-off-by: Ann <ann@example.com>\n",
	"cherry picked":     "subject\n\nKey: value\n(cherry picked from commit 0123)\n",
	"continued":         "subject\n\nKey: first\n  second\nOther: x\n",
	"spaces before":     "subject\n\nKey : value\n",
	"spaces in the key": "subject\n\nNo key: value\n",
	"no value":          "subject\n\nKey:\nOther:   spaced   \n",
	"indented":          "subject\n\n  Key: value\n",
	"url":               "subject\n\nhttps://example.com/x\n",
	"comment":           "subject\n\nKey: value\n# a comment\n",
	"blank lines":       "subject\n\n\n\nKey: value\n\n\n",
	"blank with spaces": "subject\n  \nKey: value\n",
	"windows":           "subject\r\n\r\nKey: value\r\n",
	"empty":             "",
}

// Git itself is the reference.
func TestTrailersAreWhatGitTakesForTrailers(t *testing.T) {
	for name, message := range messages {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("git", "interpret-trailers", "--parse", "--no-divider")
			cmd.Dir = t.TempDir()
			cmd.Stdin = strings.NewReader(strings.ReplaceAll(message, "\r", ""))
			want, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, trailer := range (Commit{Message: printableLines(message)}).Trailers() {
				got.WriteString(strings.TrimSpace(trailer.Key+": "+trailer.Value) + "\n")
			}
			if got.String() != trimLines(string(want)) {
				t.Errorf("message %q\n got %q\nwant %q", message, got.String(), trimLines(string(want)))
			}
		})
	}
}

// trimLines leaves out what is not a trailer for git's --parse either, but is
// printed by it: git's own line about a cherry-pick.
func trimLines(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "(cherry picked") {
			out.WriteString(strings.TrimSpace(line) + "\n")
		}
	}
	return out.String()
}

func TestCommitShowsMessageAndTrailer(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.commit("clean up\n\nOld things\x1b[31m go.\n\ntallyman-allow-removals: 3\nTallyman-Allow-Removals: 12", "a", "2")
	c := mustFetch(t, follow(t, s.dir))
	if want := "clean up\n\nOld things[31m go.\n\ntallyman-allow-removals: 3\nTallyman-Allow-Removals: 12"; c.Message != want {
		t.Errorf("message %q", c.Message)
	}
	if v, found := c.Trailer("tallyman-ALLOW-removals"); !found || v != "12" {
		t.Errorf("trailer %q, %t: the last one counts, whatever its case", v, found)
	}
	if v, found := c.Trailer("Other"); found {
		t.Errorf("a trailer that is not there: %q", v)
	}
}
