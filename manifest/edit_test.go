package manifest

import (
	"strings"
	"testing"
)

const editHead = "apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: a}\n"

// TestAFieldIsSetWhereItStands: what is written around it stays as it is.
func TestAFieldIsSetWhereItStands(t *testing.T) {
	for name, tc := range map[string]struct{ before, after string }{
		"exchanged":              {"spec:\n  endpoint: unix:///a\n  drain: false   # for now\n  # more\n", "spec:\n  endpoint: unix:///a\n  drain: true   # for now\n  # more\n"},
		"exchanged in a flow":    {"spec: { drain: false, endpoint: \"unix:///a\" }\n", "spec: { drain: true, endpoint: \"unix:///a\" }\n"},
		"put in":                 {"spec:\n    # the socket\n    endpoint: unix:///a  # of a\n\n    taints: []\n", "spec:\n    # the socket\n    endpoint: unix:///a  # of a\n    drain: true\n\n    taints: []\n"},
		"put into a flow":        {"spec: {endpoint: unix:///a} # all\n", "spec: {endpoint: unix:///a, drain: true} # all\n"},
		"put into a long flow":   {"spec: {\n  endpoint: 'unix:///a', # here\n  schedulable: true,\n}\n", "spec: {\n  endpoint: 'unix:///a', drain: true, # here\n  schedulable: true,\n}\n"},
		"put into JSON":          {"spec: {\"endpoint\": \"unix:///a\"}\n", "spec: {\"endpoint\": \"unix:///a\", \"drain\": true}\n"},
		"put behind a mapping":   {"spec:\n  tls:\n    ca: /ca\n  endpoint: tcp://a:1\n", "spec:\n  tls:\n    ca: /ca\n  endpoint: tcp://a:1\n  drain: true\n"},
		"lines of another world": {"spec:\r\n  endpoint: unix:///a\r\n  taints: []\r\n", "spec:\r\n  endpoint: unix:///a\r\n  drain: true\r\n  taints: []\r\n"},
		"no last line end":       {"spec:\n  endpoint: unix:///a", "spec:\n  endpoint: unix:///a\n  drain: true"},
		"letters of many bytes":  {"spec: {endpoint: unix:///ä, taints: []} # ö\n", "spec: {endpoint: unix:///ä, drain: true, taints: []} # ö\n"},
		"a merged default":       {"spec:\n  <<: {schedulable: true, drain: false}\n  endpoint: unix:///a\n", "spec:\n  <<: {schedulable: true, drain: false}\n  endpoint: unix:///a\n  drain: true\n"},
		"an anchor for others":   {"spec:\n  endpoint: &e unix:///a\n  schedulable: true\n  taints: [{key: *e}]\n", "spec:\n  endpoint: &e unix:///a\n  schedulable: true\n  drain: true\n  taints: [{key: *e}]\n"},
	} {
		other := "---\n# another one\n" + strings.Replace(editHead, "{name: a}", "{name: b}", 1) + "spec: {endpoint: unix:///b, drain: false}"
		for _, prefix := range []string{"", "\xef\xbb\xbf"} {
			got, err := SpecField{Key: "drain", Value: "true"}.SetIn([]byte(prefix+editHead+tc.before), 1)
			if want := prefix + editHead + tc.after; err != nil || string(got) != want {
				t.Errorf("%s: got %q, want %q; %v", name, got, want, err)
			}
		}
		if !strings.HasSuffix(tc.before, "\n") {
			continue
		}
		line := 3 + strings.Count(other[:strings.Index(other, "apiVersion")], "\n") + strings.Count(tc.before, "\n") + 1
		got, err := SpecField{Key: "drain", Value: "true"}.SetIn([]byte(editHead+tc.before+other), line)
		if want := editHead + tc.before + strings.Replace(other, "drain: false", "drain: true", 1); err != nil || string(got) != want {
			t.Errorf("%s, the document after it: got %q, want %q; %v", name, got, want, err)
		}
	}
}

// TestWhatCanNotBeEditedIsLeftToPeople: what else would change is not what
// anybody asked for.
func TestWhatCanNotBeEditedIsLeftToPeople(t *testing.T) {
	for name, spec := range map[string]string{
		"an alias":            "x: &s {endpoint: unix:///a}\nspec: *s\n",
		"used by another":     "spec: &s {endpoint: unix:///a, drain: false}\nlater: *s\n",
		"an anchored value":   "spec: {endpoint: unix:///a, drain: &d false}\nlater: *d\n",
		"a tagged value":      "spec: {endpoint: unix:///a, drain: !!bool false}\n",
		"over several lines":  "spec:\n  endpoint:\n    unix:///a\n",
		"questions and marks": "spec:\n  ? endpoint\n  : unix:///a\n",
	} {
		got, err := SpecField{Key: "drain", Value: "true"}.SetIn([]byte(editHead+spec), 1)
		if err == nil || !strings.Contains(err.Error(), "put drain: true into it by hand") {
			t.Errorf("%s: made %q; %v", name, got, err)
		}
	}
	if _, err := (SpecField{Key: "drain", Value: "true"}).SetIn([]byte(editHead), 7); err == nil {
		t.Error("a document was found where none begins")
	}
}

// TestAFieldAtItsDefaultGoes: what was put in is taken out again, and nothing else.
func TestAFieldAtItsDefaultGoes(t *testing.T) {
	for name, tc := range map[string]struct{ before, after string }{
		"a line":                 {"spec:\n  endpoint: unix:///a  # of a\n  drain: true\n\n  taints: []\n", "spec:\n  endpoint: unix:///a  # of a\n\n  taints: []\n"},
		"the last line":          {"spec:\n  endpoint: unix:///a\n  drain: true", "spec:\n  endpoint: unix:///a\n"},
		"the first line":         {"spec:\n  drain: true\n  endpoint: unix:///a\n", "spec:\n  endpoint: unix:///a\n"},
		"lines of another world": {"spec:\r\n  endpoint: unix:///a\r\n  drain: true\r\n  taints: []\r\n", "spec:\r\n  endpoint: unix:///a\r\n  taints: []\r\n"},
		"a comment above":        {"spec:\n  endpoint: unix:///a\n  # its disk\n  drain: true\n", "spec:\n  endpoint: unix:///a\n  # its disk\n"},
		"in a flow":              {"spec: {endpoint: unix:///a, drain: true} # all\n", "spec: {endpoint: unix:///a} # all\n"},
		"first in a flow":        {"spec: {drain: true, endpoint: unix:///a}\n", "spec: {endpoint: unix:///a}\n"},
		"in JSON":                {"spec: {\"endpoint\": \"unix:///a\", \"drain\": true}\n", "spec: {\"endpoint\": \"unix:///a\"}\n"},
		// Where a comment or a merged value would count again it is only exchanged.
		"a comment beside": {"spec:\n  endpoint: unix:///a\n  drain: true # its disk\n", "spec:\n  endpoint: unix:///a\n  drain: false # its disk\n"},
		"a merged value":   {"spec:\n  <<: {drain: true}\n  endpoint: unix:///a\n  drain: true\n", "spec:\n  <<: {drain: true}\n  endpoint: unix:///a\n  drain: false\n"},
		"a merged one":     {"spec:\n  <<: {drain: true}\n  endpoint: unix:///a\n", "spec:\n  <<: {drain: true}\n  endpoint: unix:///a\n  drain: false\n"},
	} {
		got, err := SpecField{Key: "drain", Value: "false", Default: true}.SetIn([]byte(editHead+tc.before), 1)
		if want := editHead + tc.after; err != nil || string(got) != want {
			t.Errorf("%s: got %q, want %q; %v", name, got, want, err)
		}
	}
}
