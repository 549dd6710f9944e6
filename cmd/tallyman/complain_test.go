package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// tell runs a command line that goes wrong, and gives its standard error.
func tell(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if code := run(args, &app{soft: t.Context(), hard: t.Context(), out: &out, err: &problems, lookupEnv: lookup}); code != exitError {
		t.Errorf("%v ended with %d", args, code)
	}
	if out.Len() > 0 {
		t.Errorf("%v printed %q", args, &out)
	}
	return problems.String()
}

// Wherever it goes wrong, a program that asked for JSON gets nothing else.
func TestErrorsAreJSONWhereItIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"TALLYMAN_REPO": dir, "TALLYMAN_STATE_DIR": t.TempDir()}
	asked := map[string]string{"TALLYMAN_OUTPUT": "json"}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"a verb that there is not":   {env, []string{"plna", "-o", "json"}},
		"a flag that there is not":   {env, []string{"plan", "--reop", "x", "-o=json"}},
		"arguments":                  {env, []string{"-ojson", "get"}},
		"a variable's value":         {map[string]string{"TALLYMAN_NUMBER": "many"}, []string{"events", "--output=json"}},
		"asked for by a variable":    {asked, []string{"plan", "--bad"}},
		"the repository, plan":       {env, []string{"plan", "--output", "json"}},
		"the repository, status":     {env, []string{"status", "-o", "json"}},
		"the repository, apply":      {env, []string{"apply", "-o", "json"}},
		"the repository, validate":   {env, []string{"validate", "-o", "json"}},
		"what happened":              {env, []string{"events", "-o", "json", "-f"}},
		"a log":                      {env, []string{"logs", "x", "-o", "json"}},
		"a kind that there is not":   {env, []string{"schema", "Pod", "-o", "json"}},
		"a folder that there is not": {env, []string{"validate", dir + "/none", "-o", "json"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := tell(t, c.env, c.args...)
			var p problem
			if err := json.Unmarshal([]byte(text), &p); err != nil || p.Error == "" || strings.Count(text, "\n") != 1 {
				t.Errorf("%v told %q: %v", c.args, text, err)
			}
		})
	}
}

func TestErrorsAreTextOtherwise(t *testing.T) {
	env := map[string]string{"TALLYMAN_OUTPUT": "json"}
	for _, args := range [][]string{{"plan", "--bad", "-o", "text"}, {"plna", "--output=text"}} {
		if text := tell(t, env, args...); !strings.HasPrefix(text, "tallyman: ") {
			t.Errorf("%v told %q", args, text)
		}
	}
}

// Mistakes in manifests are told one by one, with what to do next.
func TestProblemsOfManifestsAreListed(t *testing.T) {
	var problems bytes.Buffer
	a := &app{err: &problems, global: global{output: "json"}, lookupEnv: func(string) (string, bool) { return "", false }}
	a.complain(nil, errors.Join(manifest.Errors{{File: "a.yaml", Line: 1, Col: 2, Message: "is bad"}}))
	a.warn("%s is odd", "it")
	const want = `{"error":"a.yaml:1:2: is bad","hint":"tallyman validate checks them without touching anything","errors":[{"file":"a.yaml","line":1,"col":2,"message":"is bad"}]}` + "\n" +
		`{"warning":"it is odd"}` + "\n"
	if problems.String() != want {
		t.Errorf("told %s", &problems)
	}
}

func TestLogsAreADocumentPerLine(t *testing.T) {
	long := strings.Repeat("x", maxLine+1)
	var out bytes.Buffer
	a := &app{out: &out, global: global{output: "json"}}
	replica := report.Replica{App: "shop", Service: "web", Slot: "1", Host: "edge"}
	err := a.printLog(replica, func(w io.Writer) error {
		for _, part := range []string{"on", "e\r\n\ntw", "o\n" + long[:maxLine-1], long[maxLine-1:] + "\n", "end"} {
			if n, err := io.WriteString(w, part); n != len(part) || err != nil {
				t.Errorf("wrote %d: %v", n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for dec := json.NewDecoder(&out); dec.More(); {
		var l logLine
		if err := dec.Decode(&l); err != nil || l.Replica != "shop/web-1" || l.Host != "edge" {
			t.Fatalf("%+v: %v", l, err)
		}
		got = append(got, l.Line)
	}
	if want := []string{"one", "", "two", long, "end"}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d lines: %.200q", len(got), got)
	}
}
