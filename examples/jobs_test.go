package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// runs are the containers of a job's runs, and the codes with which they ended.
func runs(t *testing.T, e *dockertest.Engine, job string) (ids, states []string) {
	t.Helper()
	all, err := e.Client.ContainerList(t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", model.LabelOwner+"="+e.Owner), filters.Arg("label", model.LabelJob+"="+job)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		ids = append(ids, k.ID)
		states = append(states, k.Status)
	}
	return ids, states
}

// TestMigrationsBelongToACommit does what the example's README says.
func TestMigrationsBelongToACommit(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	a := applied(t, "migrations", e.Owner, asItIs)
	before := services(t, e.Client, e.Owner)["front"]
	if len(before) != 2 {
		t.Fatalf("%d replicas of front, want 2", len(before))
	}
	for _, job := range []string{"migrate", "smoke-test"} {
		if ids, states := runs(t, e, job); len(ids) != 1 || !strings.HasPrefix(states[0], "Exited (0)") {
			t.Errorf("the runs of %s are %v, want one that exited with 0", job, states)
		}
	}
	if said, err := a.run("logs", "migrate"); err != nil || !strings.Contains(said, "migrating") {
		t.Errorf("the log of the ended job: %v\n%s", err, said)
	}

	edit(t, filepath.Join(a.repo, "services.yaml"), "MESSAGE: welcome", "MESSAGE: bargains")
	edit(t, filepath.Join(a.repo, "jobs.yaml"), `EXIT_CODE: "0", EXIT_AFTER: 1s`, `EXIT_CODE: "3", EXIT_AFTER: 1s`)
	a.commit("Break the migration")
	said, err := a.run("apply")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 {
		t.Fatalf("apply ended with %v:\n%s", err, said)
	}
	for _, want := range []string{"failed: app shop: job migrate on local: exited with code 3", "exiting with 3 as told", "rolled back: app shop"} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q:\n%s", want, said)
		}
	}
	command(t, a.repo, "git", "-c", "user.name=You", "-c", "user.email=you@example.com", "revert", "--no-edit", "HEAD")
	if said, err := a.run("apply"); err != nil {
		t.Errorf("after the revert, apply ended with %v:\n%s", err, said)
	}
	if ids, states := runs(t, e, "migrate"); len(ids) != 2 {
		t.Errorf("the runs of migrate are %v, want one that worked and one that failed", states)
	}
	after := services(t, e.Client, e.Owner)["front"]
	for _, k := range after {
		if k.ID != before[0].ID && k.ID != before[1].ID {
			events, _ := a.run("events", "-n", "60")
			t.Errorf("replica %s was made although its migration failed:\n%s", k.Names[0], events)
		}
	}
	if said, err := a.run("get", "jobs"); err != nil || !strings.Contains(said, "shop/migrate") || !strings.Contains(said, "has succeeded for this state of the app") {
		t.Errorf("get jobs: %v\n%s", err, said)
	}
}

// TestAScheduledJobRunsByHand does what the example's README says, but for
// waiting for three o'clock.
func TestAScheduledJobRunsByHand(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	a := applied(t, "scheduled-job", e.Owner, asItIs)
	serve(t, a)
	for range 3 {
		if said, err := a.run("run", "nightly", "--wait"); err != nil || !strings.Contains(said, "succeeded") || !strings.Contains(said, "exit code 0") {
			t.Fatalf("run: %v\n%s", err, said)
		}
	}
	if said, err := a.run("logs", "nightly"); err != nil || !strings.Contains(said, "counting the crates") {
		t.Errorf("logs: %v\n%s", err, said)
	}
	if said, err := a.run("describe", "nightly"); err != nil || strings.Count(said, "succeeded") != 2 {
		t.Errorf("describe: %v, want the last two runs:\n%s", err, said)
	}
	if said, err := a.run("get", "jobs"); err != nil || !strings.Contains(said, "0 3 * * * Europe/Berlin") || !strings.Contains(said, "runs next at") {
		t.Errorf("get jobs: %v\n%s", err, said)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		ids, states := runs(t, e, "nightly")
		if len(ids) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the runs kept are %v, want the last two", states)
		}
	}
}

func edit(t *testing.T, file, before, after string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), before) {
		t.Fatalf("%s does not say %q", file, before)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), before, after, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// serve runs a controller until the end of the test.
func serve(t *testing.T, a *example) {
	t.Helper()
	state := filepath.Join(a.dir, "state")
	cmd := exec.Command(a.binary, "serve", "--repo", a.repo, "--state-dir", state, "--owner", a.owner)
	cmd.Dir = a.dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // how it ends is tested elsewhere
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(state, "tallyman.sock")); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the controller makes no socket")
		}
	}
}
