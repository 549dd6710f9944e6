package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

func service(name string, counts [4]int) Service {
	s := Service{App: "shop", Name: name, Old: counts[0], New: counts[1], Ready: counts[2], Of: counts[3], Sync: OutOfSync, Health: Progressing}
	if finished := s.New == s.Of && s.Ready == s.Of && s.Old == 0; finished {
		s.Sync, s.Health = Synced, Healthy
	}
	return s
}

func step(phase rollout.Phase, services ...Service) *Status {
	return &Status{Apps: []App{{Name: "shop", Phase: phase, Services: services}}}
}

// steps is a rollout of one of two services.
func steps() []*Status {
	still := service("db", [4]int{0, 1, 1, 1})
	return []*Status{
		step(rollout.Complete, still, service("web", [4]int{2, 0, 2, 2})),
		step(rollout.Progressing, still, service("web", [4]int{2, 0, 2, 2})),
		step(rollout.Progressing, still, service("web", [4]int{1, 1, 2, 2})),
		step(rollout.Progressing, still, service("web", [4]int{1, 1, 2, 2})),
		step(rollout.Complete, still, service("web", [4]int{0, 2, 2, 2})),
	}
}

func TestProgressOffATerminalIsALinePerChange(t *testing.T) {
	golden(t, "progress_plain", func(w io.Writer) error { return showAll(NewProgress(w, Style{}), steps()) })
}

func TestProgressOnATerminalDrawsOver(t *testing.T) {
	golden(t, "progress_terminal", func(w io.Writer) error { return showAll(NewProgress(w, Style{Color: true, Width: 40}), steps()) })
}

func showAll(p *Progress, all []*Status) error {
	for _, s := range all {
		if err := p.Show(s); err != nil {
			return err
		}
	}
	return nil
}

func TestProgressFitsTheTerminal(t *testing.T) {
	var services []Service
	for i := range 3 * progressLines {
		services = append(services, service(fmt.Sprintf("a-service-with-a-rather-long-name-%d", i), [4]int{0, 1, 1, 1}))
	}
	last := &services[len(services)-1]
	last.Name, last.Ready, last.Health, last.Sync = "unfinished", 0, Degraded, OutOfSync
	var b bytes.Buffer
	if err := NewProgress(&b, Style{Width: 30}).Show(step(rollout.Progressing, services...)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\x1b[J"), "\n")
	if len(lines) != progressLines+2 || !strings.Contains(lines[0], "unfinished") || !strings.Contains(lines[progressLines], "and 40 services more") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		if text := strings.TrimPrefix(line, "\r\x1b[K"); utf8.RuneCountInString(text) >= 30 {
			t.Errorf("%q wraps", text)
		}
	}
}

// waitingCanary puts app shop at a canary.
func waitingCanary(s *Status, c rollout.Canary) {
	s.Apps[0].Phase, s.Apps[0].Health, s.Apps[0].Canary = rollout.Progressing, Progressing, &c
	s.Changes = append(s.Changes, Change{Key: plan.Key{App: "shop"}, Verdict: plan.Replace})
}

func TestOutcomeOf(t *testing.T) {
	done := func(change func(*Status)) *Status {
		s := &Status{
			Target: Revision{ID: "a"}, Effective: Revision{ID: "a"}, Sync: Synced, Health: Healthy,
			Apps:  []App{{Name: "shop", Phase: rollout.Complete, Sync: Synced, Health: Healthy, Services: []Service{service("web", [4]int{0, 1, 1, 1})}}},
			Hosts: []Host{{Name: "edge-1", Reachable: true}, {Name: "edge-2", Reachable: true}},
		}
		change(s)
		return s
	}
	open := func(s *Status, c Change) { c.Key.App = "shop"; s.Changes = append(s.Changes, c) }
	for name, tc := range map[string]struct {
		want   Outcome
		change func(*Status)
	}{
		"all is well":                          {Converged, func(*Status) {}},
		"nothing read yet":                     {Pending, func(s *Status) { s.Target, s.Effective = Revision{}, Revision{} }},
		"no pass yet":                          {Pending, func(s *Status) { s.Sync = SyncUnknown }},
		"a canary waits for a person":          {Waiting, func(s *Status) { waitingCanary(s, rollout.Canary{Idle: true}) }},
		"a canary, and the rest still goes on": {Pending, func(s *Status) { waitingCanary(s, rollout.Canary{}) }},
		"a canary waits for its time":          {Pending, func(s *Status) { waitingCanary(s, rollout.Canary{Idle: true, PromotedAt: time.Unix(1, 0)}) }},
		"a canary waits beside a failed app": {FailedOut, func(s *Status) {
			waitingCanary(s, rollout.Canary{Idle: true})
			s.Apps = append(s.Apps, App{Name: "blog", Phase: rollout.Failed})
		}},
		"ops at work":                  {Pending, func(s *Status) { s.Busy = 1 }},
		"a newer target":               {Pending, func(s *Status) { s.Target.ID = "b" }},
		"refused":                      {Refused, func(s *Status) { s.SourceError = "bad" }},
		"on its way":                   {Pending, func(s *Status) { s.Apps[0].Phase = rollout.Progressing }},
		"not healthy yet":              {Pending, func(s *Status) { s.Apps[0].Health = Progressing }},
		"failed":                       {FailedOut, func(s *Status) { s.Apps[0].Phase = rollout.Failed }},
		"failed beside one on its way": {Pending, func(s *Status) { s.Apps[0].Phase = rollout.Failed; s.Apps = append(s.Apps, App{Name: "blog"}) }},
		"something to do":              {Pending, func(s *Status) { open(s, Change{Verdict: plan.Create, Host: "edge-1"}) }},
		"only on a host out of reach":  {Incomplete, func(s *Status) { s.Hosts[1].Reachable = false; open(s, Change{Verdict: plan.Blocked, Host: "edge-2"}) }},
		"no host while one is away":    {Incomplete, func(s *Status) { s.Hosts[1].Reachable = false; open(s, Change{Verdict: plan.Blocked}) }},
		"all is done, but a host is out of reach": {Incomplete, func(s *Status) { s.Hosts[1].Reachable, s.Hosts[1].Condition = false, model.Unreachable }},
		"a host that nobody has looked at yet":    {Pending, func(s *Status) { s.Hosts[1] = Host{Name: "edge-2", Error: model.NotReachedYet} }},
		"a host that was given up":                {Converged, func(s *Status) { s.Hosts[1].Reachable, s.Hosts[1].Condition = false, model.Lost }},
		"a drained host that is switched off":     {Converged, func(s *Status) { s.Hosts[1].Reachable, s.Hosts[1].Drain = false, true }},
		"a host that is another by a second name": {Converged, func(s *Status) { s.Hosts[1].Reachable, s.Hosts[1].SameAs = false, "edge-1" }},
		"a host that is no longer declared":       {Converged, func(s *Status) { s.Hosts[1].Reachable, s.Hosts[1].Leaving = false, true }},
		"an app failed, and a host is out of reach": {FailedOut, func(s *Status) {
			s.Hosts[1].Reachable, s.Apps[0].Phase = false, rollout.Failed
		}},
		"a canary waits, and a host is out of reach": {Incomplete, func(s *Status) {
			s.Hosts[1].Reachable = false
			waitingCanary(s, rollout.Canary{Idle: true})
		}},
		"no host though all are there": {Incomplete, func(s *Status) { open(s, Change{Key: replica("web", "1"), Verdict: plan.Blocked}) }},
		"no host, which fails in time": {Pending, func(s *Status) {
			s.Apps[0].Phase = rollout.Progressing
			open(s, Change{Key: replica("web", "1"), Verdict: plan.Blocked})
		}},
		"removals that wait for people": {Incomplete, func(s *Status) { open(s, Change{Verdict: plan.Blocked, Removal: true, Host: "edge-1"}) }},
		"removals that policy keeps":    {Converged, func(s *Status) { open(s, Change{Verdict: plan.Blocked, Removal: true, Kept: true, Host: "edge-1"}) }},
		"a network that can't go": {Incomplete, func(s *Status) {
			open(s, Change{Key: plan.Key{Kind: plan.KindNetwork}, Verdict: plan.Remove, Removal: true, Host: "edge-1", Held: "next try in 4s after 2 tries: in use"})
		}},
		"a network that is about to go": {Pending, func(s *Status) {
			open(s, Change{Key: plan.Key{Kind: plan.KindNetwork}, Verdict: plan.Remove, Removal: true, Host: "edge-1"})
		}},
		"a neighbour that is on its way beside a host away": {Pending, func(s *Status) {
			s.Hosts[1].Reachable = false
			open(s, Change{Verdict: plan.Blocked, Host: "edge-2"})
			s.Apps[0].Services[0].Replicas = []Replica{{Host: "edge-1", Verdict: plan.Unchanged, Health: Progressing}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OutcomeOf(done(tc.change)); got != tc.want {
				t.Errorf("%s, expected %s", got, tc.want)
			}
		})
	}
}
