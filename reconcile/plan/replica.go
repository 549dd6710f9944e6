package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// replica decides about one slot: which of its containers is the one to keep,
// what that one still needs, and what becomes of the others.
func (p *planner) replica(s *model.Service, name, host string) Change {
	s = p.resolved(s, host)
	key := slot{s.App, s.Name, name}
	c := Change{Key: replicaKey(key), Host: host, Verdict: Unchanged}
	containers := sorted(p.slots[key])
	delete(p.slots, key)

	current, diff := p.current(s, host, containers)
	var old []*model.Container
	for _, o := range containers {
		if o != current {
			old = append(old, o)
			c.Old = append(c.Old, o.ID)
		}
	}
	if current != nil {
		c.Current = current.ID
	}
	if state := p.hosts[host]; state == nil || !state.Reachable {
		return p.unreachable(c, state)
	}
	if current == nil {
		p.renew(&c, s, old)
		return c
	}
	p.noteIgnored(current, s, diff)
	c.Ignored, c.Drift = diff.Ignored, slices.Concat(diff.Adjust, diff.Attach)
	if s.IsPod() {
		p.mendPod(&c, s, current, diff)
	} else {
		p.mend(&c, s, current, diff)
	}
	if len(old) > 0 && c.Verdict != Blocked {
		p.supersede(&c, s, old)
	}
	return c
}

// resolved is the service with the image that its reference means on the host,
// where that counts: a reference with a digest means the same everywhere.
func (p *planner) resolved(s *model.Service, host string) *model.Service {
	state := p.hosts[host]
	_, digest := model.SplitDigest(s.Container.Image)
	if state == nil || p.in.Rolling == nil || !p.in.Rolling(s.App) {
		return s
	}
	if s.IsPod() {
		return resolvedPod(s, state.Images)
	}
	if digest != "" {
		return s
	}
	key := resolution{s, state.Images[s.Container.Image]}
	if p.resolutions[key] == nil { // the replicas of a service share it
		exact := *s
		exact.Container.ImageID = key.imageID
		p.resolutions[key] = &exact
	}
	return p.resolutions[key]
}

// resolvedPod does it for each of a pod's containers.
func resolvedPod(s *model.Service, ids map[string]string) *model.Service {
	exact := *s
	exact.Members = slices.Clone(s.Members)
	for _, spec := range exact.Specs() {
		if _, digest := model.SplitDigest(spec.Image); digest == "" {
			spec.ImageID = ids[spec.Image]
		}
	}
	return &exact
}

// resolution is a service with one image of those that its reference means.
type resolution struct {
	service *model.Service
	imageID string
}

func (p *planner) unreachable(c Change, state *model.HostState) Change {
	c.Verdict = Blocked
	reason := fmt.Sprintf("host %q is unreachable", c.Host)
	if state != nil && state.Condition == model.Lost {
		reason = fmt.Sprintf("waits for host %q, which is lost", c.Host)
	}
	if state != nil && state.Error != "" {
		reason += ": " + state.Error
	}
	c.Reasons = []string{reason}
	return c
}

// current picks the container that is to stay: the right fingerprint, on the
// right host, nothing about it that only a new one could mend. Containers are
// sorted best first.
func (p *planner) current(s *model.Service, host string, containers []*model.Container) (*model.Container, Diff) {
	var unseen *model.Container
	for _, c := range containers {
		same := c.Owner.Fingerprint == s.Fingerprint
		switch {
		case c.Host != host || !p.comparable(s, c) || beyondHelp(c):
			continue
		case c.Spec == nil && same:
			return c, Diff{} // not inspected: judged by its label until it answers
		case c.Spec == nil && s.IsPod():
			continue // it has no main container yet, and needs none any more
		case c.Spec == nil:
			unseen = c
			continue
		}
		diff := p.compare(s, c)
		if len(diff.Replace) == 0 && (same || p.alike(s, c, diff)) {
			return c, diff
		}
	}
	return unseen, Diff{}
}

// alike says of a container with another fingerprint whether it is as asked for,
// as far as it counts.
func (p *planner) alike(s *model.Service, c *model.Container, diff Diff) bool {
	return c.Image != nil && evident(&s.Container, c.Spec) && len(p.unusual(c.Host, diff.Dropped)) == 0
}

// comparable says whether what a container differs in may be all that there is
// between it and its service: it was made as is asked for now. Where differences
// are ignored its fingerprint does not say so, as it is made of what was asked
// for, also of what does not count; there what the container really has decides.
func (p *planner) comparable(s *model.Service, c *model.Container) bool {
	if s.IsPod() != (len(c.Pod) > 0) { // also what is left of a pod whose holder has gone
		return false
	}
	return c.Owner.Fingerprint == s.Fingerprint || len(s.Ignore) > 0
}

// compare holds a container against its service.
func (p *planner) compare(s *model.Service, c *model.Container) Diff {
	diff := Terms{s.Ignore, p.networkNames}.Compare(&s.Container, c)
	if len(c.Pod) > 0 && c.Owner.Fingerprint != s.Fingerprint {
		diff.Replace = append(diff.Replace, initDifferences(s, c)...)
	}
	return diff
}

// beyondHelp says whether the container can't be started again: it is on its way
// out of the engine, or the engine has lost track of it.
func beyondHelp(c *model.Container) bool {
	if len(c.Pod) > 0 {
		return beyondHelp(&c.Pod[0]) // the others can be made anew
	}
	return c.State == model.StateDead || c.State == model.StateRemoving || c.Wedged
}

func sorted(containers []*model.Container) []*model.Container {
	slices.SortFunc(containers, compareContainers)
	return containers
}

// compareContainers sorts a slot's containers: healthy before running before
// the rest, then the longest running, then by id.
func compareContainers(a, b *model.Container) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
}

func rank(c *model.Container) int {
	switch {
	case c.State == model.StateRunning && c.Health != model.HealthUnhealthy && c.Health != model.HealthStarting:
		return 0
	case c.Running():
		return 1
	case c.State == model.StateCreated:
		return 2
	}
	return 3
}

// mend adds what the container that stays needs to be right.
func (p *planner) mend(c *Change, s *model.Service, current *model.Container, diff Diff) {
	if current.Spec == nil && current.AtWork {
		c.Reasons = []string{"is being worked on"}
		return
	}
	if current.Spec == nil {
		c.Verdict, c.Reasons = Blocked, []string{"container " + current.Name + " can't be inspected: " + orUnknown(current.InspectError)}
		return
	}
	target := targetOf(current)
	add := func(reason string, ops ...model.Op) {
		c.Verdict = Update
		c.Reasons = append(c.Reasons, reason)
		for _, op := range ops {
			c.Steps = append(c.Steps, Step{Op: op})
		}
	}
	if current.Owner.Name != current.Name {
		add(fmt.Sprintf("was renamed to %q", current.Name), model.RenameContainer{Target: target})
	}
	if len(diff.Adjust) > 0 {
		add(join(diff.Adjust), model.UpdateContainer{Target: target, Adjustable: diff.Adjusted})
	}
	if len(diff.Attach) > 0 {
		add(join(diff.Attach), attach(target, diff)...)
	}
	p.revive(s, current, add)
	if reason := p.lacking(s, c.Host); reason != "" && len(diff.Connect) > 0 {
		c.Verdict, c.Reasons, c.Steps = Blocked, []string{reason}, nil
	}
}

// attach gets a container onto the networks that it is to be on. What it is on
// with other aliases it leaves first.
func attach(target model.Target, diff Diff) []model.Op {
	var ops []model.Op
	for _, network := range diff.Disconnect {
		ops = append(ops, model.DisconnectNetwork{Target: target, Network: network})
	}
	for _, a := range diff.Connect {
		ops = append(ops, model.ConnectNetwork{Target: target, Attachment: a})
	}
	return ops
}

// revive gets a container running that isn't.
func (p *planner) revive(s *model.Service, c *model.Container, add func(string, ...model.Op)) {
	target := targetOf(c)
	switch c.State {
	case model.StateCreated:
		ops := []model.Op{model.StartContainer{Target: target, Holds: s.Held()}}
		if len(s.Container.Files) > 0 {
			ops = []model.Op{model.CopyFiles{Target: target, Files: s.Container.Files}, ops[0]}
		}
		add("created and not started", ops...)
	case model.StateExited:
		add(Ended(c), model.StartContainer{Target: target, Holds: s.Held()})
	case model.StatePaused:
		add("is paused", model.UnpauseContainer{Target: target})
	case model.StateRunning:
		switch {
		case c.Health == model.HealthUnhealthy:
			add(Unhealthy(c), model.StopContainer{Target: target, Grace: s.Container.StopGrace}, model.StartContainer{Target: target, Holds: s.Held()})
		case c.Unchecked:
			add(unchecked, model.ResumeHealthCheck{Target: target})
		}
	}
}

const unchecked = "its engine was restarted and runs its health check no more"

// Ended says how a container that does not run came to its end.
func Ended(c *model.Container) string {
	reason := blamed(c) + "exited with code " + strconv.Itoa(c.ExitCode)
	if c.OOMKilled {
		reason += " (out of memory)"
	}
	if c.Error != "" {
		reason += ": " + c.Error
	}
	return reason
}

// Unhealthy says what the health check of an unhealthy container printed last.
func Unhealthy(c *model.Container) string {
	if c.HealthOutput == "" {
		return blamed(c) + "unhealthy"
	}
	return blamed(c) + "unhealthy: " + c.HealthOutput
}

// blamed says of which container of a pod it is the state.
func blamed(c *model.Container) string {
	if c.Culprit == "" {
		return ""
	}
	return c.Culprit + " "
}

// targetOf names a live container with the preconditions for touching it.
func targetOf(c *model.Container) model.Target {
	return model.Target{Host: c.Host, ID: c.ID, Name: c.Owner.Name, Owner: c.Owner.Owner, Fingerprint: c.Owner.Fingerprint}
}

func join(diffs []Difference) string {
	s := ""
	for i, d := range diffs {
		if i > 0 {
			s += "; "
		}
		s += d.String()
	}
	return s
}

func orUnknown(s string) string {
	if s == "" {
		return "no answer yet"
	}
	return s
}
