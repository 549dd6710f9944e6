package forge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
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
func (c *client) Annotate(ctx context.Context, r Remarks) error {
	err := c.alone(ctx, func() error { return c.annotate(ctx, r) })
	return c.wire.wrap(err, "remark on lines of pull request %d", r.PullRequest)
}

// annotate ends old remarks also where new ones are refused.
func (c *client) annotate(ctx context.Context, r Remarks) error {
	p, err := c.pull(ctx, r.PullRequest)
	if err != nil || p.Head != r.Commit {
		return err
	}
	account, err := c.account(ctx)
	if err != nil {
		return err
	}
	list, err := c.lineComments(ctx, p.Number, account)
	if err != nil {
		return err
	}
	unsaid, over := r.compare(r.ours(list, account))
	failed := []error{c.remark(ctx, p, r, unsaid)}
	for _, m := range over {
		if err := c.endLineComment(ctx, p.Number, m.comment); ClassOf(err) != NotFound { // somebody was faster
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// remark makes the comments on lines that are shown.
func (c *client) remark(ctx context.Context, p PullRequest, r Remarks, notes []Note) error {
	if len(notes) == 0 {
		return nil
	}
	patches, err := c.patches(ctx, p.Number)
	if err != nil {
		return err
	}
	remarks := c.shown(r, notes, patches)
	if len(remarks) == 0 {
		return nil
	}
	return c.addLineComments(ctx, p, remarks[:min(len(remarks), maxRemarks)])
}

// said is a remark that is there.
type said struct {
	comment
	about string // the file and the text
	line  int    // where it was made
}

// ours are those comments that were made of our notes.
func (r Remarks) ours(list []comment, account string) []said {
	form := regexp.MustCompile("^" + regexp.QuoteMeta("<!-- "+r.Marker+":note:") + `([0-9a-f]+):([0-9]+) -->$`)
	var out []said
	for _, m := range list {
		lines := strings.Split(strings.TrimSpace(m.body), "\n")
		if found := form.FindStringSubmatch(strings.TrimSpace(lines[len(lines)-1])); found != nil && strings.EqualFold(m.author, account) {
			line, _ := strconv.Atoi(found[2])
			out = append(out, said{m, found[1], line})
		}
	}
	return out
}

// compare gives the notes of which nothing is said yet, and what is said of none any
// more. A note is the same while file and text are, since lines move with what is put
// above them; of several that are the same in that the nearest belong together.
func (r Remarks) compare(there []said) (unsaid []Note, over []said) {
	type pair struct{ note, said, apart int }
	var pairs []pair
	for i, n := range r.Notes {
		if slices.Contains(r.Notes[:i], n) {
			continue
		}
		for j, m := range there {
			if m.about == n.about() && !m.outdated {
				pairs = append(pairs, pair{i, j, max(n.Line-m.line, m.line-n.Line)})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return a.apart - b.apart })
	noted, kept := map[int]bool{}, map[int]bool{}
	for _, p := range pairs {
		if !noted[p.note] && !kept[p.said] {
			noted[p.note], kept[p.said] = true, true
		}
	}
	for i, n := range r.Notes {
		if !noted[i] && !slices.Contains(r.Notes[:i], n) {
			unsaid = append(unsaid, n)
		}
	}
	for j, m := range there {
		if !kept[j] {
			over = append(over, m)
		}
	}
	return unsaid, over
}

// about is what a note is known by wherever its line goes.
func (n Note) about() string {
	sum := sha256.Sum256([]byte(n.Path + "\x00" + n.Text))
	return fmt.Sprintf("%x", sum[:8])
}

// mark is the last line of a note's comment, by which it is known again.
func (r Remarks) mark(n Note) string {
	return hidden(fmt.Sprintf("%s:note:%s:%d", r.Marker, n.about(), n.Line))
}

// shown are the notes on lines that the patches show.
func (c *client) shown(r Remarks, notes []Note, patches []patch) []remark {
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
		out = append(out, remark{Note: n, oldPath: p.oldPath, oldLine: oldLine, body: text + "\n\n" + r.mark(n)})
	}
	return out
}

// summary goes with remarks where the forge wants a text for all of them. It stays
// when they have gone.
const summary = "Remarks on lines of this pull request, which are taken away when they no longer hold."

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
