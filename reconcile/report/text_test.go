package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares what is written with testdata/NAME.golden.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if got.String() != string(want) {
		t.Errorf("%s: got\n%s\nexpected\n%s", name, got.String(), want)
	}
}

func replica(service, slot string) plan.Key {
	return plan.Key{Kind: plan.KindReplica, App: "shop", Service: service, Slot: slot}
}

// mixedPlan has one change of each kind.
func mixedPlan() *plan.Plan {
	return &plan.Plan{Revision: strings.Repeat("a", 40), Changes: []plan.Change{
		{Key: plan.Key{Kind: plan.KindReplica, App: "blog", Service: "site", Slot: "1"}, Host: "edge-1", Verdict: plan.Create, Reasons: []string{"missing"}},
		{Key: plan.Key{Kind: plan.KindImage, App: "shop", Host: "edge-1", Name: "web:2"}, Host: "edge-1", Verdict: plan.Create, Reasons: []string{"not on the host"}},
		{Key: plan.Key{Kind: plan.KindNetwork, App: "shop", Host: "edge-1", Name: "shop-front-1a2b3c4d"}, Host: "edge-1", Verdict: plan.Remove, Removal: true, Reasons: []string{"no replica here needs it any more"}},
		{Key: replica("old", "1"), Host: "edge-2", Verdict: plan.Remove, Removal: true, Reasons: []string{`service "old" is no longer in the manifests`}},
		{Key: replica("web", "1"), Host: "edge-1", Verdict: plan.Unchanged},
		{Key: replica("web", "2"), Host: "edge-1", Verdict: plan.Update, Reasons: []string{"cpus 0.5 → 1", "is paused"}},
		{Key: replica("web", "3"), Host: "edge-2", Verdict: plan.Replace, Reasons: []string{"image 1 → 2"}},
		{Key: replica("web", "10"), Verdict: plan.Blocked, Reasons: []string{"no host for web-10: edge-1 is cordoned"}},
		{Key: replica("worker", "1"), Host: "edge-1", Verdict: plan.Create, Reasons: []string{"missing"}},
		{Key: plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: "1", Host: "edge-1", Name: "copy"}, Host: "edge-1", Verdict: plan.Unowned, Reasons: []string{"a copy of our labels"}},
	}}
}

func TestPlanText(t *testing.T) {
	target := Revision{ID: strings.Repeat("a", 40), Subject: "Say hello again", Author: "Ada"}
	golden(t, "plan", func(w io.Writer) error { return PlanText(w, mixedPlan(), target, Style{}) })
	golden(t, "plan_color", func(w io.Writer) error { return PlanText(w, mixedPlan(), target, Style{Color: true, Width: 80}) })
	nothing := &plan.Plan{Changes: []plan.Change{{Key: replica("web", "1"), Verdict: plan.Unchanged}}}
	golden(t, "plan_nothing", func(w io.Writer) error { return PlanText(w, nothing, target, Style{}) })
}

// mixedStatus is an installation with one of each trouble.
func mixedStatus() *Status {
	return &Status{
		Time: noon, Owner: "fleet-1a2b3c4d", Sync: OutOfSync, Health: Unknown, Busy: 1,
		Target:      Revision{ID: strings.Repeat("b", 40), Subject: "Make a\x1b[2J mistake", Author: "Ada", Time: noon.Add(-time.Minute)},
		Effective:   Revision{ID: strings.Repeat("a", 40), Subject: "Say hello", Author: "Bea", Time: noon.Add(-3 * time.Hour)},
		SourceError: "a.yaml:5:3: spec.replica: unknown field\nb.yaml:1:1: kind: missing",
		Apps: []App{
			{Name: "blog", Sync: Synced, Health: Healthy, Phase: rollout.Complete, Revision: strings.Repeat("a", 40), Since: noon.Add(-72 * time.Hour)},
			{Name: "shop", Sync: OutOfSync, Health: Degraded, Phase: rollout.Failed, Revision: strings.Repeat("a", 40), Since: noon.Add(-30 * time.Second),
				Reason: "shop/web-2 on edge-1: exited with code 7", Services: []Service{{
					App: "shop", Name: "web", Image: "web:2", Mode: "replicated", Of: 2, New: 1, Old: 1, Ready: 1, Sync: OutOfSync, Health: Degraded, Reason: "web-2: exited with code 7",
					Replicas: []Replica{
						{App: "shop", Service: "web", Slot: "1", Host: "edge-1", Container: "shop-web-1-1a2b3c4d", ID: "id1", Image: "web:2", Revision: strings.Repeat("a", 40), State: "running", Health: Healthy, Since: noon.Add(-time.Hour), Verdict: plan.Unchanged},
						{App: "shop", Service: "web", Slot: "2", Host: "edge-1", Container: "shop-web-2-1a2b3c4d", ID: "id2", Image: "web:1", State: "exited", Health: Degraded, Since: noon, Restarts: 3, Verdict: plan.Replace, Reason: "exited with\ncode 7"},
					},
				}}},
		},
		Hosts: []Host{
			{Name: "edge-1", Endpoint: "tcp://10.0.0.1:2376", Reachable: true, Schedulable: true, Version: "28.5.2", Arch: "amd64", CPUs: 2.5, Memory: 4 << 30, Replicas: 2, Seen: noon,
				Capacity: Amounts{2, 3 << 30}, Reserved: Amounts{0.5, 1 << 30}},
			{Name: "edge-2", Endpoint: "tcp://10.0.0.2:2376", Error: "connection refused", Seen: noon.Add(-5 * time.Minute)},
			{Name: "edge-3", Reachable: true, Memory: 512 << 20},
			{Name: "edge-4", Reachable: true, Schedulable: true, Drain: true, Capacity: Amounts{4, 1 << 30}, Reserved: Amounts{0, 2 << 30}},
		},
		Changes: []Change{
			{Key: replica("web", "2"), Host: "edge-1", Verdict: plan.Replace, Reasons: []string{"image 1 → 2"}, Held: "the rollout has failed"},
			{Key: plan.Key{Kind: plan.KindNetwork, App: "shop", Host: "edge-2", Name: "shop-front"}, Host: "edge-2", Verdict: plan.Blocked, Reasons: []string{"host is unreachable"}},
		},
	}
}

func TestStatusText(t *testing.T) {
	golden(t, "status", func(w io.Writer) error { return StatusText(w, mixedStatus(), Style{}) })
	golden(t, "status_color", func(w io.Writer) error { return StatusText(w, mixedStatus(), Style{Color: true, Width: 80}) })
	golden(t, "status_nothing", func(w io.Writer) error {
		return StatusText(w, &Status{Time: noon, Sync: SyncUnknown, Health: Unknown}, Style{})
	})
}

func TestGetText(t *testing.T) {
	for _, kind := range []string{"hosts", "apps", "services", "replicas"} {
		golden(t, "get_"+kind, func(w io.Writer) error {
			known, err := GetText(w, mixedStatus(), kind, Style{})
			if !known {
				t.Errorf("%s is not known", kind)
			}
			return err
		})
		if _, known := Get(mixedStatus(), kind); !known {
			t.Errorf("%s is not known as data", kind)
		}
	}
	if known, _ := GetText(io.Discard, mixedStatus(), "pods", Style{}); known {
		t.Error("there are no pods")
	}
}

func TestDescribeText(t *testing.T) {
	for file, name := range map[string]string{
		"describe_app": "shop", "describe_service": "shop/web", "describe_replica": "shop/web-2", "describe_host": "edge-1",
	} {
		s := mixedStatus()
		found, err := Find(s, name)
		if err != nil || len(found) != 1 {
			t.Errorf("found %d of %s: %v", len(found), name, err)
		}
		golden(t, file, func(w io.Writer) error { return DescribeText(w, s, found, Style{}) })
	}
}

func TestHistoryText(t *testing.T) {
	records := []rollout.Record{
		{App: "shop", Revision: strings.Repeat("b", 40), Author: "Ada", Subject: "Break it", StartedAt: noon.Add(-time.Minute), EndedAt: noon.Add(-50 * time.Second), Phase: rollout.Failed, Reason: "shop/web-1: exited"},
		{App: "shop", Revision: strings.Repeat("a", 40), StartedAt: noon.Add(-time.Hour), Phase: rollout.Progressing},
	}
	golden(t, "history", func(w io.Writer) error { return HistoryText(w, records, noon, Style{}) })
}

func TestDiffText(t *testing.T) {
	golden(t, "diff", func(w io.Writer) error { return DiffText(w, mixedStatus().Changes, Style{}) })
	for name, want := range map[string]int{"shop": 2, "shop/web": 1, "shop/web-2": 1, "shop/web-1": 0, "blog": 0} {
		if changes, err := ChangesOf(mixedStatus(), name); err != nil || len(changes) != want {
			t.Errorf("%s: %d changes, %v", name, len(changes), err)
		}
	}
}

func TestLogLines(t *testing.T) {
	got := LogLines("one\ntwo\x1b[31m\r\n  three\n", 2)
	if len(got) != 2 || got[0] != "two[31m" || got[1] != "  three" {
		t.Errorf("%q", got)
	}
	if got := LogLines("", 5); len(got) != 0 {
		t.Errorf("%q", got)
	}
}
