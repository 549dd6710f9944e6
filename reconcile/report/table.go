package report

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// cell is a piece of a table: colours are put on after the columns are laid
// out, because they take no room.
type cell struct{ text, color string }

func word(text string) cell           { return cell{text: text} }
func colored(text, color string) cell { return cell{text, color} }
func (c cell) width() int             { return utf8.RuneCountInString(c.text) }

// table writes rows in columns, each as wide as its widest cell; the last one
// is as long as it is. An indent stands before every line.
func (t *text) table(indent string, rows [][]cell) {
	rows = shortDigests(rows)
	widths := columnWidths(rows)
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(t.paint(cell.color, cell.text))
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-cell.width()+2))
			}
		}
		t.WriteString(strings.TrimRight(indent+line.String(), " "))
		t.WriteByte('\n')
	}
}

// digested is a reference with a whole digest, of which people need no more than
// the beginning.
var digested = regexp.MustCompile(`[^\s@]+@sha256:[0-9a-f]{64}`)

// shortDigests cuts digests where something follows them, which they would push
// off the screen. What is the last of its row is told as it is.
func shortDigests(rows [][]cell) [][]cell {
	short := make([][]cell, len(rows))
	for i, row := range rows {
		short[i] = slices.Clone(row)
		for j := range max(0, len(row)-1) {
			short[i][j].text = digested.ReplaceAllStringFunc(row[j].text, model.ShortImage)
		}
	}
	return short
}

// columnWidths leaves out the last cell of each row, which nothing follows.
func columnWidths(rows [][]cell) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:max(0, len(row)-1)] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], cell.width())
		}
	}
	return widths
}

// header is a table's first row.
func header(names ...string) []cell {
	row := make([]cell, len(names))
	for i, name := range names {
		row[i] = colored(name, bold)
	}
	return row
}
