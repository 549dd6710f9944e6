package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the installation allows holds for whatever reads a repository.
func TestLimitsCanBeSet(t *testing.T) {
	dir := t.TempDir()
	service := "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: NAME}\nspec: {image: web}\n"
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(strings.ReplaceAll(service, "NAME", name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[string]string{
		"max-file-size=50B": "more than 50 bytes", "max-documents=1": "beyond 1 documents", "max-files=2": "more than 2 files",
		"max-file-size=1KiB": "", "max-documents=2": "", "max-files=3": "",
		"max-file-size=5iB": "must be a size", "max-file-size=0": "at least 1B", "max-files=0": "at least 1", "max-documents=-1": "at least 1",
	} {
		name, value, _ := strings.Cut(limit, "=")
		for _, c := range []struct {
			args []string
			env  string
		}{{args: []string{"--" + limit}}, {env: value}} {
			lookup := func(v string) (string, bool) {
				return c.env, v == "TALLYMAN_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			}
			var out, problems bytes.Buffer
			code := run(append([]string{"validate", dir}, c.args...), &app{soft: t.Context(), hard: t.Context(), out: &out, err: &problems, lookupEnv: lookup})
			if (code == exitOK) != (want == "") || !strings.Contains(problems.String(), want) {
				t.Errorf("%s ended with %d: %s", limit, code, &problems)
			}
		}
	}
}

func TestLimitsReachTheRepository(t *testing.T) {
	a := &app{lookupEnv: func(string) (string, bool) { return "", false }}
	root := a.command()
	if err := root.ParseFlags([]string{"--max-file-size=2MiB", "--max-files=7", "--git-max-fetch-size=1GiB", "--git-max-object-size=5MB"}); err != nil {
		t.Fatal(err)
	}
	l := a.gitConfig("").Limits
	if l.MaxFileSize != 2<<20 || l.MaxFiles != 7 || l.MaxFetchSize != 1<<30 || l.MaxObjectSize != 5e6 {
		t.Errorf("%+v", l)
	}
}
