package report

import (
	"io"
	"slices"
	"strings"
)

// DiffText writes each change with one line per difference.
func DiffText(w io.Writer, changes []Change, style Style) error {
	t := &text{Style: style}
	for i := range changes {
		c := &changes[i]
		symbol, color := symbolOf(c.Verdict)
		name := keyText(c.Key)
		if c.Host != "" {
			name += " on " + c.Host
		}
		t.line("%s", t.paint(color, symbol+" "+name))
		for _, reason := range c.Reasons {
			t.line("    %s", clean(reason))
		}
		for _, d := range c.Ignored {
			t.line("    ignored: %s", clean(d.String()))
		}
		if c.Held != "" && !slices.Contains(c.Reasons, c.Held) {
			t.line("    %s", clean(waitText(c.Held)))
		}
	}
	return t.to(w)
}

// OpenText writes what is still to be done, which apps are held to another
// revision, and which hosts are out of reach.
func OpenText(w io.Writer, s *Status, style Style) error {
	t := &text{Style: style}
	for i := range s.Apps {
		if a := &s.Apps[i]; a.Held != nil {
			t.line("app %s: %s", a.Name, clean(a.Reason))
		}
	}
	t.statusHosts(s)
	t.openChanges(s)
	return t.to(w)
}

// LogLines are the last n lines of a log, fit to be printed.
func LogLines(log string, n int) []string {
	var lines []string
	for line := range strings.Lines(log) {
		lines = append(lines, strings.TrimRight(clean("|"+line), " ")[1:])
	}
	return lines[max(0, len(lines)-n):]
}
