package manifest

import (
	"path"
	"strings"
)

// ignoreFile names files and folders that are not manifests. Its lines are
// those of a .gitignore: # comments, ! takes back, a trailing / means folders
// only, a / elsewhere ties the pattern to the file's own folder, and *, ?,
// [a-z] and ** mean what they do there. A folder that is ignored is not
// entered, so nothing in it can be taken back.
const ignoreFile = ".tallymanignore"

// ignoreRules are the lines of one ignore file; the last one that matches wins.
type ignoreRules []ignoreRule

type ignoreRule struct {
	segments  []string
	anchored  bool
	dirsOnly  bool
	takesBack bool
}

func parseIgnore(text string) ignoreRules {
	var rules ignoreRules
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var r ignoreRule
		line, r.takesBack = strings.CutPrefix(line, "!")
		line, r.dirsOnly = strings.CutSuffix(line, "/")
		r.anchored = strings.Contains(line, "/")
		r.segments = segments(line)
		rules = append(rules, r)
	}
	return rules
}

// segments splits a pattern; a ** at its end stands for at least one segment.
func segments(line string) []string {
	all := strings.Split(strings.TrimPrefix(line, "/"), "/")
	if last := len(all) - 1; all[last] == "**" {
		all = append(all[:last], "*", "**")
	}
	return all
}

// verdict says whether the rules speak of a path relative to their folder, and
// what they say.
func (rules ignoreRules) verdict(name string, isDir bool) (ignored, spoken bool) {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(name, isDir) {
			return !rules[i].takesBack, true
		}
	}
	return false, false
}

func (r ignoreRule) matches(name string, isDir bool) bool {
	if r.dirsOnly && !isDir {
		return false
	}
	if !r.anchored {
		return matchSegments(r.segments, []string{path.Base(name)})
	}
	return matchSegments(r.segments, strings.Split(name, "/"))
}

// matchSegments goes back only to the last **, so that no pattern takes longer
// than the product of both lengths.
func matchSegments(pattern, name []string) bool {
	p, n, star, starName := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, starName = p, n
			p++
		case p < len(pattern) && matchSegment(pattern[p], name[n]):
			p++
			n++
		case star >= 0:
			starName++
			p, n = star+1, starName
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

func matchSegment(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// ignored asks the ignore files from the path's own folder up to the root; the
// nearest one that says something wins.
func (w *walker) ignored(name string, isDir bool) bool {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		rel := strings.TrimPrefix(strings.TrimPrefix(name, dir), "/")
		if dir == "." {
			rel = name
		}
		if ignored, spoken := w.ignores[dir].verdict(rel, isDir); spoken {
			return ignored
		}
		if dir == "." {
			return false
		}
	}
}
