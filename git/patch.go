package git

import (
	"fmt"
	"strings"
)

// Patch is a file before and after a change in one place.
type Patch struct {
	Path          string
	Before, After []byte
}

// patchContext is how many lines around the change are shown.
const patchContext = 3

// String is the patch as `git apply` takes it.
func (p Patch) String() string {
	before, after := strings.SplitAfter(string(p.Before), "\n"), strings.SplitAfter(string(p.After), "\n")
	same := commonLines(before, after, func(list []string, i int) string { return list[i] })
	tail := commonLines(before[same:], after[same:], func(list []string, i int) string { return list[len(list)-1-i] })
	begin := max(same-patchContext, 0)
	rest := before[len(before)-tail:]
	rest = rest[:min(patchContext, len(rest))]
	var b strings.Builder
	hunk := func(sign string, list []string) (n int) {
		for _, line := range list {
			if line == "" {
				continue // what follows the last line end
			}
			n++
			b.WriteString(sign + line)
			if !strings.HasSuffix(line, "\n") {
				b.WriteString("\n\\ No newline at end of file\n")
			}
		}
		return n
	}
	head := hunk(" ", before[begin:same])
	gone := hunk("-", before[same:len(before)-tail])
	come := hunk("+", after[same:len(after)-tail])
	foot := hunk(" ", rest)
	name := p.Path
	if strings.Contains(name, " ") {
		name += "\t" // as git ends such a name
	}
	return fmt.Sprintf("--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n%s", name, name, begin+1, head+gone+foot, begin+1, head+come+foot, b.String())
}

// commonLines is how many lines two lists begin or end with alike.
func commonLines(a, b []string, at func(list []string, i int) string) int {
	n := 0
	for n < len(a) && n < len(b) && at(a, n) == at(b, n) {
		n++
	}
	return n
}
