package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

const (
	noPrivileged = `
apiVersion: tallyman/v1
kind: Policy
metadata: {name: no-privileged}
spec: {match: {kinds: [Service, Job]}, rules: [{assert: "containers.all(c, !c.privileged)", message: ask the platform team}]}
`
	fewRemovals = `
apiVersion: tallyman/v1
kind: Policy
metadata: {name: few-removals}
spec: {over: plan, rules: [{assert: plan.remove <= 1, message: at most one at a time}]}
`
)

// TestACommitThatBreaksAPolicyIsRefused as one whose manifests are not valid: what
// runs keeps running, and the status says what breaks which policy.
func TestACommitThatBreaksAPolicyIsRefused(t *testing.T) {
	simulate(t, 1, func(w *world) {
		files := map[string]string{"hosts.yaml": hostManifests(1), "policy.yaml": noPrivileged, "web.yaml": serviceManifest("web", "web:1", 2)}
		w.branch.commit(tree(files))
		w.converge()
		before := w.containers("web")
		files["web.yaml"] = serviceManifest("web", "web:2", 3, "privileged: true")
		w.branch.commit(tree(files))
		after(time.Minute)
		s := w.running.Status()
		if want := `web.yaml:1:1: Service "web" breaks policy "no-privileged": ask the platform team`; s.SourceError != want {
			t.Errorf("the status says %q, want %q", s.SourceError, want)
		}
		if got := w.containers("web"); len(got) != len(before) || s.Effective.ID == s.Target.ID {
			t.Errorf("%d containers run of %d, at %s", len(got), len(before), s.Effective.ID)
		}
		files["web.yaml"] = serviceManifest("web", "web:2", 3)
		w.branch.commit(tree(files))
		w.converge()
	})
}

// TestARequestHasToKeepTheRulesAboutPlans, which a controller that follows a branch
// does not ask about by itself.
func TestARequestHasToKeepTheRulesAboutPlans(t *testing.T) {
	simulate(t, 1, func(w *world) {
		files := map[string]string{
			"hosts.yaml": hostManifests(1), "policy.yaml": fewRemovals,
			"shop/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {sync: {auto: false}}\n",
			"shop/web.yaml": serviceManifest("web", "web:1", 4),
		}
		w.branch.commit(tree(files))
		if err := w.running.Apply(w.t.Context(), false); err != nil {
			t.Fatal(err)
		}
		w.converge()
		files["shop/web.yaml"] = serviceManifest("web", "web:1", 2)
		w.branch.commit(tree(files))
		after(time.Minute)
		err := w.running.Apply(w.t.Context(), true)
		if err == nil || !strings.Contains(err.Error(), `policy "few-removals": at most one at a time (plan: plan.remove <= 1)`) {
			t.Errorf("a request that removes two is answered %v", err)
		}
		after(time.Minute)
		if got := len(w.containers("web")); got != 4 {
			t.Errorf("%d containers are left of 4", got)
		}
		files["shop/web.yaml"] = serviceManifest("web", "web:1", 3)
		w.branch.commit(tree(files))
		if err := w.running.Apply(w.t.Context(), false); err != nil {
			t.Fatal(err)
		}
		w.converge()
		if got := len(w.containers("web")); got != 3 {
			t.Errorf("%d containers are left, want 3", got)
		}
	})
}

// TestApplyHasToKeepTheRulesAboutPlans before anything begins, also where the
// removals themselves are allowed.
func TestApplyHasToKeepTheRulesAboutPlans(t *testing.T) {
	simulate(t, 2, func(w *world) {
		files := map[string]string{"hosts.yaml": hostManifests(2), "policy.yaml": fewRemovals, "web.yaml": serviceManifest("web", "web:1", 3), "db.yaml": serviceManifest("db", "web:1", 1)}
		w.branch.commit(tree(files))
		w.converge()
		w.stop()
		files["web.yaml"] = serviceManifest("web", "web:2", 1)
		w.branch.commit(tree(files))
		w.manual = true
		w.start()
		after(time.Minute)
		s := w.running.Status()
		if report.OutcomeOf(&s) != report.Refused || !strings.Contains(s.SourceError, "and nothing of it was begun") || !strings.Contains(s.SourceError, `policy "few-removals"`) {
			t.Errorf("the outcome is %s: %s", report.OutcomeOf(&s), s.SourceError)
		}
		if got := len(w.containers("web")); got != 3 {
			t.Errorf("%d containers are left of 3", got)
		}
		w.stop()
		files["web.yaml"] = serviceManifest("web", "web:2", 2)
		w.branch.commit(tree(files))
		w.start()
		w.converge()
	})
}
