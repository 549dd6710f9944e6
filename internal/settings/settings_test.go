package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

type flags struct {
	set    *pflag.FlagSet
	branch string
	poll   time.Duration
	force  bool
}

func newFlags(t *testing.T, args ...string) *flags {
	t.Helper()
	f := &flags{set: pflag.NewFlagSet("test", pflag.ContinueOnError)}
	f.set.StringVar(&f.branch, "branch", "main", "")
	f.set.DurationVar(&f.poll, "poll-time", time.Minute, "")
	f.set.BoolVar(&f.force, "force", false, "")
	if err := f.set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func sources(t *testing.T, file string, env map[string]string) Sources {
	t.Helper()
	s := Sources{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Known:     []string{"branch", "poll-time", "force", "tail"},
	}
	if file != "" {
		s.File = filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(s.File, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestTheCommandLineWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	file := "branch: file\npoll-time: 5s\nforce: true # as a comment says\n"
	env := map[string]string{"TALLYMAN_BRANCH": "env", "TALLYMAN_POLL_TIME": "10s"}
	f := newFlags(t, "--branch", "flag")
	if err := Fill(f.set, sources(t, file, env)); err != nil {
		t.Fatal(err)
	}
	if f.branch != "flag" || f.poll != 10*time.Second || !f.force {
		t.Errorf("branch %q, poll %s, force %t", f.branch, f.poll, f.force)
	}
}

func TestWithoutSourcesTheDefaultsStay(t *testing.T) {
	f := newFlags(t)
	if err := Fill(f.set, sources(t, "", map[string]string{"TALLYMAN_BRANCH": ""})); err != nil {
		t.Fatal(err)
	}
	if f.branch != "main" || f.poll != time.Minute {
		t.Errorf("branch %q, poll %s", f.branch, f.poll)
	}
}

func TestWhatOtherVerbsHaveIsLeftToThem(t *testing.T) {
	if err := Fill(newFlags(t).set, sources(t, "tail: 5\n", nil)); err != nil {
		t.Error(err)
	}
}

func TestMistakesInTheFileHaveAPlace(t *testing.T) {
	for file, want := range map[string]string{
		"branch: a\nbrunch: b\n":   `config.yaml:2:1: brunch: unknown setting (did you mean "branch"?)`,
		"branch: a\nbranch: b\n":   "branch: set twice",
		"branch: [a, b]\n":         "config.yaml:1:1: branch: must be a single value",
		"- branch\n":               "config.yaml:1:1: must be a mapping",
		"poll-time: soon\n":        `setting poll-time in`,
		"branch: {a: \n":           "read configuration",
		"zzzzzzzzzzzzzzzz: oops\n": "unknown setting",
	} {
		err := Fill(newFlags(t).set, sources(t, file, nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, expected %q", file, err, want)
		}
	}
}

func TestMistakesInTheEnvironmentNameTheVariable(t *testing.T) {
	err := Fill(newFlags(t).set, sources(t, "", map[string]string{"TALLYMAN_POLL_TIME": "soon"}))
	if err == nil || !strings.Contains(err.Error(), `variable TALLYMAN_POLL_TIME: "soon" is not valid`) {
		t.Errorf("error %v", err)
	}
}

func TestANumberThatIsTooLargeIsToldInWords(t *testing.T) {
	flags := newFlags(t).set
	flags.Int("most", 1, "")
	err := Fill(flags, sources(t, "", map[string]string{"TALLYMAN_MOST": "99999999999999999999"}))
	if err == nil || !strings.HasSuffix(err.Error(), "is not valid: must be "+WholeNumber) {
		t.Errorf("error %v", err)
	}
}

// Whoever mistypes a variable would otherwise run with the default and not know.
func TestVariablesThatAreNoSettingsAreTold(t *testing.T) {
	environ := []string{"TALLYMAN_STATE_DRI=canary", "TALLYMAN_BRANCH=main", "PATH=/bin", "TALLYMAN_GIT_TOKEN=canary", "TALLYMAN_EMPTY=", "TALLYMAN_ELSE=canary=x"}
	got := Unknown(environ, []string{"branch", "state-dir"}, []string{"TALLYMAN_GIT_TOKEN"})
	want := []string{"variable TALLYMAN_ELSE is no setting", `variable TALLYMAN_STATE_DRI is no setting (did you mean "TALLYMAN_STATE_DIR"?)`}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if got := Unknown(environ[1:5], []string{"branch"}, []string{"TALLYMAN_GIT_TOKEN"}); len(got) != 0 {
		t.Errorf("told %q of good ones", got)
	}
}

func TestAFileOfCommentsSaysNothing(t *testing.T) {
	for _, file := range []string{"# nothing yet\n", "---\n"} {
		if err := Fill(newFlags(t).set, sources(t, file, nil)); err != nil {
			t.Error(err)
		}
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	s := sources(t, "", nil)
	s.File = filepath.Join(t.TempDir(), "none.yaml")
	if err := Fill(newFlags(t).set, s); err == nil {
		t.Error("a configuration that is not there was taken for an empty one")
	}
}
