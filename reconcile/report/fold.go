package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Input is what a status is folded from.
type Input struct {
	Now         time.Time
	Desired     *model.Desired // nil before the first good revision
	Live        *model.Live
	Plan        plan.Plan
	Rooms       []model.Room // how much of the hosts is set aside
	Rollout     rollout.Result
	Target      Revision
	Effective   Revision
	SourceError string
	FetchError  string
	Fetched     time.Time
	Busy        int
	Reverts     bool // somebody reverts in Git what apps went back from
	// Working are the replicas and runs that are being worked on, by host.
	Working map[string][]plan.Key
	// Previews is what was made of the pull requests.
	Previews []preview.Admission
}

// Fold makes the status.
func Fold(in Input) Status {
	s := Status{
		Time: in.Now, Target: in.Target, Effective: in.Effective, SourceError: in.SourceError, FetchError: in.FetchError, Fetched: in.Fetched,
		Busy: in.Busy, Sync: SyncUnknown, Health: Unknown, Apps: []App{}, Hosts: []Host{},
	}
	if in.Desired == nil {
		return s
	}
	s.Owner = in.Desired.Owner
	f := newFolder(&in)
	f.index()
	f.changes(&s)
	for i := range in.Desired.Apps {
		s.Apps = append(s.Apps, f.app(&in.Desired.Apps[i]))
	}
	f.goneApps(&s)
	for i := range in.Desired.Hosts {
		s.Hosts = append(s.Hosts, f.host(&in.Desired.Hosts[i]))
	}
	s.Hosts = append(s.Hosts, f.leaving()...)
	f.things(&s)
	s.Sync, s.Health = Synced, Healthy
	s.Previews = f.previews(&s)
	for _, a := range s.Apps {
		if a.Preview != "" {
			continue // what a pull request does is nothing to the branch
		}
		s.Sync, s.Health = worstSync(s.Sync, a.Sync), worst(s.Health, a.Health)
	}
	if in.FetchError != "" {
		s.Sync = SyncUnknown
	}
	if in.SourceError != "" {
		s.Sync = worstSync(s.Sync, OutOfSync)
	}
	return s
}

// changes sorts the plan's entries: what wants something, and every replica.
func (f *folder) changes(s *Status) {
	for i := range f.in.Plan.Changes {
		c := &f.in.Plan.Changes[i]
		change := Change{Key: c.Key, Host: c.Host, Verdict: c.Verdict, Reasons: c.Reasons, Held: f.in.Rollout.Held[c.Key], Removal: c.Removal, Kept: c.Kept, HeldBy: c.HeldBy, LeftAlone: c.LeftAlone, Drift: c.Drift, Ignored: c.Ignored}
		switch {
		case c.Verdict == plan.Unowned:
			s.Unowned = append(s.Unowned, change)
			continue
		case c.Orphaned:
			s.Orphaned = append(s.Orphaned, change)
			continue
		case c.Wanted():
			// That a run begins or an old one goes is no difference from Git.
			if f.dirty[c.Key.App] == nil && (c.Key.Kind != plan.KindRun || c.Removal) {
				f.dirty[c.Key.App] = c
			}
			s.Changes = append(s.Changes, change)
		case len(c.Ignored) > 0:
			s.Ignored = append(s.Ignored, change)
		}
		if c.Key.Kind == plan.KindReplica {
			name := [2]string{c.Key.App, c.Key.Service}
			f.replicas[name] = append(f.replicas[name], entry{f.replica(c, change.Held), c})
		}
	}
}

func (f *folder) replica(c *plan.Change, held string) Replica {
	r := Replica{App: c.Key.App, Service: c.Key.Service, Slot: c.Key.Slot, Host: c.Host, Verdict: c.Verdict, Health: Missing}
	if c.Verdict != plan.Unchanged {
		r.Reason = strings.Join(c.Reasons, "; ")
	}
	if held != "" && !strings.Contains(r.Reason, held) {
		r.Reason = strings.TrimPrefix(r.Reason+"; "+held, "; ")
	}
	if c.Stays != "" {
		r.Reason = strings.TrimPrefix(r.Reason+"; can't leave "+c.Host+": "+c.Stays, "; ")
	}
	live := f.containers[c.Current]
	if live == nil && len(c.Old) > 0 {
		live = f.containers[c.Old[0]]
	}
	if live == nil {
		if f.outOfSight(c.Host) {
			r.Health = Unknown
		}
		return r
	}
	f.perHost[live.Host]++
	r.Host, r.Container, r.ID, r.Revision = live.Host, live.Name, live.ID, live.Owner.Revision
	r.State, r.Restarts, r.Since = string(live.State), live.RestartCount, live.StartedAt
	if !live.Running() {
		r.Since = live.FinishedAt
	}
	if live.Spec != nil {
		r.Image = live.Spec.Image
	}
	r.Members = members(live)
	if main := live.Part(model.MainName); main != nil {
		r.Container, r.ID = main.Name, main.ID
	}
	r.Health = f.healthOf(live)
	if (r.Reason == "" || c.Stays != "") && r.Health == Degraded {
		r.Reason = strings.TrimSuffix(why(live)+"; "+r.Reason, "; ")
	}
	return r
}

// outOfSight says whether what is on a host, or for "" on any host, can't be
// seen: then nobody knows whether a replica is missing.
func (f *folder) outOfSight(host string) bool {
	if host != "" {
		h := f.hosts[host]
		return h == nil || !h.Reachable
	}
	for _, h := range f.hosts {
		if h.Reachable {
			return false
		}
	}
	return true
}

func (f *folder) healthOf(c *model.Container) Health {
	if h := f.hosts[c.Host]; h == nil || !h.Reachable {
		return Unknown
	}
	switch {
	case c.State == model.StateRunning && c.Health == model.HealthUnhealthy:
		return Degraded
	case c.State == model.StateRunning && c.Health == model.HealthStarting:
		return Progressing
	case c.State == model.StateRunning && c.StartedAt.IsZero():
		return Progressing // not inspected: nobody knows yet
	case c.State == model.StateRunning && c.Health == model.HealthNone && !c.RunFor(f.monitor(c), f.in.Now):
		return Progressing
	case c.State == model.StateRunning:
		return Healthy
	case c.State == model.StateCreated:
		return Progressing
	case c.State == model.StatePaused:
		return Suspended
	}
	return Degraded
}

// monitor is how long a container is watched before it counts as good.
func (f *folder) monitor(c *model.Container) time.Duration {
	if s := f.services[[2]string{c.Owner.App, c.Owner.Service}]; s != nil {
		return s.Update.Monitor
	}
	return 0
}

func why(c *model.Container) string {
	if c.State == model.StateRunning {
		return plan.Unhealthy(c)
	}
	return plan.Ended(c)
}

func (f *folder) app(app *model.App) App {
	r := f.in.Rollout.State.Records[app.Name]
	out := App{Name: app.Name, Sync: Synced, Health: Healthy, Phase: r.Phase, Revision: r.Revision, Since: r.StartedAt, Reason: r.Reason, Services: []Service{}, Preview: app.Preview}
	if !r.EndedAt.IsZero() {
		out.Since = r.EndedAt
	}
	if f.dirty[app.Name] != nil || r.Digest != app.Digest {
		out.Sync = OutOfSync
	}
	for i := range app.Services {
		s := f.service(&app.Services[i])
		out.Services = append(out.Services, s)
		out.Health = worst(out.Health, s.Health)
	}
	out.Unresolved = unresolved(app)
	for i := range app.Jobs {
		out.Jobs = append(out.Jobs, f.job(&app.Jobs[i]))
	}
	if r.Phase == rollout.Progressing {
		out.Health = worst(out.Health, Progressing)
	}
	if r.Phase == rollout.Failed {
		out.Health = worst(out.Health, Degraded)
	}
	if r.Phase == rollout.Failed && r.Container != "" {
		out.Failure = &Failure{r.Service, r.Container, r.Host, r.Log}
	}
	out.WaitsFor = app.WaitsFor
	f.orders(&out, app)
	if canary, waits := f.in.Rollout.Canaries[app.Name]; waits {
		out.Canary = &canary
		if out.Reason == "" {
			out.Reason = canary.Text(app.Name)
		}
	}
	return out
}

// orders adds what the app is held to besides its rollout, and by whom.
func (f *folder) orders(out *App, app *model.App) {
	standing := f.in.Rollout.State.Standings[app.Name]
	out.Pin, out.Pause, out.Hold, out.Held = standing.Pin, standing.Pause, standing.Hold, app.Held
	if hold := standing.Hold; hold != nil && hold.Container != "" && out.Failure == nil {
		out.Failure = &Failure{hold.Service, hold.Container, hold.Host, hold.Log}
	}
	out.Stuck = app.Stuck
	if app.Held != nil {
		out.Sync = OutOfSync
	}
	reason := heldBecause(app)
	if app.Held != nil && app.Held.Kind == model.HeldRollback && standing.Hold != nil && standing.Hold.Revert && !f.in.Reverts {
		reason += "; nobody reverts it in Git: that takes a serve with a forge, or with --revert push"
	}
	switch {
	case reason != "" && out.Phase == rollout.Failed:
		out.Reason = reason + "; and that failed: " + out.Reason
	case reason != "":
		out.Reason = reason
	}
	if pause := standing.Pause; pause != nil && !strings.Contains(reason, rollout.PausedBecause(pause)) {
		out.Reason = strings.TrimPrefix(out.Reason+"; "+rollout.PausedBecause(pause), "; ")
	}
}

// unresolved says why the app is not at the branch's revision, when that is
// because nobody knows what its images are.
func unresolved(app *model.App) string {
	if app.Held != nil && app.Held.Kind == model.HeldUnresolved {
		return app.Held.Reason
	}
	return app.Unresolved
}

// heldBecause says why an app is not simply on its way to what the branch says.
func heldBecause(app *model.App) string {
	waits := func(held *model.Held) string { return "revision " + short(held.Revision) + " waits" }
	switch held := app.Held; {
	case app.Frozen != "":
		return app.Frozen
	case held == nil && app.Waits != "":
		return app.Waits
	case held == nil:
		return ""
	case held.Kind == model.HeldRollback:
		return "held: " + held.Why()
	case held.Kind == model.HeldPin:
		return fmt.Sprintf("held at %s: %s; `tallyman resume %s` lets go", short(app.Revision), held.Reason, app.Name)
	default:
		return waits(held) + ": " + held.Reason
	}
}

// service folds the replicas of one service. What serves as asked for or still
// as before counts as ready.
func (f *folder) service(s *model.Service) Service {
	out := Service{App: s.App, Name: s.Name, Image: s.Container.Image, Mode: s.Mode, Sync: Synced, Health: Healthy, Replicas: []Replica{}}
	for _, r := range f.replicas[[2]string{s.App, s.Name}] {
		out.Replicas = append(out.Replicas, r.Replica)
		if r.Verdict != plan.Unchanged {
			out.Sync = OutOfSync
		}
		if r.change.Removal {
			continue
		}
		out.Of++
		f.countReplica(&out, r.change)
		out.Health = worst(out.Health, r.Health)
		if out.Reason == "" && r.Health != Healthy {
			out.Reason = strings.TrimSuffix(s.Name+"-"+r.Slot+": "+r.Reason, ": ")
		}
	}
	if out.Reason == "" {
		out.Reason = f.stays(s)
	}
	return out
}

// stays says of a service that is well which of its replicas is where the manifests
// do not want it any more, the first of them, or "".
func (f *folder) stays(s *model.Service) string {
	first, more := "", 0
	for _, r := range f.replicas[[2]string{s.App, s.Name}] {
		switch {
		case r.change.Stays == "":
		case first == "":
			first = s.Name + "-" + r.Slot + ": " + r.Reason
		default:
			more++
		}
	}
	if more > 0 {
		first += fmt.Sprintf("; and %d more", more)
	}
	return first
}

// countReplica looks at all containers of the replica: while a new one starts,
// the old one may be serving.
func (f *folder) countReplica(out *Service, change *plan.Change) {
	current, old, ready := f.containers[change.Current], false, false
	for _, id := range change.Old {
		if c := f.containers[id]; c != nil && c.Running() {
			old, ready = true, ready || f.healthOf(c) == Healthy
		}
	}
	if current != nil && current.Running() {
		out.New++
		ready = ready || f.healthOf(current) == Healthy
	}
	if old {
		out.Old++
	}
	if ready {
		out.Ready++
	}
}

func (f *folder) host(h *model.Host) Host {
	out := Host{Name: h.Name, Endpoint: h.Endpoint, Schedulable: h.Schedulable, Drain: h.Drain, Pin: h.Pin, Replicas: f.perHost[h.Name], Error: model.NotReachedYet}
	if s := f.hosts[h.Name]; s != nil {
		out.Reachable, out.Error, out.Seen = s.Reachable, s.Error, s.At
		out.Condition, out.AwaySince, out.Withheld, out.SameAs = s.Condition, s.AwaySince, s.Withheld, s.SameAs
		out.Version, out.Arch, out.Memory = s.Info.Version, s.Info.Arch, s.Info.Memory
		out.CPUs, out.Pulls = float64(s.Info.NanoCPUs)/1e9, s.Pulls
	}
	if room := f.rooms[h.Name]; room != nil {
		out.Capacity, out.Reserved = amounts(room.Capacity.Resources), amounts(room.Reserved)
	}
	f.emptying(&out)
	return out
}

func worst(a, b Health) Health {
	ranks := []Health{Healthy, Suspended, Progressing, Missing, Degraded, Unknown}
	return ranks[max(slices.Index(ranks, a), slices.Index(ranks, b))]
}

func worstSync(a, b Sync) Sync {
	ranks := []Sync{Synced, OutOfSync, SyncUnknown}
	return ranks[max(slices.Index(ranks, a), slices.Index(ranks, b))]
}
