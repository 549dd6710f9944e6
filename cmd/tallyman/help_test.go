package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/settings"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// What a verb is told in its help fits a terminal, and names its exit codes.
func TestEveryVerbsHelpFitsATerminal(t *testing.T) {
	root := (&app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}).command()
	for _, c := range append(root.Commands(), root) {
		if c.Name() == "completion" || c.Name() == "help" {
			continue // they are the library's
		}
		for line := range strings.Lines(c.Long) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%s: a line of its help has %d characters: %s", c.Name(), n, line)
			}
		}
		if c != root && !strings.Contains(c.Long, "EXIT STATUS") {
			t.Errorf("%s: its help does not name its exit codes", c.Name())
		}
	}
}

// A variable that the program reads and that is no flag has to be listed, or
// whoever sets it is told that it is none.
func TestEveryVariableIsKnown(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source: %v", err)
	}
	root := (&app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}).command()
	literal := regexp.MustCompile(`\b` + settings.Prefix + `[A-Z][A-Z_]*[A-Z]\b`)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, name := range literal.FindAllString(string(data), -1) {
			if problems := settings.Unknown([]string{name + "=x"}, knownFlags(root), variables()); len(problems) > 0 {
				t.Errorf("%s: %s: add it to variables()", file, problems[0])
			}
		}
	}
}

func TestVersionSaysWhatItWasMadeFrom(t *testing.T) {
	for want, info := range map[string]debug.BuildInfo{
		"tallyman v1.2.3 (":                                       {Main: debug.Module{Version: "v1.2.3"}},
		"tallyman v0.0.0-1 of commit 0123abcd (":                  {Main: debug.Module{Version: "v0.0.0-1"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abcdef"}, {Key: "vcs.modified", Value: "false"}}},
		"tallyman (devel) of commit 0123abcd and changes to it (": {Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abcdef"}, {Key: "vcs.modified", Value: "true"}}},
		"tallyman (devel) of an unknown commit (":                 {Main: debug.Module{Version: "(devel)"}},
	} {
		if got := versionOf(&info).String(); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNamesAreCompleted(t *testing.T) {
	s := &report.Status{
		Apps: []report.App{{Name: "shop", Services: []report.Service{{
			App: "shop", Name: "web", Replicas: []report.Replica{{App: "shop", Service: "web", Slot: "1"}, {App: "shop", Service: "web", Slot: "2"}},
		}}}},
		Hosts: []report.Host{{Name: "edge-1"}, {Name: "shore"}},
	}
	all := []names{appNames, serviceNames, replicaNames, hostNames}
	for begun, want := range map[string][]cobra.Completion{
		"":      {"shop", "shop/web", "shop/web-1", "shop/web-2", "edge-1", "shore"},
		"sho":   {"shop", "shop/web", "shop/web-1", "shop/web-2", "shore"},
		"shop/": {"shop/web", "shop/web-1", "shop/web-2"},
		"x":     nil,
	} {
		if got := beginning(begun, s, all); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", begun, got, want)
		}
	}
}
