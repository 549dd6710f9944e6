package forge

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRemarks bounds what one call puts onto a pull request: after that many
// nobody reads on, and forges begin to refuse.
const maxRemarks = 30

// patch is what a pull request changes in one file.
type patch struct {
	oldPath, path string
	diff          string // hunks of a unified diff
}

// remark is a note with its place.
type remark struct {
	Note
	oldPath string
	oldLine int // the line's number before the change, 0 for a new one
	body    string
}

// Annotate implements Forge.
func (c *client) Annotate(ctx context.Context, number int, commit string, notes []Note) error {
	if len(notes) == 0 {
		return nil
	}
	err := c.alone(ctx, func() error { return c.annotate(ctx, number, commit, notes) })
	return c.wire.wrap(err, "remark on lines of pull request %d", number)
}

func (c *client) annotate(ctx context.Context, number int, commit string, notes []Note) error {
	p, err := c.pull(ctx, number)
	if err != nil || p.Head != commit {
		return err
	}
	account, err := c.account(ctx)
	if err != nil {
		return err
	}
	there, err := c.lineComments(ctx, number, account)
	if err != nil {
		return err
	}
	patches, err := c.patches(ctx, number)
	if err != nil {
		return err
	}
	remarks := c.shown(unsaid(notes, there, account), patches)
	if len(remarks) == 0 {
		return nil
	}
	return c.addLineComments(ctx, p, remarks[:min(len(remarks), maxRemarks)])
}

// unsaid are the notes of which there is no comment of ours yet.
func unsaid(notes []Note, there []comment, account string) []Note {
	said := map[string]bool{}
	for _, m := range there {
		if lines := strings.Split(strings.TrimSpace(m.body), "\n"); strings.EqualFold(m.author, account) {
			said[strings.TrimSpace(lines[len(lines)-1])] = true
		}
	}
	var out []Note
	for _, n := range notes {
		if !said[n.mark()] {
			out = append(out, n)
			said[n.mark()] = true
		}
	}
	return out
}

// mark is the last line of a note's comment, by which it is known again.
func (n Note) mark() string {
	sum := sha256.Sum256([]byte(n.Path + "\x00" + strconv.Itoa(n.Line) + "\x00" + n.Text))
	return hidden(fmt.Sprintf("tallyman:note:%x", sum[:8]))
}

// shown are the notes on lines that the patches show.
func (c *client) shown(notes []Note, patches []patch) []remark {
	byPath := map[string]patch{}
	for _, p := range patches {
		byPath[p.path] = p
	}
	var out []remark
	for _, n := range notes {
		p, found := byPath[n.Path]
		oldLine, visible := newLines(p.diff)[n.Line]
		if !found || !visible {
			continue
		}
		text := strings.ToValidUTF8(n.Text, "�")
		if utf8.RuneCountInString(text) > c.BodyLimit() {
			text = string([]rune(text)[:c.BodyLimit()-1]) + "…"
		}
		out = append(out, remark{Note: n, oldPath: p.oldPath, oldLine: oldLine, body: text + "\n\n" + n.mark()})
	}
	return out
}

// summary goes with remarks where the forge wants a text for all of them.
func summary(remarks []remark) string {
	if len(remarks) == 1 {
		return "1 remark on a line of this pull request."
	}
	return fmt.Sprintf("%d remarks on lines of this pull request.", len(remarks))
}

var hunkHeader = regexp.MustCompile(`^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@`)

// newLines are the lines of the changed file that a diff shows: each with its
// number before the change, or 0 when it is new.
func newLines(diff string) map[int]int {
	lines := map[int]int{}
	before, after := 0, 0
	for line := range strings.SplitSeq(diff, "\n") {
		if m := hunkHeader.FindStringSubmatch(line); m != nil {
			before, _ = strconv.Atoi(m[1])
			after, _ = strconv.Atoi(m[2])
			continue
		}
		if after == 0 || line == "" {
			continue
		}
		switch line[0] {
		case '+':
			lines[after] = 0
			after++
		case '-':
			before++
		case ' ':
			lines[after] = before
			before, after = before+1, after+1
		}
	}
	return lines
}

// splitDiff takes the diff of several files apart. A file whose name git
// quotes is left out.
func splitDiff(diff string) []patch {
	var out []patch
	for part := range strings.SplitSeq("\n"+diff, "\ndiff --git ") {
		head, hunks, found := strings.Cut(part, "\n@@ ")
		if !found {
			continue
		}
		p := patch{diff: "@@ " + hunks}
		for line := range strings.SplitSeq(head, "\n") {
			if name, ok := strings.CutPrefix(line, "--- a/"); ok {
				p.oldPath = strings.TrimRight(name, "\t")
			}
			if name, ok := strings.CutPrefix(line, "+++ b/"); ok {
				p.path = strings.TrimRight(name, "\t")
			}
		}
		if p.path != "" {
			out = append(out, p)
		}
	}
	return out
}
