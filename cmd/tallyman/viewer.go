package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// logLines is how much of a failed replica's log is shown.
const logLines = 10

// logTime bounds the reading of it.
const logTime = 10 * time.Second

// viewer shows how an apply goes on and what came of it.
type viewer struct {
	app      *app
	progress *report.Progress
	last     report.Status
	logs     func(context.Context, report.Replica, io.Writer) error
}

func (a *app) viewer(logs func(context.Context, report.Replica, io.Writer) error) *viewer {
	return &viewer{app: a, progress: report.NewProgress(a.out, a.style()), logs: logs}
}

func (v *viewer) show(s report.Status) error {
	v.last = s
	if v.app.wantsJSON() {
		return nil
	}
	return v.progress.Show(&s)
}

// failedApp is an app that could not be taken to the revision.
type failedApp struct {
	App    string `json:"app"`
	Reason string `json:"reason"`
	// RolledBackTo is the revision that the app went back to.
	RolledBackTo string   `json:"rolledBackTo,omitempty"`
	Host         string   `json:"host,omitempty"`
	Container    string   `json:"container,omitempty"`
	Log          []string `json:"log,omitempty"`
}

// applied is what -o json prints.
type applied struct {
	Outcome  report.Outcome `json:"outcome"`
	Failures []failedApp    `json:"failures,omitempty"`
	Status   report.Status  `json:"status"`
}

// finish says what came of it, and how the verb ends.
func (v *viewer) finish(ctx context.Context) error {
	result := applied{Outcome: report.OutcomeOf(&v.last), Status: v.last}
	if result.Outcome == report.FailedOut {
		result.Failures = v.failures(context.WithoutCancel(ctx))
	}
	if v.app.wantsJSON() {
		if err := printJSON(v.app.out, result); err != nil {
			return err
		}
	}
	switch result.Outcome {
	case report.Converged:
		v.say("converged: revision %s runs and is healthy\n", v.revision())
		return v.sayLost()
	case report.Waiting:
		v.sayCanaries()
		return nil
	case report.FailedOut:
		v.tell(result.Failures)
		return exitCode(exitFailed)
	case report.Refused:
		return errors.New(v.last.SourceError)
	case report.Incomplete:
		return v.unfinished("not complete: all is done that can be, and this is not")
	}
	return v.unfinished(v.why(ctx))
}

func (v *viewer) why(ctx context.Context) string {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "time ran out before it was done"
	case ctx.Err() != nil:
		return "interrupted; what was begun is taken up by the next apply or serve"
	}
	return "the controller ended before it was done"
}

func (v *viewer) say(format string, args ...any) {
	if !v.app.wantsJSON() {
		fmt.Fprintf(v.app.out, format, args...)
	}
}

// sayCanaries tells what is there already, and what lets the rest follow.
func (v *viewer) sayCanaries() {
	for i := range v.last.Apps {
		if a := &v.last.Apps[i]; a.Canary != nil {
			v.say("app %s: %s\n", a.Name, a.Canary.Text(a.Name))
		}
	}
}

// sayLost names the hosts that all was done without.
func (v *viewer) sayLost() error {
	if v.app.wantsJSON() {
		return nil
	}
	return report.LostText(v.app.out, &v.last)
}

func (v *viewer) revision() string {
	r := v.last.Target
	return strings.TrimSpace(fmt.Sprintf("%.8s %q", r.ID, r.Subject))
}

// unfinished is an error with what is still to be done below it.
func (v *viewer) unfinished(why string) error {
	var open bytes.Buffer
	if err := report.OpenText(&open, &v.last, report.Style{}); err != nil {
		return err
	}
	return errors.New(strings.TrimRight(why+"\n"+open.String(), "\n"))
}

// failures gathers what is known of each failed app.
func (v *viewer) failures(ctx context.Context) []failedApp {
	var failures []failedApp
	for i := range v.last.Apps {
		app := &v.last.Apps[i]
		back := app.Held != nil && app.Held.Kind == model.HeldRollback
		if app.Phase != rollout.Failed && !back || app.Preview != "" {
			continue
		}
		f := failedApp{App: app.Name, Reason: app.Reason}
		if back && app.Hold != nil && app.Phase == rollout.Complete {
			f.Reason, f.RolledBackTo = app.Hold.Reason, app.Hold.To
		}
		if app.Failure != nil {
			f.Host, f.Log = app.Failure.Host, report.LogLines(app.Failure.Log, logLines)
			v.addLog(ctx, &f, app.Failure.Container)
		}
		failures = append(failures, f)
	}
	return failures
}

// addLog adds the last lines of a container's log. Without them the failure is
// still worth telling.
func (v *viewer) addLog(ctx context.Context, f *failedApp, id string) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	for _, r := range report.Replicas(&v.last) {
		if r.ID != id {
			continue
		}
		f.Container = r.Container
		var log bytes.Buffer
		if err := v.logs(ctx, r, &log); err != nil {
			v.app.warn("%v", err)
			return
		}
		f.Log = report.LogLines(log.String(), logLines)
	}
}

func (v *viewer) tell(failures []failedApp) {
	for _, f := range failures {
		v.say("failed: app %s: %s\n", f.App, f.Reason)
		if len(f.Log) > 0 {
			v.say("last lines of %s on %s:\n", cmp.Or(f.Container, "the failed container, which is gone,"), f.Host)
		}
		for _, line := range f.Log {
			v.say("  | %s\n", line)
		}
	}
	next := "commit a fix, or git revert"
	for _, f := range failures {
		if f.RolledBackTo != "" {
			v.say("rolled back: app %s runs at revision %.8s, and is held there until its manifests change or you run `tallyman retry %s`\n", f.App, f.RolledBackTo, f.App)
		}
	}
	if slices.ContainsFunc(report.Services(&v.last), func(s report.Service) bool { return s.Old > 0 }) {
		next = "what served before still does; " + next
	}
	v.say("%s\n", next)
}
