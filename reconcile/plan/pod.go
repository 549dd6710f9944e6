package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// raising brings a pod up, or puts it right: the steps for one container after
// the other, as far as can be told now. What has to wait for a container before
// it has the gate InTurn; in a later pass that container is seen to be ready.
// Nothing is remembered in between. That an init container has done its work is
// told by the container itself, and when it has gone, by a main container that
// was started.
//
// Whatever started before the holder did is on a network that is there no more,
// and is started again, init containers too: what they did to the network is
// gone.
type raising struct {
	*planner
	change *Change
	s      *model.Service
	live   *model.Container // the pod as it is; nil when nothing of it is there
	owner  model.Ownership  // of the holder
	up     *model.Container // the holder, if it runs
	gate   Gate
	halted map[string]bool // containers that these steps stop, by id
	broken bool            // something had run and does not
}

// mendPod adds what a pod that stays needs to be right.
func (p *planner) mendPod(c *Change, s *model.Service, live *model.Container, diff Diff) {
	if unseen := uninspected(live); unseen != nil {
		c.Reasons = []string{"is being worked on"}
		if !unseen.AtWork {
			c.Verdict, c.Reasons = Blocked, []string{"container " + unseen.Name + " can't be inspected: " + orUnknown(unseen.InspectError)}
		}
		return
	}
	r := &raising{planner: p, change: c, s: s, live: live, owner: live.Owner, halted: map[string]bool{}}
	r.rename()
	r.adjust(diff)
	r.raise()
	if len(c.Steps) == 0 {
		return
	}
	c.Verdict, c.Onward = Update, !r.broken && !r.begun()
	if reason := p.shortOf(s, c); reason != "" {
		c.Verdict, c.Reasons, c.Steps, c.Onward = Blocked, []string{reason}, nil, false
	}
}

// shortOf says what the change lacks for its steps.
func (p *planner) shortOf(s *model.Service, c *Change) string {
	needy := func(s Step) bool {
		switch s.Op.(type) {
		case model.CreateContainer, model.ConnectNetwork:
			return true
		}
		return false
	}
	if !slices.ContainsFunc(c.Steps, needy) {
		return ""
	}
	if reason := p.lacking(s, c.Host); reason != "" {
		return reason
	}
	return p.image(s, c.Host)
}

// uninspected is a container of the pod of which too little is known, or nil.
func uninspected(pod *model.Container) *model.Container {
	for i := range pod.Pod {
		if pod.Pod[i].Spec == nil {
			return &pod.Pod[i]
		}
	}
	return nil
}

func (r *raising) raise() {
	r.strays()
	r.holder()
	if !r.begun() {
		for _, m := range r.s.MembersOf(model.RoleInit) {
			r.prepare(m)
		}
	}
	for _, m := range r.s.MembersOf(model.RoleSidecar) {
		r.beside(m)
	}
	r.surplus()
	main := r.s.Main()
	r.bring(main, r.part(main.Name))
}

// part is the pod's container of that name, or nil.
func (r *raising) part(name string) *model.Container {
	if r.live == nil {
		return nil
	}
	return r.live.Part(name)
}

// begun says whether the main container was started on the network that is
// there now: then all that goes before it has happened.
func (r *raising) begun() bool {
	main := r.part(model.MainName)
	return main != nil && r.fresh(main)
}

// fresh says whether a container was started on the network that is there now.
func (r *raising) fresh(c *model.Container) bool {
	return r.up != nil && c.StartedOn(r.up)
}

func (r *raising) runs(c *model.Container) bool { return c.Running() && !r.halted[c.ID] }

func (r *raising) add(op model.Op) { r.change.Steps = append(r.change.Steps, Step{op, r.gate}) }

// note adds a reason, unless the change has its own: that of a pod which is made.
func (r *raising) note(reason string) {
	if r.live != nil {
		r.change.Reasons = append(r.change.Reasons, reason)
	}
}

// rename gives containers that somebody has renamed their names back.
func (r *raising) rename() {
	for i := range r.live.Pod {
		if c := &r.live.Pod[i]; c.Owner.Name != c.Name {
			r.note(fmt.Sprintf("%s was renamed to %q", c.Owner.Member, c.Name))
			r.add(model.RenameContainer{Target: targetOf(c)})
			r.broken = true
		}
	}
}

// adjust puts right in place what can be: networks are the holder's, limits each
// container's own.
func (r *raising) adjust(diff Diff) {
	if len(diff.Adjust) > 0 {
		r.note(join(diff.Adjust))
		r.add(model.UpdateContainer{Target: targetOf(r.part(model.MainName)), Adjustable: diff.Adjusted})
	}
	if len(diff.Attach) > 0 {
		r.note(join(diff.Attach))
		for _, op := range attach(targetOf(r.part(model.HolderName)), diff) {
			r.add(op)
		}
	}
}

// strays stops what runs on a network that is there no more.
func (r *raising) strays() {
	holder := r.part(model.HolderName)
	if holder == nil {
		return
	}
	if holder.State == model.StateRunning || holder.State == model.StatePaused {
		r.up = holder
	}
	for _, c := range slices.Backward(r.live.Pod[1:]) {
		if c.Running() && !r.fresh(&c) {
			if r.up != nil {
				r.note(c.Owner.Member + " is on a network that went with the holder's last run")
			}
			r.add(stop(&c))
			r.halted[c.ID], r.broken = true, true
		}
	}
}

// holder gets the container running that has the pod's network.
func (r *raising) holder() {
	m, c := r.s.Holder(), r.part(model.HolderName)
	switch {
	case c == nil:
		r.add(model.CreateContainer{Host: r.change.Host, Owner: r.owner, Spec: m.Container})
		r.add(model.StartContainer{Target: model.Target{Host: r.change.Host, Name: r.owner.Name, Owner: r.owner.Owner, Fingerprint: r.owner.Fingerprint}})
	case c.State == model.StateRestarting:
		r.note("the engine restarts its holder")
		r.gate, r.broken = InTurn, true
	default:
		r.bring(m, c)
	}
}

// prepare gets an init container to do its work. What comes after it waits.
func (r *raising) prepare(m model.Member) {
	c := r.part(m.Name)
	switch {
	case c != nil && c.State == model.StateExited && c.ExitCode == 0 && c.Error == "" && r.fresh(c):
		return
	case c != nil && r.runs(c) && c.State == model.StateRunning:
		r.note("init container " + m.Name + " runs")
	case c != nil && c.State == model.StateExited && c.ExitCode == 0 && c.Error == "":
		r.add(model.StartContainer{Target: targetOf(c), Holds: r.holds(&m)}) // again, on the network that there is now
	default:
		r.bring(m, c)
	}
	r.gate = InTurn
}

// beside gets a sidecar running. One that is not as asked for any more makes way
// where it is: its pod and its address stay. In a pod that is brought up, what
// comes after it waits until it is ready.
func (r *raising) beside(m model.Member) {
	current, old := r.sidecar(m)
	if current == nil && len(old) > 0 {
		r.note(join(memberDiff(&m, old[0])))
	}
	if current != nil && current.State != model.StateCreated {
		if diff := Compare(&m.Container, current); len(diff.Adjust) > 0 {
			adjust := named(&m, diff.Adjust)
			r.note(join(adjust))
			r.change.Drift = append(r.change.Drift, adjust...)
			r.add(model.UpdateContainer{Target: targetOf(current), Adjustable: diff.Adjusted})
		}
	}
	r.bring(m, current, old...)
	for _, o := range old {
		r.change.Swaps = append(r.change.Swaps, o.ID)
		r.add(model.RemoveContainer{Target: targetOf(o)})
	}
	if !r.begun() && (current == nil || current.State != model.StateRunning || r.halted[current.ID] || !well(current)) {
		if current != nil && r.runs(current) && current.Health == model.HealthStarting {
			r.note("sidecar " + m.Name + " is not healthy yet")
		}
		r.gate = InTurn
	}
}

func well(c *model.Container) bool {
	return c.Health == model.HealthNone || c.Health == model.HealthHealthy
}

// sidecar finds the container of a sidecar that is as asked for, and the others
// of its name.
func (r *raising) sidecar(m model.Member) (current *model.Container, old []*model.Container) {
	if r.live == nil {
		return nil, nil
	}
	for i := range r.live.Pod {
		c := &r.live.Pod[i]
		switch {
		case c.Owner.Member != m.Name:
		case current == nil && c.Owner.Role == m.Role && c.Owner.Fingerprint == m.Fingerprint && !beyondHelp(c) && (c.State == model.StateCreated || len(Compare(&m.Container, c).Replace) == 0):
			current = c
		default:
			old = append(old, c)
		}
	}
	return current, old
}

// surplus ends sidecars that nobody asks for any more.
func (r *raising) surplus() {
	if r.live == nil {
		return
	}
	for i := range r.live.Pod {
		c := &r.live.Pod[i]
		asked := slices.ContainsFunc(r.s.Members, func(m model.Member) bool { return m.Name == c.Owner.Member })
		if asked || c.Owner.Member == model.HolderName || c.Owner.Member == model.MainName {
			continue
		}
		r.note(c.Owner.Role + " " + c.Owner.Member + " is no longer in the manifest")
		r.change.Swaps = append(r.change.Swaps, c.ID)
		if r.runs(c) {
			r.add(stop(c))
		}
		r.add(model.RemoveContainer{Target: targetOf(c)})
	}
}

// bring gets one container running: it is made, or started again, or left alone.
// Those that it takes over from stop before.
func (r *raising) bring(m model.Member, c *model.Container, old ...*model.Container) {
	if c != nil && beyondHelp(c) {
		r.broken = true
		r.note(m.Name + " is " + string(c.State) + " and can't be started any more")
		c = nil
	}
	target := model.Target{}
	if c == nil {
		target = r.create(m)
	} else {
		target = targetOf(c)
	}
	unstarted := c == nil || c.State == model.StateCreated
	if unstarted && len(m.Container.Files) > 0 {
		r.add(model.CopyFiles{Target: target, Files: m.Container.Files})
	}
	for _, o := range old {
		if r.runs(o) {
			r.add(stop(o))
		}
	}
	start := model.StartContainer{Target: target, Holds: r.holds(&m)}
	switch {
	case unstarted:
		if c != nil {
			r.note(m.Name + " is created and not started")
		}
		r.add(start)
	case r.halted[c.ID]:
		r.add(start)
	case c.State == model.StatePaused:
		r.amiss(m, "is paused")
		r.add(model.UnpauseContainer{Target: target})
	case c.State == model.StateExited:
		r.amiss(m, Ended(c))
		r.add(start)
	case c.State == model.StateRunning && c.Health == model.HealthUnhealthy:
		r.amiss(m, Unhealthy(c))
		r.add(model.StopContainer{Target: target, Grace: m.Container.StopGrace})
		r.add(start)
	case c.State == model.StateRunning && c.Unchecked:
		r.note(m.Name + ": " + unchecked)
		r.add(model.ResumeHealthCheck{Target: target})
	}
}

func (r *raising) amiss(m model.Member, what string) {
	r.broken = true
	r.note(m.Name + " " + what)
}

// create makes a container of the pod. Its name is made from the pod's, from
// what it is for, and from what it is made of.
func (r *raising) create(m model.Member) model.Target {
	owner := r.owner
	owner.Role, owner.Member, owner.Fingerprint, owner.Revision = m.Role, m.Name, m.Fingerprint, r.revisions[r.s.App]
	owner.Reserve = model.Resources{} // the holder has that of all of them
	owner.Name = r.freeName(func(n int) string {
		return r.owner.Name + "-" + m.Name + "-" + model.Hash([]any{r.owner.Name, m.Name, m.Fingerprint, n})[:4]
	})
	if r.live != nil && r.part(m.Name) == nil {
		r.note(m.Name + " is missing")
	}
	spec := m.Container
	spec.ImageID = ""
	r.add(model.CreateContainer{Host: r.change.Host, Owner: owner, Spec: spec})
	return model.Target{Host: r.change.Host, Name: owner.Name, Owner: owner.Owner, Fingerprint: owner.Fingerprint}
}

// holds are the exclusive volumes that a container mounts.
func (r *raising) holds(m *model.Member) []string {
	var out []string
	for _, name := range r.s.Held() {
		if m.Container.MountsVolume(name) {
			out = append(out, name)
		}
	}
	return out
}
