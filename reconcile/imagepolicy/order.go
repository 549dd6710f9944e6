package imagepolicy

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// versions are ordered as semantic versions are.
type versions struct{ constraint *semver.Constraints }

func parseSemver(constraint string) (order, error) {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return nil, errors.New("is not a range of semantic versions such as \">=1.4 <2\"")
	}
	return versions{c}, nil
}

// allows takes whole versions only: 1.4 and 1 are names that move from one version
// to the next. Prereleases are for constraints that name one themselves.
func (o versions) allows(tag string) bool {
	v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
	return err == nil && o.constraint.Check(v)
}

func (o versions) knows(tag string) bool {
	_, err := semver.NewVersion(tag)
	return err == nil
}

func (o versions) compare(a, b string) int {
	x, errX := semver.NewVersion(a)
	y, errY := semver.NewVersion(b)
	if errX != nil || errY != nil {
		return 0 // nobody asks: neither is known
	}
	return x.Compare(y)
}

// pattern orders tags by a part of them.
type pattern struct {
	expression *regexp.Regexp
	group      int
	numeric    bool
}

func parsePattern(expression, by string) (order, error) {
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("is not a regular expression of Go's syntax: %w", err)
	}
	p := pattern{compiled, min(1, compiled.NumSubexp()), by != Alphabetic}
	named := 0
	for i, name := range compiled.SubexpNames() {
		if name != "" {
			named, p.group = named+1, i
		}
	}
	if named > 1 || named == 0 && compiled.NumSubexp() > 1 {
		return nil, errors.New("has several groups; name the one that tags are ordered by, as in (?P<ts>[0-9]+), and no other")
	}
	return p, nil
}

// digits are what can be ordered as numbers: 20260102, and 1.4.2 part by part.
var digits = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

func (p pattern) allows(tag string) bool {
	part, ok := p.part(tag)
	return ok && (!p.numeric || digits.MatchString(part))
}

func (p pattern) knows(tag string) bool { return p.allows(tag) }

func (p pattern) part(tag string) (string, bool) {
	found := p.expression.FindStringSubmatch(tag)
	if found == nil {
		return "", false
	}
	return found[p.group], true
}

func (p pattern) compare(a, b string) int {
	x, _ := p.part(a)
	y, _ := p.part(b)
	if !p.numeric {
		return strings.Compare(x, y)
	}
	return compareNumbers(strings.Split(x, "."), strings.Split(y, "."))
}

// compareNumbers needs no type that holds them: they may have any length.
func compareNumbers(a, b []string) int {
	for i := range min(len(a), len(b)) {
		x, y := strings.TrimLeft(a[i], "0"), strings.TrimLeft(b[i], "0")
		if n := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); n != 0 {
			return n
		}
	}
	return cmp.Compare(len(a), len(b))
}
