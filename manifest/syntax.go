package manifest

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// badBytes finds what can't be in a YAML file and would be reported by the
// YAML parser without a place.
func badBytes(data []byte) *Error {
	at, message := -1, ""
	if i := bytes.IndexByte(data, 0); i >= 0 {
		at, message = i, "contains a NUL byte"
	}
	if !utf8.Valid(data) {
		if i := firstInvalid(data); at < 0 || i < at {
			at, message = i, "is not UTF-8 text"
		}
	}
	if at < 0 {
		return nil
	}
	p := placeAt(data, at)
	return &Error{Line: p.line, Col: p.col, Message: message}
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// placeAt is the line and column of a byte.
func placeAt(data []byte, at int) place {
	line := bytes.Count(data[:at], []byte("\n"))
	col := utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1 : at])
	return place{line + 1, col + 1}
}

var (
	yamlLine      = regexp.MustCompile(`^line ([0-9]+): `)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxError takes the place out of the YAML library's message, and what the
// message may repeat of the manifest.
func syntaxError(err error, data []byte) *Error {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	at, hint := place{line, 1}, ""
	switch anchor := unknownAnchor.FindStringSubmatch(message); {
	case anchor != nil:
		message = "an alias (*) names an anchor that does not exist"
		at = placeAt(data, max(0, bytes.Index(data, []byte("*"+anchor[1]))))
	case strings.HasPrefix(message, "did not find expected key"), strings.HasPrefix(message, "did not find expected '-'"):
		at.line = linesUntilError(data)
		hint = "the indentation is not that of the lines above"
	case strings.HasPrefix(message, "did not find expected ',' or"):
		at.line = min(line+1, 1+bytes.Count(data, []byte("\n"))) // counted from 0, and of the opening bracket
	case strings.Contains(message, "that cannot start any token"):
		hint = "put a text that begins with a special character in quotes, and indent with spaces"
	}
	return &Error{Line: at.line, Col: at.col, Message: "is not valid YAML: " + shorten(message), Hint: hint}
}

// linesUntilError finds out how far the YAML library has read when it fails:
// for a wrong indentation its message names only where the mapping begins.
func linesUntilError(data []byte) int {
	r := &lineReader{data: data}
	dec := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		if dec.Decode(&n) != nil {
			return max(1, r.lines)
		}
	}
}

// lineReader gives one line at a time.
type lineReader struct {
	data  []byte
	lines int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := bytes.IndexByte(r.data, '\n') + 1
	if n == 0 {
		n = len(r.data)
	}
	n = copy(p, r.data[:n])
	if p[n-1] == '\n' {
		r.lines++
	}
	r.data = r.data[n:]
	return n, nil
}
