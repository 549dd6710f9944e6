package settings

import "fmt"

// DidYouMean is ` (did you mean "state-dir"?)` for a name that is close to one
// of those that exist, or nothing.
func DidYouMean(name string, names []string) string {
	best, distance := "", 3
	for _, candidate := range names {
		if d := editDistance(name, candidate); d < distance && d < len(name) {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance is how many letters have to be put in, left out or exchanged.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
