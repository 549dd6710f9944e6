package git

import (
	"slices"
	"strings"
)

// Trailer is a line "Key: value" at the end of a commit's message, with which
// people say something to programs.
type Trailer struct{ Key, Value string }

// Trailers are those of the message, in its order. What counts as one is as in
// git interpret-trailers: the last paragraph, unless it is the first as well,
// when all its lines are trailers, or when one of them is git's own and a
// quarter of them are trailers.
func (c Commit) Trailers() []Trailer {
	var trailers []Trailer
	for _, line := range trailerBlock(strings.Split(c.Message, "\n")) {
		key, value, found := splitTrailer(line)
		switch {
		case found:
			trailers = append(trailers, Trailer{key, value})
		case indented(line) && len(trailers) > 0: // goes on where the line before ended
			last := &trailers[len(trailers)-1]
			last.Value = strings.TrimSpace(last.Value + " " + strings.TrimSpace(line))
		}
	}
	return trailers
}

// Trailer is the value of the last trailer with the key, whose case does not
// count.
func (c Commit) Trailer(key string) (value string, found bool) {
	for _, t := range slices.Backward(c.Trailers()) {
		if strings.EqualFold(t.Key, key) {
			return t.Value, true
		}
	}
	return "", false
}

// trailerBlock is the lines in which trailers are, or nothing.
func trailerBlock(lines []string) []string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, "#") })
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for i, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) == "" {
			return onlyTrailers(lines[i+1:])
		}
	}
	return nil
}

func onlyTrailers(block []string) []string {
	var trailers, others, continued int
	gits := false
	for i, line := range block {
		_, _, is := splitTrailer(line)
		gitsOwn := strings.HasPrefix(line, "Signed-off-by: ") || strings.HasPrefix(line, "(cherry picked from commit ")
		switch {
		case is || gitsOwn:
			trailers++
			gits = gits || gitsOwn
		case indented(line) && i > 0:
			continued++
		default:
			others++
		}
	}
	const share = 3 // others for each trailer, at most
	if trailers > 0 && others == 0 || gits && trailers*share >= others {
		return block
	}
	return nil
}

func indented(line string) bool { return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") }

// splitTrailer takes a trailer's line apart: letters, digits and dashes, then
// perhaps spaces, then a colon.
func splitTrailer(line string) (key, value string, is bool) {
	before, after, found := strings.Cut(line, ":")
	key = strings.TrimRight(before, " \t")
	if !found || key == "" || strings.ContainsFunc(key, notInKey) {
		return "", "", false
	}
	return key, strings.TrimSpace(after), true
}

func notInKey(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}
