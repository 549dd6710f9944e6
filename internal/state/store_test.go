package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reopened is the store as the next controller finds it.
func reopened(t *testing.T, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, s.dir)
}

func check1(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func record(app string, n int) rollout.Record {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	return rollout.Record{App: app, Revision: fmt.Sprintf("%040d", n), Author: "Ada", Subject: fmt.Sprintf("Commit %d", n), StartedAt: start, Phase: rollout.Progressing}
}

func TestTheNextControllerFindsWhatThisOneLeft(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "not", "made", "yet"))
	check1(t, s.Accept(reconcile.Accepted{Revision: "abc"}))
	check1(t, s.Record(record("shop", 1), rollout.Standing{}))
	check1(t, s.Record(record("shop", 2), rollout.Standing{}))
	check1(t, s.Record(record("blog", 1), rollout.Standing{}))
	edge := model.Host{Name: "edge-1", Endpoint: "tcp://edge-1:2376"}
	check1(t, s.Host(reconcile.SeenHost{Host: edge, Containers: []model.Container{{ID: "1", Name: "shop-web-1"}}}))
	check1(t, s.Host(reconcile.SeenHost{Host: edge, Containers: []model.Container{{ID: "2", Name: "shop-web-1"}}}))
	check1(t, s.Host(reconcile.SeenHost{Host: model.Host{Name: "edge-2"}, Containers: []model.Container{{ID: "3"}}}))
	check1(t, s.Host(reconcile.SeenHost{Host: model.Host{Name: "edge-2"}}))
	check1(t, s.Place("shop", map[string]string{"web/1": "edge-1"}))
	check1(t, s.Guard("shop", map[string]model.Guard{"service/web": {Protect: true}}))
	pin := model.HostPin{Drain: true, By: "ada", Since: record("", 1).StartedAt}
	check1(t, s.Pin("edge-1", &pin))
	check1(t, s.Pin("edge-2", &pin))
	check1(t, s.Pin("edge-2", nil))
	check1(t, s.Previews([]reconcile.Preview{{App: "shop", Number: 42, Head: "abc", Updated: pin.Since}}))

	m, err := reopened(t, s).Load()
	check1(t, err)
	switch {
	case m.Accepted.Revision != "abc":
		t.Errorf("accepted revision %q", m.Accepted.Revision)
	case len(m.Records) != 2 || !reflect.DeepEqual(m.Records["shop"], record("shop", 2)) || !reflect.DeepEqual(m.Records["blog"], record("blog", 1)):
		t.Errorf("records %v", m.Records)
	case len(m.Hosts) != 1 || m.Hosts["edge-1"].Host.Endpoint != edge.Endpoint || len(m.Hosts["edge-1"].Containers) != 1 || m.Hosts["edge-1"].Containers[0].ID != "2":
		t.Errorf("hosts %v", m.Hosts)
	case m.Guards["shop"]["service/web"] != model.Guard{Protect: true}:
		t.Errorf("guards %v", m.Guards)
	case len(m.Pins) != 1 || m.Pins["edge-1"] != pin:
		t.Errorf("pins %v", m.Pins)
	case len(m.Previews) != 1 || m.Previews[0].Name() != "shop-pr-42" || !m.Previews[0].Updated.Equal(pin.Since):
		t.Errorf("previews %v", m.Previews)
	case m.Placed["shop"]["web/1"] != "edge-1":
		t.Errorf("placements %v", m.Placed)
	}
}

func TestAnEmptyDirectoryIsAnEmptyMemory(t *testing.T) {
	m, err := open(t, t.TempDir()).Load()
	check1(t, err)
	if m.Accepted.Revision != "" || len(m.Records) != 0 || len(m.Hosts) != 0 {
		t.Errorf("memory %v", m)
	}
}

func TestHistoryIsNewestFirstAndOneEntryPerRollout(t *testing.T) {
	s := open(t, t.TempDir())
	for n := range 3 {
		r := record("shop", n)
		check1(t, s.Record(r, rollout.Standing{}))
		r.Phase, r.EndedAt = rollout.Complete, r.StartedAt.Add(time.Second)
		check1(t, s.Record(r, rollout.Standing{}))
	}
	check1(t, s.Record(record("blog", 9), rollout.Standing{}))
	history, err := s.History("shop", 2)
	check1(t, err)
	if len(history) != 2 || history[0].Subject != "Commit 2" || history[1].Subject != "Commit 1" || history[0].Phase != rollout.Complete {
		t.Errorf("history of shop: %v", history)
	}
	all, err := s.History("", 100)
	check1(t, err)
	if len(all) != 4 || all[0].App != "blog" {
		t.Errorf("history of all: %v", all)
	}
	none, err := s.History("nix", 10)
	if err != nil || none == nil || len(none) != 0 {
		t.Errorf("history of no app: %v, %v", none, err)
	}
}

// TestRecentMissesNoApp, however many rolled out after it.
func TestRecentMissesNoApp(t *testing.T) {
	s := open(t, t.TempDir())
	s.db.NoSync = true // as many fsyncs are not what is tested
	for n := range 300 {
		check1(t, s.Record(record(fmt.Sprintf("app-%d", n), n), rollout.Standing{}))
	}
	for n := range 3 {
		check1(t, s.Record(record("shop", 300+n), rollout.Standing{}))
	}
	recent, err := s.Recent(2)
	check1(t, err)
	if len(recent) != 302 || recent[0].Subject != "Commit 302" || recent[1].Subject != "Commit 301" || recent[2].App != "app-299" || recent[301].App != "app-0" {
		t.Errorf("%d rollouts, first %v and last %v", len(recent), recent[0], recent[len(recent)-1])
	}
}

func TestHistoryForgetsTheOldest(t *testing.T) {
	s := open(t, t.TempDir())
	s.db.NoSync = true // a hundred fsyncs are not what is tested
	for n := range KeptRecords + 5 {
		check1(t, s.Record(record("shop", n), rollout.Standing{}))
	}
	history, err := s.History("shop", 10*KeptRecords)
	check1(t, err)
	if len(history) != KeptRecords || history[len(history)-1].Subject != "Commit 5" {
		t.Errorf("%d entries, the oldest %q", len(history), history[len(history)-1].Subject)
	}
	s.KeepHistory(3)
	check1(t, s.Record(record("shop", KeptRecords+5), rollout.Standing{}))
	history, err = s.History("shop", 10*KeptRecords)
	check1(t, err)
	if len(history) != 3 {
		t.Errorf("%d entries, want the 3 that are to be kept", len(history))
	}
}

func TestOneControllerPerDirectory(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := Open(dir, quiet())
	want := fmt.Sprintf("state directory %q is in use by another tallyman (pid %d)", dir, os.Getpid())
	if !errors.Is(err, ErrInUse) || err.Error() != want {
		t.Errorf("second controller: %v", err)
	}
	if _, err := OpenReadOnly(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("reader beside a controller: %v", err)
	}
	check1(t, first.Close())
	check1(t, first.Close()) // closing twice is harmless
	open(t, dir)
}

func TestReadingNeedsNoController(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	check1(t, s.Accept(reconcile.Accepted{Revision: "abc"}))
	check1(t, s.Event(reconcile.Event{Kind: "op", Text: "one"}))
	check1(t, s.Record(record("shop", 1), rollout.Standing{}))
	check1(t, s.Close())
	for range 2 { // two readers at the same time
		r, err := OpenReadOnly(dir)
		check1(t, err)
		defer r.Close()
		m, err := r.Load()
		check1(t, err)
		history, err := r.History("shop", 1)
		check1(t, err)
		events, err := r.Events(1)
		check1(t, err)
		if m.Accepted.Revision != "abc" || len(history) != 1 || len(events) != 1 {
			t.Errorf("read %v %v %v", m, history, events)
		}
	}
}

func TestReadingNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenReadOnly(filepath.Join(dir, "nowhere"))
	check1(t, err)
	if events, err := s.Events(5); err != nil || len(events) != 0 {
		t.Errorf("events %v, %v", events, err)
	}
	check1(t, s.Close())
	if _, err := os.Stat(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Error("reading has made a directory")
	}
}

func TestNobodyElseCanReadTheState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	open(t, dir)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, fileName): 0o600, filepath.Join(dir, pidName): 0o600} {
		info, err := os.Stat(path)
		check1(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}
}

func TestADirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check1(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(file, quiet()); err == nil || !strings.Contains(err.Error(), "make state directory") || !strings.HasSuffix(err.Error(), "; name another directory with --state-dir") {
		t.Errorf("error %v", err)
	}
	blocked := t.TempDir()
	check1(t, os.Mkdir(filepath.Join(blocked, fileName), 0o700))
	if _, err := Open(blocked, quiet()); err == nil || !strings.HasSuffix(err.Error(), "; name another directory with --state-dir") {
		t.Errorf("error %v", err)
	}
}

// damage writes over a good journal and gives the log of the next start.
func damage(t *testing.T, harm func([]byte) []byte) (dir, log string) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	check1(t, s.Accept(reconcile.Accepted{Revision: "abc"}))
	for n := range 50 {
		check1(t, s.Record(record("shop", n), rollout.Standing{}))
	}
	check1(t, s.Close())
	path := filepath.Join(dir, fileName)
	data, err := os.ReadFile(path)
	check1(t, err)
	check1(t, os.WriteFile(path, harm(data), 0o600))
	var b bytes.Buffer
	s, err = Open(dir, slog.New(slog.NewTextHandler(&b, nil)))
	check1(t, err)
	check1(t, s.Accept(reconcile.Accepted{Revision: "def"}))
	check1(t, s.Close())
	return dir, b.String()
}

func TestADamagedJournalIsPutAside(t *testing.T) {
	for name, harm := range map[string]func([]byte) []byte{
		"cut in the middle":  func(d []byte) []byte { return d[:len(d)/2] },
		"cut to a few bytes": func(d []byte) []byte { return d[:100] },
		"garbage":            func(d []byte) []byte { return bytes.Repeat([]byte("garbage "), len(d)/8) },
		"both metas":         func(d []byte) []byte { return append(make([]byte, 8192), d[8192:]...) },
		"pages":              func(d []byte) []byte { return append(d[:8192:8192], bytes.Repeat([]byte{0xff}, len(d)-8192)...) },
		"not a journal":      func([]byte) []byte { return []byte("apiVersion: tallyman/v1\n") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, log := damage(t, harm)
			if !strings.Contains(log, "begun anew") {
				t.Errorf("log %q", log)
			}
			aside, err := filepath.Glob(filepath.Join(dir, fileName+".damaged-*"))
			if err != nil || len(aside) != 1 {
				t.Errorf("put aside: %v, %v", aside, err)
			}
			s := open(t, dir)
			if m, err := s.Load(); err != nil || m.Accepted.Revision != "def" || len(m.Records) != 0 {
				t.Errorf("after it: %v, %v", m, err)
			}
		})
	}
}

func TestAReaderOnlyReportsDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	check1(t, os.WriteFile(path, []byte("garbage"), 0o600))
	if _, err := OpenReadOnly(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "garbage" {
		t.Error("reading has changed the file")
	}
}

// TestGuardsOutliveTheirApp: what is on a host that is away may come back.
func TestGuardsOutliveTheirApp(t *testing.T) {
	s := open(t, t.TempDir())
	check1(t, s.Guard("shop", map[string]model.Guard{"service/web": {Protect: true}}))
	check1(t, s.Guard("blog", map[string]model.Guard{"service/blog": {Orphan: true}}))
	check1(t, s.Forget("shop"))
	check1(t, s.Guard("blog", nil))
	m, err := reopened(t, s).Load()
	check1(t, err)
	if len(m.Guards) != 1 || !m.Guards["shop"]["service/web"].Protect {
		t.Errorf("guards %v", m.Guards)
	}
}

func TestWhatIsClearedIsForgotten(t *testing.T) {
	s := open(t, t.TempDir())
	check1(t, s.Clear()) // also when there is nothing
	check1(t, s.Accept(reconcile.Accepted{Revision: "abc"}))
	check1(t, s.Record(record("shop", 1), rollout.Standing{}))
	check1(t, s.Event(reconcile.Event{Text: "something"}))
	s = reopened(t, s)
	check1(t, s.Clear())
	memory, err := s.Load()
	check1(t, err)
	events, err := s.Events(10)
	check1(t, err)
	if memory.Accepted.Revision != "" || len(memory.Records) > 0 || len(events) > 0 {
		t.Errorf("there is still %+v and %v", memory, events)
	}
	check1(t, s.Record(record("shop", 2), rollout.Standing{}))
}

// TestNoPreviewsAreNotUnknownOnes: a forge that says that there are none has said it.
func TestNoPreviewsAreNotUnknownOnes(t *testing.T) {
	s := open(t, t.TempDir())
	m, err := s.Load()
	check1(t, err)
	if m.Previews != nil {
		t.Errorf("before anybody has said anything: %v", m.Previews)
	}
	check1(t, s.Previews(nil))
	m, err = reopened(t, s).Load()
	check1(t, err)
	if m.Previews == nil || len(m.Previews) != 0 {
		t.Errorf("when there are none: %v", m.Previews)
	}
}
