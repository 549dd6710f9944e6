package git

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// maxMergedLines is how long a file may be to be merged line by line: the time
// that takes grows with the square of it.
const maxMergedLines = 5_000

// mergeLines makes both changes to a text, and says whether they go together.
// As with git they do not where they touch each other, unless they are the same.
func mergeLines(fork, base, head []byte) (merged []byte, clean bool) {
	for _, side := range [][]byte{fork, base, head} {
		if !utf8.Valid(side) || bytes.IndexByte(side, 0) >= 0 || bytes.Count(side, []byte("\n")) > maxMergedLines {
			return nil, false
		}
	}
	lines := strings.SplitAfter(string(fork), "\n")
	m := &lineMerge{lines: lines, base: hunks(string(fork), string(base)), head: hunks(string(fork), string(head))}
	return m.run()
}

// hunk replaces the lines of the fork from one on to before another.
type hunk struct {
	from, to int
	text     string
}

// hunks are the changes that make one text of another.
func hunks(from, to string) []hunk {
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // what is found must not depend on the machine
	a, b, lines := dmp.DiffLinesToRunes(from, to)
	var out []hunk
	at, open := 0, false
	for _, d := range dmp.DiffCharsToLines(dmp.DiffMainRunes(a, b, false), lines) {
		n := len(strings.SplitAfter(d.Text, "\n"))
		if strings.HasSuffix(d.Text, "\n") {
			n--
		}
		if d.Type == diffmatchpatch.DiffEqual {
			at, open = at+n, false
			continue
		}
		if !open {
			out, open = append(out, hunk{from: at, to: at}), true
		}
		last := &out[len(out)-1]
		if d.Type == diffmatchpatch.DiffInsert {
			last.text += d.Text
			continue
		}
		at += n
		last.to = at
	}
	return out
}

// lineMerge goes through both sides' hunks at once.
type lineMerge struct {
	lines      []string // of the fork
	base, head []hunk
	at         int // lines of the fork that are dealt with
	out        strings.Builder
}

func (m *lineMerge) run() ([]byte, bool) {
	for len(m.base)+len(m.head) > 0 {
		from, to, ours, theirs := m.region()
		m.copy(from)
		a, b := m.apply(from, to, ours), m.apply(from, to, theirs)
		switch {
		case len(theirs) == 0 || a == b:
			m.out.WriteString(a)
		case len(ours) == 0:
			m.out.WriteString(b)
		default:
			return nil, false
		}
		m.at = to
	}
	m.copy(len(m.lines))
	return []byte(m.out.String()), true
}

// region takes the next hunks of both sides that touch each other.
func (m *lineMerge) region() (from, to int, ours, theirs []hunk) {
	next := func() *[]hunk {
		if len(m.head) == 0 || len(m.base) > 0 && m.base[0].from <= m.head[0].from {
			return &m.base
		}
		return &m.head
	}
	from, to = (*next())[0].from, -1
	for len(m.base)+len(m.head) > 0 {
		side := next()
		h := (*side)[0]
		if to >= 0 && h.from > to {
			break
		}
		if side == &m.base {
			ours = append(ours, h)
		} else {
			theirs = append(theirs, h)
		}
		to, *side = max(to, h.to), (*side)[1:]
	}
	return from, to, ours, theirs
}

// copy takes over what nobody has changed.
func (m *lineMerge) copy(to int) {
	for ; m.at < to; m.at++ {
		m.out.WriteString(m.lines[m.at])
	}
}

// apply is a piece of the fork with some hunks in it.
func (m *lineMerge) apply(from, to int, hunks []hunk) string {
	var b strings.Builder
	for _, h := range hunks {
		b.WriteString(strings.Join(m.lines[from:h.from], ""))
		b.WriteString(h.text)
		from = h.to
	}
	b.WriteString(strings.Join(m.lines[from:to], ""))
	return b.String()
}
