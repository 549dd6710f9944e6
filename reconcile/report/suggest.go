package report

import (
	"io"
	"regexp"
	"slices"
	"strings"
)

// Suggestion is what a service would have to ignore for its drift to be let be.
type Suggestion struct {
	App     string `json:"app"`
	Service string `json:"service"`
	// IgnoreDifferences are paths that are not ignored yet.
	IgnoreDifferences []string `json:"ignoreDifferences"`
}

// SuggestIgnore gathers the fields in which replicas have drifted, by service.
func SuggestIgnore(changes []Change) []Suggestion {
	suggestions := []Suggestion{}
	for i := range changes {
		c := &changes[i]
		if len(c.Drift) == 0 {
			continue
		}
		at := slices.IndexFunc(suggestions, func(s Suggestion) bool { return s.App == c.Key.App && s.Service == c.Key.Service })
		if at < 0 {
			at = len(suggestions)
			suggestions = append(suggestions, Suggestion{App: c.Key.App, Service: c.Key.Service})
		}
		for _, d := range c.Drift {
			suggestions[at].IgnoreDifferences = append(suggestions[at].IgnoreDifferences, d.Field)
		}
	}
	for i := range suggestions {
		paths := suggestions[i].IgnoreDifferences
		slices.Sort(paths)
		suggestions[i].IgnoreDifferences = slices.Compact(paths)
	}
	return suggestions
}

// SuggestionText writes the suggestions as YAML, to be put into the specs.
func SuggestionText(w io.Writer, suggestions []Suggestion) error {
	t := &text{}
	if len(suggestions) == 0 {
		t.line("# nothing has drifted: there is nothing to ignore")
	}
	for _, s := range suggestions {
		t.line("# in the spec of service %s of app %s, with what it ignores already", s.Service, s.App)
		t.line("ignoreDifferences:")
		for _, path := range s.IgnoreDifferences {
			t.line("  - %s", quoted(path))
		}
	}
	return t.to(w)
}

// quoted is a path as YAML: most need no quotes.
func quoted(path string) string {
	if regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", "''") + "'"
}
