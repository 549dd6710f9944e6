package main

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tallyman": main})
}

// patience is how long a script waits for something to become true.
const patience = 45 * time.Second

// TestScripts runs the real binary on the real engine, each script with an
// owner of its own, of which nothing is left behind.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			e := dockertest.Local(t)
			e.Images("tallyman/hello:1", "tallyman/hello:2")
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true,
				Setup: func(env *testscript.Env) error { setup(env, e); return nil },
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "commit": commit, "eventually": eventually, "json": checkJSON,
				},
			})
		})
	}
}

func setup(env *testscript.Env, e *dockertest.Engine) {
	for name, value := range map[string]string{
		"DOCKER_HOST": e.Endpoint, "TALLYMAN_OWNER": e.Owner, "TALLYMAN_STATE_DIR": filepath.Join(env.WorkDir, "state"),
		"TALLYMAN_REPO": filepath.Join(env.WorkDir, "fleet"), "DIR": env.WorkDir, "OWNER": e.Owner,
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
	} {
		env.Setenv(name, value)
	}
}

// exits runs a command and holds it to an exit code: exits 2 tallyman plan.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS]")
	}
	if got := strconv.Itoa(exitOf(ts, args[1:])); got != args[0] {
		ts.Fatalf("%v ended with %s, not %s", args[1:], got, args[0])
	}
}

func exitOf(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("%v: %v", args, err)
	return 0
}

// commit makes a commit of all of the folder fleet, which it makes a
// repository when it is none: commit 'Say hello'.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit MESSAGE")
	}
	repo := ts.MkAbs("fleet")
	for _, c := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", args[0]}} {
		ts.Check(ts.Exec("git", append([]string{"-C", repo}, c...)...))
	}
}

// eventually runs a command until its output matches: eventually 'Synced'
// tallyman status.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP COMMAND [ARGS]")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		exitOf(ts, args[1:])
		if pattern.MatchString(ts.ReadFile("stdout")) || pattern.MatchString(ts.ReadFile("stderr")) {
			return
		}
	}
	ts.Fatalf("%v never printed %q", args[1:], args[0])
}

// checkJSON looks a value up in what was printed last: json services.0.name web.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	for _, key := range strings.Split(args[0], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				ts.Fatalf("no element %s of %d", key, len(v))
			}
			value = v[i]
		default:
			ts.Fatalf("nothing at %s", key)
		}
	}
	if text, ok := value.(string); ok && text == args[1] {
		return
	}
	if data, err := json.Marshal(value); err != nil || string(data) != args[1] {
		ts.Fatalf("%s is %s, not %s", args[0], data, args[1])
	}
}
