package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// appStatus is what `tallyman status -o json` says of an app, as far as the tests
// look at it.
type appStatus struct {
	Name, Sync, Health, Phase, Revision, Reason string
	Held                                        *struct{ Kind string }
	Services                                    []struct{ Name string }
}

// apps asks for the status of all apps, and for how much is being worked on.
func (w *world) apps() (apps map[string]appStatus, busy int) {
	w.t.Helper()
	var s struct {
		Apps []appStatus
		Busy int
	}
	if err := json.Unmarshal([]byte(w.expect(0, "status", "-o", "json")), &s); err != nil {
		w.t.Fatalf("read the status: %v", err)
	}
	apps = map[string]appStatus{}
	for _, a := range s.Apps {
		apps[a.Name] = a
	}
	return apps, s.Busy
}

// until waits for what the status says of an app.
func (w *world) until(app, what string, ok func(appStatus) bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(400 * time.Millisecond) {
		apps, busy := w.apps()
		if busy == 0 && ok(apps[app]) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %s for app %s: %s\nit is %+v\nlive containers:\n%s", patience, app, what, apps[app], list(w.live()))
		}
	}
}

// there says that an app runs as it is at a revision and is healthy; kind is what
// holds it there, "" when that is simply what the branch says.
func there(revision, kind string) func(appStatus) bool {
	return func(a appStatus) bool {
		held := ""
		if a.Held != nil {
			held = a.Held.Kind
		}
		return a.Phase == "complete" && a.Health == "Healthy" && a.Revision == revision && held == kind
	}
}

// history is the app's rollouts, oldest first: what came of which commit. It
// leaves out what differs from run to run, such as times.
func (w *world) history(app string) string {
	w.t.Helper()
	var records []struct{ Revision, RollbackOf, Because, Subject, Phase string }
	if err := json.Unmarshal([]byte(w.expect(0, "history", app, "-o", "json")), &records); err != nil {
		w.t.Fatalf("read the history: %v", err)
	}
	var lines []string
	for _, r := range records {
		line := fmt.Sprintf("%s: %s", r.Subject, r.Phase)
		if r.RollbackOf != "" {
			line += ", on the way back from " + w.git("log", "-1", "--format=%s", r.RollbackOf)
		}
		if strings.Contains(r.Because, "pinned") {
			line += ", pinned"
		}
		lines = append([]string{line}, lines...)
	}
	return strings.Join(lines, "\n")
}
