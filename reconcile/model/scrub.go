package model

import (
	"slices"
	"strconv"
	"strings"
)

const (
	// shortestScrubbed is how long a value must be to be looked for in texts:
	// shorter ones are in every other word.
	shortestScrubbed = 4
	scrubbed         = "***"
)

// Scrub takes secret values out of a text that somebody else made, such as a
// program's log. The lines of a value count one by one: a program that complains
// of one quotes a line of it. They are also found in quotes, as programs print
// what they do not trust.
func Scrub(text string, values []string) string {
	if text == "" {
		return text
	}
	var parts []string
	for _, value := range values {
		parts = append(parts, value)
		for line := range strings.Lines(value) {
			parts = append(parts, strings.TrimSpace(line))
		}
	}
	for _, part := range slices.Clone(parts) {
		if quoted := strconv.Quote(part); quoted != `"`+part+`"` {
			parts = append(parts, quoted[1:len(quoted)-1])
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) }) // whole values before their parts
	for _, part := range parts {
		if len(part) >= shortestScrubbed {
			text = strings.ReplaceAll(text, part, scrubbed)
		}
	}
	return text
}
