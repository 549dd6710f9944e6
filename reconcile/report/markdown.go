package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Markdown is read by forges, which make more of a text than its author meant:
// markup, HTML, mentions that notify people, numbers that become links. What
// comes from manifests, commits and hosts must be none of that.

// apart keeps what stands before it from meaning something together with what
// follows. It has no width.
const apart = "\u200b"

// longestText is how many characters of one foreign text are shown.
const longestText = 400

// markup are characters that Markdown or HTML make something of.
const markup = "&<>`*~[]|\\${}"

// beckoning begin a mention or a reference to something else, in one forge or
// another.
const beckoning = "@#!%~&$^"

// Escaped is a foreign text in one line, as it is: for any place in Markdown but its
// code.
func Escaped(text string) string { return escaped(text) }

// escaped is a foreign text in one line, as it is: for any place in Markdown but
// its code.
func escaped(s string) string {
	runes := []rune(upTo(longestText, clean(strings.Map(visible, s))))
	var b strings.Builder
	for i, r := range runes {
		switch {
		case strings.ContainsRune(markup, r), r == '_' && !(wordAt(runes, i-1) && wordAt(runes, i+1)):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
		if strings.ContainsRune(beckoning, r) || r == ':' && at(runes, i+1) == '/' || r == '.' && i >= 3 && strings.EqualFold(string(runes[i-3:i]), "www") {
			b.WriteString(apart)
		}
	}
	return b.String()
}

// upTo is the beginning of a text.
func upTo(most int, s string) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// visible leaves out what has no shape of its own: it could make a text look like
// another one.
func visible(r rune) rune {
	switch {
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.In(r, unicode.Zl, unicode.Zp):
		return ' '
	}
	return r
}

func at(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return 0
	}
	return runes[i]
}

func wordAt(runes []rune, i int) bool {
	r := at(runes, i)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// code is a name in the type of code, in which forges look for nothing.
func code(s string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -._:/@+=,()", r))
	}
	if s != "" && s == strings.TrimSpace(s) && len(s) <= longestText && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return "`" + s + "`"
	}
	return "<code>" + escaped(s) + "</code>"
}

// verbatim is a text in one line that can be copied: in the type of code, with no mark
// in it that nobody sees. No run of backticks in it is as long as those around it. It is
// for any place but a table, where a bar would end the cell.
func verbatim(s string) string {
	text := upTo(longestText, strings.Join(strings.Fields(clean(strings.Map(visible, s))), " "))
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " " // which are left out again
	}
	fence := strings.Repeat("`", longest+1)
	return fence + text + fence
}

// markdown is a text that must not be longer than a forge takes. What does not fit
// is counted.
type markdown struct {
	strings.Builder
	limit int // 0 is none
	end   int // how much the end takes, which always fits
	left  int
}

func (m *markdown) fits(s string) bool { return m.limit <= 0 || m.Len()+len(s)+m.end <= m.limit }

// lines adds lines as far as they fit, between a head and a foot, or none of it.
// No line is left out before one that is shown.
func (m *markdown) lines(head, foot string, lines []string) {
	m.end += len(foot)
	shown := 0
	for _, line := range lines {
		if shown == 0 {
			line = head + line
		}
		if !m.fits(line) {
			break
		}
		m.WriteString(line)
		shown++
	}
	m.end -= len(foot)
	m.left += len(lines) - shown
	if shown > 0 {
		m.WriteString(foot)
	}
}
