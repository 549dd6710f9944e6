package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Style is what a piece of text is written for. The zero value is for files
// and pipes: no colours, lines as long as they come.
type Style struct {
	Color bool
	// Width is the terminal's; 0 is no terminal. Only lines that are drawn over
	// again are cut to it: elsewhere a long reason is worth a second line.
	Width int
}

// The colours, by what they mean.
const (
	plain  = ""
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	purple = "35"
	dim    = "2"
	alarm  = "1;31"
)

func (s Style) paint(color, text string) string {
	if !s.Color || color == plain || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// clean makes one harmless line of a text that comes from outside: what a
// container printed or a stranger called a pull request must not move the cursor of
// whoever reads its status, nor turn around what stands beside it.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || r == utf8.RuneError:
			return -1
		}
		return visible(r)
	}, s)
	return strings.TrimSpace(s)
}

// short is a revision as people write it.
func short(revision string) string { return revision[:min(8, len(revision))] }

// ago is how long before now t was, in one unit.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func healthColor(h Health) string {
	switch h {
	case Healthy:
		return green
	case Progressing, Suspended:
		return yellow
	case Unknown:
		return purple
	}
	return red
}

func syncColor(s Sync) string {
	switch s {
	case Synced:
		return green
	case OutOfSync:
		return yellow
	}
	return purple
}

// or gives a dash for what is not known, so that columns stay columns.
func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// text gathers what is to be written, so that there is one place where writing
// can fail.
type text struct {
	strings.Builder
	Style
}

func (t *text) line(format string, args ...any) {
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

// gap is an empty line, unless there is nothing above it.
func (t *text) gap() {
	if t.Len() > 0 {
		t.WriteByte('\n')
	}
}

func (t *text) to(w io.Writer) error {
	_, err := io.WriteString(w, t.String())
	return err
}
