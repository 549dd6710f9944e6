package report

import "io"

// MovesText writes moves of replicas as a table: what, from where, to where, and
// why.
func MovesText(w io.Writer, moves [][]string, style Style) error {
	t := &text{Style: style}
	rows := [][]cell{header("MOVE", "FROM", "TO", "WHY")}
	for _, m := range moves {
		var row []cell
		for _, column := range m {
			row = append(row, word(clean(column)))
		}
		rows = append(rows, row)
	}
	t.table("", rows)
	return t.to(w)
}
