package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// Preview is a pull request that is to run beside its app.
type Preview = preview.Preview

// previews is what the controller knows of them.
type previews struct {
	// list is the one that a forge gave last; nil when none ever has, as far as the
	// journal knows. Then nothing of any preview is begun, and nothing ends.
	list []Preview
	// rendered are previews at commits, as they would run.
	rendered map[previewAt]previewRendering
	wanted   chan struct{}
	told     map[string]string // states, by name
	admitted []preview.Admission
	composed composed
}

// previewAt is a preview at a commit of its pull request.
type previewAt struct{ name, head string }

// previewRendering is what came of reading one. Refused is the pull request's own
// fault, unread may be another one the next time.
type previewRendering struct {
	base            string // the branch's commit that it was held against
	app             *model.App
	blobs           model.Blobs
	key             model.DigestKey
	refused, unread string
}

// composed is what the branch asks for with the previews beside it, and what that
// was made from.
type composed struct {
	target  *model.Desired
	apps    []model.App
	kept    []string
	desired *model.Desired
}

// SetPreviews takes over the complete list of the pull requests that are open and
// have their app's label: who is in it runs, who is not is removed. As long as it is
// not called nothing changes, whatever becomes of the forge.
func (c *Controller) SetPreviews(list []Preview) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := preview.Renew(c.previews.list, list, time.Now())
	if c.previews.list != nil && slices.Equal(next, c.previews.list) {
		return
	}
	c.keepPreviews(next)
	c.Wake()
}

// Previews is the list that was taken over last, and what is remembered of it.
func (c *Controller) Previews() []Preview {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.previews.list)
}

// PreviewRules are those of the apps that have previews, by app: whoever asks a forge
// looks for their labels.
func (c *Controller) PreviewRules() map[string]model.Previews {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]model.Previews{}
	for app, rules := range previewRules(c.source.desired) {
		out[app] = *rules
	}
	return out
}

func previewRules(d *model.Desired) map[string]*model.Previews {
	rules := map[string]*model.Previews{}
	for i := 0; d != nil && i < len(d.Apps); i++ {
		if d.Apps[i].Previews != nil {
			rules[d.Apps[i].Name] = d.Apps[i].Previews
		}
	}
	return rules
}

func (c *Controller) keepPreviews(list []Preview) {
	c.previews.list = list
	c.journal("previews", func() error { return c.cfg.Journal.Previews(list) })
}

// withPreviews is what the branch asks for, with the previews that run now beside
// it. A person who asks for one revision gets that and nothing else.
func (c *Controller) withPreviews(now time.Time) (*model.Desired, time.Time) {
	target := c.source.desired
	if c.previews.list == nil || c.cfg.Manual {
		return target, time.Time{}
	}
	c.acceptPreviews()
	admitted, wake := preview.Admit(preview.AdmitInput{List: c.previews.list, Rules: previewRules(target), Refused: c.refusedPreviews(), Now: now})
	c.previews.admitted = admitted
	c.noteStarted(admitted)
	c.tellPreviews(admitted)
	if c.unreadPreviews(admitted) != nil {
		poke(c.previews.wanted)
	}
	return c.compose(target, admitted), wake
}

// acceptPreviews notes which commits can run, for the journal: one that can't
// leaves the last that could in force.
func (c *Controller) acceptPreviews() {
	var next []Preview
	for i := range c.previews.list {
		p := &c.previews.list[i]
		if r := c.previews.rendered[previewAt{p.Name(), p.Head}]; r.app != nil && p.Accepted != p.Head {
			if next == nil {
				next = slices.Clone(c.previews.list)
			}
			next[i].Accepted = p.Head
		}
	}
	if next != nil {
		c.keepPreviews(next)
	}
}

// noteStarted notes for the journal since when previews may run.
func (c *Controller) noteStarted(admitted []preview.Admission) {
	next := slices.Clone(c.previews.list)
	for i := range admitted { // in the order of the list
		next[i].Started = admitted[i].Started
	}
	if !slices.EqualFunc(next, c.previews.list, func(a, b Preview) bool { return a.Started.Equal(b.Started) }) {
		c.keepPreviews(next)
	}
}

// renderingOf is what runs of a preview: its newest commit or, while that can't run,
// the last one that could.
func (c *Controller) renderingOf(p *Preview) previewRendering {
	r := c.previews.rendered[previewAt{p.Name(), p.Head}]
	if r.app == nil && p.Accepted != "" && p.Accepted != p.Head {
		if before := c.previews.rendered[previewAt{p.Name(), p.Accepted}]; before.app != nil || before.refused == "" {
			return before
		}
	}
	return r
}

// refusedPreviews are those of which nothing can run, with why.
func (c *Controller) refusedPreviews() map[string]string {
	refused := map[string]string{}
	for i := range c.previews.list {
		p := &c.previews.list[i]
		if r := c.renderingOf(p); r.refused != "" {
			refused[p.Name()] = r.refused
		}
	}
	return refused
}

// unreadPreviews are the renderings that are still to be made, or to be made anew.
func (c *Controller) unreadPreviews(admitted []preview.Admission) []Preview {
	var unread []Preview
	for i := range admitted {
		p := admitted[i].Preview
		if admitted[i].State == preview.Expired || admitted[i].State == preview.Off {
			continue
		}
		for _, head := range slices.Compact([]string{p.Accepted, p.Head}) {
			r, known := c.previews.rendered[previewAt{p.Name(), head}]
			if head != "" && (!known || r.base != c.source.commit.ID) {
				p.Head = head
				unread = append(unread, p)
			}
		}
	}
	return unread
}

// compose puts the previews that run beside the target. The same things composed
// again are the same value: whoever compares it sees that nothing has changed.
func (c *Controller) compose(target *model.Desired, admitted []preview.Admission) *model.Desired {
	was := &c.previews.composed
	var apps []model.App
	blobs, key := maps.Clone(target.Blobs), target.DigestKey
	if blobs == nil {
		blobs = model.Blobs{}
	}
	for i := range admitted {
		p := &admitted[i]
		if p.State != preview.Running || declares(target, p.Name()) {
			continue
		}
		r := c.renderingOf(&p.Preview)
		app := model.App{Name: p.Name(), Preview: strconv.Itoa(p.Number), Sync: previewSync(), Frozen: frozenPreview(&r)}
		if r.app != nil {
			app = *r.app
			maps.Copy(blobs, r.blobs)
		}
		if key == (model.DigestKey{}) {
			key = r.key
		}
		apps = append(apps, app)
	}
	kept := keptPreviews(admitted)
	if was.target == target && samePreviews(was.apps, apps) && slices.Equal(was.kept, kept) {
		return was.desired
	}
	d := *target
	d.PreviewsKnown, d.PreviewsKept, d.Blobs, d.DigestKey = true, kept, blobs, key
	d.Apps = slices.SortedFunc(slices.Values(slices.Concat(target.Apps, apps)), func(a, b model.App) int { return strings.Compare(a.Name, b.Name) })
	*was = composed{target, apps, kept, &d}
	return &d
}

// keptPreviews are those that may run again without having been over.
func keptPreviews(admitted []preview.Admission) []string {
	var kept []string
	for i := range admitted {
		if p := &admitted[i]; p.State == preview.Queued || p.State == preview.Refused {
			kept = append(kept, p.Name())
		}
	}
	return kept
}

func declares(d *model.Desired, app string) bool {
	return slices.ContainsFunc(d.Apps, func(a model.App) bool { return a.Name == app })
}

func samePreviews(a, b []model.App) bool {
	return slices.EqualFunc(a, b, func(a, b model.App) bool {
		return a.Name == b.Name && a.Digest == b.Digest && a.Frozen == b.Frozen && a.Unresolved == b.Unresolved && a.Revision == b.Revision &&
			slices.Equal(a.PullSecrets, b.PullSecrets) // no part of the digest
	})
}

// previewSync is the policy of a preview before its manifests have been read: that
// of those.
func previewSync() model.Sync { return model.Sync{Auto: true, Prune: true, SelfHeal: true} }

func frozenPreview(r *previewRendering) string {
	if r.unread != "" {
		return "the pull request can't be read: " + r.unread
	}
	return "the pull request is being read"
}

// tellPreviews tells of previews of which something else has become.
func (c *Controller) tellPreviews(admitted []preview.Admission) {
	told := map[string]string{}
	for i := range admitted {
		a := &admitted[i]
		text := strings.TrimSuffix(fmt.Sprintf("preview %s: %s", a.State, a.Reason), ": ")
		if c.previews.told[a.Name()] != text {
			kind := "preview"
			if a.State == preview.Refused {
				kind = "refused"
			}
			c.event(Event{Kind: kind, App: a.Name(), Text: text})
		}
		told[a.Name()] = text
	}
	for name := range c.previews.told {
		if told[name] == "" {
			c.event(Event{Kind: "preview", App: name, Text: "preview over: its pull request is closed, merged or no longer labelled"})
		}
	}
	c.previews.told = told
}
