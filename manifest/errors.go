package manifest

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/tallyman-io/tallyman/internal/suggest"
)

// ErrNoManifests means that there is not a single manifest, which is never
// taken for "remove everything".
var ErrNoManifests = errors.New("no manifests found")

// shownErrors is how many errors the text of Errors lists.
const shownErrors = 100

// Error is one thing that is wrong with a manifest.
type Error struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
	// Path is the field, as spec.update.parallelism.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Error reads `file:line:col: path: message (hint)`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Col)
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	b.WriteString(": " + e.Message)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Errors are all errors of a tree, sorted by place.
type Errors []*Error

// Error lists them one per line, and says how many there are beyond those.
func (e Errors) Error() string {
	lines := make([]string, 0, min(len(e), shownErrors)+1)
	for i, err := range e {
		if i == shownErrors {
			lines = append(lines, fmt.Sprintf("and %d more", len(e)-shownErrors))
			break
		}
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, err := range e {
		all[i] = err
	}
	return all
}

// orNil is e as an error, sorted, or nil when it is empty.
func (e Errors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	sort.SliceStable(e, func(i, j int) bool { return e[i].before(e[j]) })
	return e
}

func (e *Error) before(o *Error) bool {
	switch {
	case e.File != o.File:
		return e.File < o.File
	case e.Line != o.Line:
		return e.Line < o.Line
	case e.Col != o.Col:
		return e.Col < o.Col
	case e.Path != o.Path:
		return e.Path < o.Path
	}
	return e.Message < o.Message
}

// didYouMean is a hint that names the candidate closest to a misspelt word, or
// nothing when none is close.
func didYouMean(word string, candidates []string) string {
	if meant := suggest.Closest(word, candidates); meant != "" {
		return "did you mean " + meant + "?"
	}
	return ""
}
