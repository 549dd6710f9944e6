package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Rendering names an app as it is at a revision.
type Rendering struct{ App, Revision string }

// Rendered is an app as it is at a revision, with the contents of its files.
type Rendered struct {
	App   *model.App // nil when the revision has no such app
	Blobs model.Blobs
	// DigestKey is the revision's, see model.Desired.
	DigestKey model.DigestKey
	Error     string // why the revision can't be read
}

// ChooseInput is all that the choice is made from.
type ChooseInput struct {
	// Target is what the branch says.
	Target *model.Desired
	// Renderings are those of other revisions that have been read.
	Renderings map[Rendering]Rendered
	State      State
	Now        time.Time
	// Manual says that a person asked for the target.
	Manual bool
	// Unordered leaves out that apps wait for each other: whoever looks at what a
	// commit changes does not ask when.
	Unordered bool
}

// Choice is what every app is held to.
type Choice struct {
	Desired *model.Desired
	State   State
	// Renderings are those that the choice needs, or may need soon.
	Renderings []Rendering
	// Wake is when another choice may fall if nothing happens before.
	Wake time.Time
}

// Choose says of each app which revision it is held to: the branch's, unless a
// person pinned another one, or what the branch says has failed before, or no
// rollout may begin at this time. It changes nothing of its input.
//
// An app for which the revision that it is to be held to has not been read is
// frozen: better to do nothing than the wrong thing.
func Choose(in ChooseInput) Choice {
	c := &chooser{in: &in, asked: map[string]bool{}}
	c.out.State = in.State.Clone()
	declared := map[string]bool{}
	for i := range in.Target.Apps {
		declared[in.Target.Apps[i].Name] = true
		c.app(&in.Target.Apps[i])
	}
	for _, name := range slices.Sorted(maps.Keys(c.out.State.Standings)) {
		if !declared[name] {
			c.gone(name)
		}
	}
	c.compose()
	return c.out
}

// chooser carries one choice.
type chooser struct {
	in     *ChooseInput
	out    Choice
	chosen map[string]model.App // apps that are not simply what the target says
	held   []Rendered           // of which these are made
	asked  map[string]bool      // apps for which it is chosen, or being chosen
}

// app chooses for an app that the target declares.
func (c *chooser) app(target *model.App) {
	if !c.first(target) {
		return
	}
	c.endPause(target.Name)
	if target.Preview != "" {
		c.preview(target)
		return
	}
	c.clearHold(target)
	standing, record := c.out.State.Standings[target.Name], c.in.State.Records[target.Name]
	switch {
	case standing.Pin != nil:
		c.hold(target, standing.Pin.Revision, standing.Pin.held())
	case standing.Hold != nil:
		reason := fmt.Sprintf("rolled back from %s: %s", short(standing.Hold.Revision), standing.Hold.Reason)
		c.hold(target, standing.Hold.To, model.Held{Kind: model.HeldRollback, Reason: reason, Waits: c.waitsBehind(standing.Hold, target)})
	default:
		c.follow(target, &record)
	}
	if good := standing.Good; good != nil && standing.Hold == nil && record.Phase == Progressing && good.Digest != target.Digest {
		c.read(Rendering{target.Name, good.Revision}) // it may be needed at any moment
	}
}

// preview lets a preview have its pull request's newest commit. It goes back to
// nothing: there the branch is not what it is held to.
func (c *chooser) preview(target *model.App) {
	if w := c.waits(target); w.kind != "" && c.in.State.Records[target.Name].Digest != target.Digest {
		app := *target
		app.Waits = w.reason
		c.choose(app)
	}
}

// endPause forgets a pause that has run out.
func (c *chooser) endPause(app string) {
	standing := c.out.State.Standings[app]
	if standing.Pause != nil && standing.Pause.ended(c.in.Now) {
		standing.Pause = nil
		c.out.State.stand(app, standing)
	}
}

// clearHold ends a hold when the branch has another rendering of the app, or
// other credentials for the image that could not be had. Where nobody knows its
// images, nobody knows that; and until another rendering may be rolled out,
// there is nothing better than the way back.
func (c *chooser) clearHold(target *model.App) {
	standing := c.out.State.Standings[target.Name]
	if standing.Hold == nil || target.Unresolved != "" || standing.Hold.Revision == target.Revision {
		return
	}
	if standing.Hold.Digest == target.Digest && !pullsOtherwise(standing.Hold.PulledWith, target) {
		return
	}
	if w := c.waits(target); w.kind != "" && c.in.State.Records[target.Name].Digest != target.Digest {
		return
	}
	standing.Hold = nil
	c.out.State.stand(target.Name, standing)
}

// waitsBehind is why what the branch says is not tried, where it is not, or may
// not be, what the hold is about.
func (c *chooser) waitsBehind(hold *Hold, target *model.App) string {
	if hold.Revision == target.Revision || hold.Digest == target.Digest && target.Unresolved == "" {
		return ""
	}
	return c.waits(target).reason
}

// follow lets the app have what the target says, if a rollout may begin. If not,
// it is held to what it was last rolled out to.
func (c *chooser) follow(target *model.App, record *Record) {
	w := c.waits(target)
	if w.kind == "" || record.Digest == target.Digest && !record.Gone && !record.anew(target) {
		return
	}
	if record.Revision == "" || record.Gone {
		app := *target
		app.Waits, app.WaitsFor = w.reason, w.before
		c.choose(app)
		return
	}
	c.hold(target, record.Revision, model.Held{Kind: w.kind, Reason: w.reason})
	if app, ok := c.chosen[target.Name]; ok && app.Frozen == "" {
		app.WaitsFor, app.DependsOn, app.Promotion = w.before, target.DependsOn, target.Promotion
		app.Digest = record.Digest // whatever a newer program makes of it, it is what was rolled out
		app.Sync = target.Sync     // a policy needs no rollout
		c.chosen[target.Name] = app
	}
}

// wait is why no rollout of an app may begin now; its kind is "" when one may.
type wait struct {
	kind, reason string
	before       string // the app that comes first
}

func (c *chooser) waits(target *model.App) wait {
	pause := c.out.State.Standings[target.Name].Pause
	switch unverified := c.in.Target.Unverified[target.Name]; {
	case unverified != "":
		return wait{kind: model.HeldUnverified, reason: unverified}
	case !pause.ended(c.in.Now):
		c.wakeAt(pause.Until)
		return wait{kind: model.HeldPause, reason: PausedBecause(pause)}
	case !target.Sync.Auto && !c.in.Manual:
		return wait{kind: model.HeldManual, reason: autoOff}
	case target.Unresolved != "":
		return wait{kind: model.HeldUnresolved, reason: target.Unresolved}
	}
	if reason := c.shut(target.Sync); reason != "" {
		return wait{kind: model.HeldWindow, reason: reason}
	}
	if before, reason := c.behind(target); before != "" {
		return wait{model.HeldBehind, reason, before}
	}
	return c.unproved(target)
}

// PausedBecause tells who paused an app, why and until when.
func PausedBecause(p *Pause) string {
	text := "paused " + byWhom(p.By, p.Reason)
	if !p.Until.IsZero() {
		text += ", until " + moment(p.Until, p.Since, p.Until)
	}
	return text
}

// PinnedBecause tells to what an app is pinned, by whom and why.
func PinnedBecause(p *Pin) string {
	return "pinned to " + short(p.Revision) + " " + byWhom(p.By, p.Reason)
}

func (p *Pin) held() model.Held {
	return model.Held{Kind: model.HeldPin, Reason: "pinned " + byWhom(p.By, p.Reason)}
}

func byWhom(who, why string) string {
	if who == "" {
		who = "somebody"
	}
	return strings.TrimSuffix("by "+who+": "+why, ": ")
}

// gone chooses for an app that no manifest of the target names: a pin, a pause or
// a window that its manifests declared last keeps it as it is.
func (c *chooser) gone(name string) {
	c.endPause(name)
	standing, record := c.out.State.Standings[name], c.in.State.Records[name]
	if record.Preview != "" {
		return // what a person ordered of a preview ends with it
	}
	app := &model.App{Name: name, Sync: record.Sync, Revision: c.in.Target.Revision}
	switch unverified := c.in.Target.Unverified[name]; {
	case standing.Pin != nil:
		c.hold(app, standing.Pin.Revision, standing.Pin.held())
	case unverified != "" && record.Revision != "":
		c.hold(app, record.Revision, model.Held{Kind: model.HeldUnverified, Reason: unverified})
	case !standing.Pause.ended(c.in.Now) && record.Revision != "":
		c.wakeAt(standing.Pause.Until)
		c.hold(app, record.Revision, model.Held{Kind: model.HeldPause, Reason: PausedBecause(standing.Pause)})
	case standing.Hold != nil:
		standing.Hold = nil
		c.out.State.stand(name, standing)
	}
	if reason := c.shut(record.Sync); reason != "" && c.chosen[name].Name == "" && record.Revision != "" && !record.Gone {
		c.hold(app, record.Revision, model.Held{Kind: model.HeldWindow, Reason: reason})
	}
}

// hold holds an app to another revision than the target.
func (c *chooser) hold(target *model.App, revision string, held model.Held) {
	held.Revision = target.Revision
	rendered, known := c.read(Rendering{target.Name, revision})
	if rendered.App != nil && rendered.App.Unresolved != "" {
		rendered = Rendered{Error: rendered.App.Unresolved}
	}
	if !known || rendered.App == nil {
		app := *target
		app.Held, app.Frozen, app.Stuck = &held, frozenBecause(revision, rendered, known), known
		c.choose(app)
		return
	}
	app := *rendered.App
	app.Held, app.PullSecrets = &held, pullSecrets(target, rendered.App)
	c.choose(app)
	c.held = append(c.held, rendered)
}

// pullSecrets are those of the target and then the rendering's own: what an app
// goes back to is pulled with the password of today.
func pullSecrets(target, rendered *model.App) []model.SecretRef {
	var out []model.SecretRef
	for _, ref := range slices.Concat(target.PullSecrets, rendered.PullSecrets) {
		if !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

func frozenBecause(revision string, r Rendered, known bool) string {
	switch {
	case !known:
		return fmt.Sprintf("revision %s is being read", short(revision))
	case r.Error != "":
		return fmt.Sprintf("held to revision %s, which can't be read: %s", short(revision), r.Error)
	}
	return fmt.Sprintf("held to revision %s, which has no such app", short(revision))
}

// read looks a rendering up, and asks for it.
func (c *chooser) read(r Rendering) (Rendered, bool) {
	c.out.Renderings = append(c.out.Renderings, r)
	rendered, known := c.in.Renderings[r]
	return rendered, known
}

func (c *chooser) choose(app model.App) {
	if c.chosen == nil {
		c.chosen = map[string]model.App{}
	}
	c.chosen[app.Name] = app
}

// compose puts the choices together. Where all follow the target, it is that.
func (c *chooser) compose() {
	hosts, pinned := c.pinHosts()
	if len(c.chosen) == 0 && !pinned {
		c.out.Desired = c.in.Target
		return
	}
	d := *c.in.Target
	d.Hosts = hosts
	d.Apps = slices.Clone(d.Apps)
	for i := range d.Apps {
		if app, ok := c.chosen[d.Apps[i].Name]; ok {
			d.Apps[i] = app
			delete(c.chosen, app.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.chosen)) {
		d.Apps = append(d.Apps, c.chosen[name])
	}
	slices.SortFunc(d.Apps, func(a, b model.App) int { return strings.Compare(a.Name, b.Name) })
	d.Blobs = maps.Clone(d.Blobs)
	if d.Blobs == nil {
		d.Blobs = model.Blobs{}
	}
	for _, r := range c.held {
		maps.Copy(d.Blobs, r.Blobs)
		if d.DigestKey == (model.DigestKey{}) {
			d.DigestKey = r.DigestKey // the branch has no secrets any more
		}
	}
	c.out.Desired = &d
}

func (c *chooser) wakeAt(t time.Time) {
	if t.After(c.in.Now) && (c.out.Wake.IsZero() || t.Before(c.out.Wake)) {
		c.out.Wake = t
	}
}

func short(revision string) string { return revision[:min(8, len(revision))] }
