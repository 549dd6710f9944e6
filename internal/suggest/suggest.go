// Package suggest helps out with what a person may have meant by a name that there
// is not.
package suggest

import (
	"fmt"
	"slices"
	"strings"
)

// Closest is the word that another one was most likely meant to be, or "" when none
// is close. Of equally close ones it is the first in order.
func Closest(word string, words []string) string {
	best, limit := "", slack(word)
	for _, w := range slices.Sorted(slices.Values(words)) {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d <= limit {
			best, limit = w, d-1
		}
	}
	return best
}

// slack is how many mistakes a word of this length may have: of a short one little
// would be left.
func slack(word string) int {
	if len(word) < 2 {
		return 0
	}
	return max(1, min(3, len(word)/3))
}

// DidYouMean is ` (did you mean "state-dir"?)` for a name that is close to one of
// those that there are, or nothing.
func DidYouMean(name string, names []string) string {
	if meant := Closest(name, names); meant != "" {
		return fmt.Sprintf(" (did you mean %q?)", meant)
	}
	return ""
}

// listed is how many names a message has room for.
const listed = 10

// Among is the names that there are, `; there is a, b`. Where a message has no room
// for all it is DidYouMean, or else the first ten.
func Among(name string, names []string) string {
	switch meant := DidYouMean(name, names); {
	case len(names) == 0:
		return "; there is none"
	case len(names) > listed && meant != "":
		return meant
	}
	return "; there is " + List(names)
}

// List is the names in words, of many the first ten.
func List(names []string) string {
	more := ""
	if n := len(names) - listed; n > 0 {
		names, more = names[:listed], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

// longest is the longest word that is compared; nobody mistypes longer ones.
const longest = 100

// distance is how many letters have to be put in, left out, exchanged, or swapped
// with the next one (the optimal string alignment distance).
func distance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return longest
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
