package state

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestMain lets the test binary be the controller that is killed.
func TestMain(m *testing.M) {
	switch os.Getenv("TALLYMAN_STATE_TEST") {
	case "write":
		writeForEver(os.Args[1])
	case "fill":
		fillDisk(os.Args[1])
	default:
		os.Exit(m.Run())
	}
}

// writeForEver says each number after it has been recorded.
func writeForEver(dir string) {
	s, err := Open(dir, quiet())
	if err != nil {
		panic(err)
	}
	m, err := s.Load()
	if err != nil {
		panic(err)
	}
	first := 0
	if r, ok := m.Records["shop"]; ok {
		fmt.Sscanf(r.Subject, "Commit %d", &first)
	}
	for n := first + 1; ; n++ {
		if err := s.Record(record("shop", n), rollout.Standing{}); err != nil {
			panic(err)
		}
		_ = s.Event(reconcile.Event{Kind: "op", Text: fmt.Sprint(n)})
		fmt.Println(n)
	}
}

// fillDisk writes until the disk, here a limit on the size of files, is full;
// then it says why it could not, and how much it had.
func fillDisk(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(dir, quiet())
	if err != nil {
		panic(err)
	}
	limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	for n := 1; ; n++ {
		r := record("shop", n)
		r.Reason = strings.Repeat("x", 4000)
		if err := s.Record(r, rollout.Standing{}); err != nil {
			fmt.Println(n-1, err)
			os.Exit(0)
		}
	}
}

func helper(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), "TALLYMAN_STATE_TEST="+what)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestAKilledControllerLosesNothingThatItRecorded(t *testing.T) {
	dir := t.TempDir()
	recorded := 0
	for round := range 5 {
		recorded = writeAndKill(t, dir, recorded+1+round*7)
		s := open(t, dir) // the lock went with the process
		m, err := s.Load()
		check1(t, err)
		var last int
		if _, err := fmt.Sscanf(m.Records["shop"].Subject, "Commit %d", &last); err != nil || last < recorded {
			t.Fatalf("recorded up to %d, found %d (%v)", recorded, last, err)
		}
		recorded = last
		if _, err := s.History("shop", KeptRecords); err != nil {
			t.Error(err)
		}
		check1(t, s.Close())
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "*.damaged-*")); len(aside) != 0 {
		t.Errorf("a kill has damaged the journal: %v", aside)
	}
}

// writeAndKill kills the writer as soon as it has recorded the number, and
// gives the last one that it spoke of.
func writeAndKill(t *testing.T, dir string, until int) int {
	t.Helper()
	cmd := helper(t, "write", dir)
	out, err := cmd.StdoutPipe()
	check1(t, err)
	check1(t, cmd.Start())
	last := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Sscan(lines.Text(), &last)
		if last >= until {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait() // it was killed
	return last
}

func TestAFullDiskIsSaidAndHarmsNothing(t *testing.T) {
	dir := t.TempDir()
	out, err := helper(t, "fill", dir).Output()
	check1(t, err)
	var recorded int
	if _, err := fmt.Sscan(string(out), &recorded); err != nil || recorded == 0 {
		t.Fatalf("it said %q", out)
	}
	if !strings.Contains(string(out), `record rollout in "`+dir) || !strings.Contains(string(out), "no room left") {
		t.Errorf("the error does not say what could not be written where: %q", out)
	}
	m, err := open(t, dir).Load()
	check1(t, err)
	if want := fmt.Sprintf("Commit %d", recorded); m.Records["shop"].Subject != want {
		t.Errorf("after it %q, expected %q", m.Records["shop"].Subject, want)
	}
}
