package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Registries say which digest an image reference stands for. For one revision
// they say the same each time, and ask once. An error with a method Refused that
// says true is a registry's own no; any other may be another one later.
type Registries interface {
	Digest(ctx context.Context, q ImageQuestion) (string, error)
	// Platforms are what an image is made for, as "linux/arm64", by a reference
	// with its digest; none when the registry does not know either.
	Platforms(ctx context.Context, q ImageQuestion) ([]string, error)
}

// ImageQuestion is a reference as an app declares it at a revision.
type ImageQuestion struct {
	Revision, App, Ref string
	// PullSecrets are the app's own Docker configurations, which go before the
	// installation's credentials.
	PullSecrets model.Unsealed
}

// RecordedImage is the digest that an app's reference had when a revision of
// the app was rolled out.
type RecordedImage struct{ Digest, Revision string }

const (
	// resolveTime bounds all questions of one revision together, and
	// resolveAtOnce how many are asked at the same time.
	resolveTime   = 30 * time.Second
	resolveAtOnce = 8
	// Where an app waits for a registry it is asked again, ever less often.
	firstAsk = 5 * time.Second
	lastAsk  = 5 * time.Minute
)

// images asks the registries what the references of a revision stand for. What
// was recorded for this very revision is not asked for again; what was recorded
// for another one stands in where a registry can't say.
func (o *BuildOptions) images(ctx context.Context, set *manifest.Set, secrets desired.Secrets) desired.Images {
	if o.Registries == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	keys, own := desired.UnresolvedImages(set), desired.PullSecrets(set, secrets)
	found := make([]desired.Image, len(keys))
	askAll(len(keys), func(i int) {
		found[i] = o.image(ctx, ImageQuestion{Revision: o.Commit.ID, App: keys[i].App, Ref: keys[i].Ref, PullSecrets: own[keys[i].App]})
	})
	images := make(desired.Images, len(keys))
	for i := range keys {
		images[keys[i]] = found[i]
	}
	return images
}

// askAll asks n questions, a few at the same time.
func askAll(n int, ask func(i int)) {
	slots := make(chan struct{}, resolveAtOnce)
	var wg sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ask(i)
		})
	}
	wg.Wait()
}

func (o *BuildOptions) image(ctx context.Context, q ImageQuestion) desired.Image {
	var recorded RecordedImage
	if o.Recorded != nil {
		recorded = o.Recorded(q.App, q.Ref)
	}
	if recorded.Digest != "" && recorded.Revision == q.Revision {
		return desired.Image{Digest: recorded.Digest}
	}
	digest, err := o.Registries.Digest(ctx, q)
	switch {
	case err == nil:
		return desired.Image{Digest: digest}
	case recorded.Digest != "" && refused(err):
		return desired.Image{Digest: recorded.Digest, Reason: fmt.Sprintf("%v; the digest recorded of revision %s is used", err, short(recorded.Revision))}
	case recorded.Digest != "":
		return desired.Image{Digest: recorded.Digest}
	}
	return desired.Image{Reason: err.Error()}
}

// refused says whether a registry gave an answer, which is no.
func refused(err error) bool {
	var answer interface{ Refused() bool }
	return errors.As(err, &answer) && answer.Refused()
}

// imagesOf are what a revision's images were resolved to.
func imagesOf(d *model.Desired) map[string]map[string]string {
	images := map[string]map[string]string{}
	for i := range d.Apps {
		if digests := d.Apps[i].Digests(); digests != nil {
			images[d.Apps[i].Name] = digests
		}
	}
	return images
}

// Recorded looks up what an app's reference was resolved to for a revision: what
// was found out when it was accepted, or when it was rolled out. For a revision
// that the app is held to, no other one's stands in.
func Recorded(accepted Accepted, s rollout.State, revision string) func(app, ref string) RecordedImage {
	return func(app, ref string) RecordedImage {
		if digest := accepted.Images[app][ref]; digest != "" && accepted.Revision == revision {
			return RecordedImage{digest, revision}
		}
		if digest, of := s.Image(app, ref, revision); digest != "" || s.HeldTo(app, revision) {
			return RecordedImage{digest, of}
		}
		return RecordedImage{accepted.Images[app][ref], accepted.Revision}
	}
}

// RecordedForPin looks up the same for a revision that an app is to be pinned to.
// Records are the app's rollouts, newest first.
func RecordedForPin(m Memory, app, revision string, records []rollout.Record) func(app, ref string) RecordedImage {
	s := m.State()
	return Recorded(m.Accepted, s.Pinned(app, revision, rollout.ImagesAt(records, revision)), revision)
}

func (c *Controller) recordedImages(revision string) func(app, ref string) RecordedImage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Recorded(c.source.accepted, c.memory, revision)
}

// asking is when the registries are asked again.
type asking struct {
	revision string
	tries    int
	due      time.Time
	timer    *time.Timer
	told     map[string]string // reasons, by app
}

// askAgain sets the time for the next question, if an app waits for an answer,
// and tells what has changed about that.
func (c *Controller) askAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := map[string]string{}
	if c.source.desired != nil {
		for i := range c.source.desired.Apps {
			if app := &c.source.desired.Apps[i]; app.Unresolved != "" {
				waiting[app.Name] = app.Unresolved
			}
		}
	}
	for rendering, r := range c.rendered {
		if r.App != nil && r.App.Unresolved != "" {
			waiting[rendering.App] = r.App.Unresolved
		}
	}
	for at, r := range c.previews.rendered {
		if r.unread != "" {
			waiting[at.name] = r.unread
		} else if r.app != nil && r.app.Unresolved != "" {
			waiting[at.name] = r.app.Unresolved
		}
	}
	c.tellWaiting(waiting)
	c.tellStale()
	if c.asking.timer != nil {
		c.asking.timer.Stop()
	}
	if len(waiting) == 0 {
		c.asking = asking{}
		return
	}
	if c.asking.revision != c.source.commit.ID {
		c.asking.revision, c.asking.tries, c.asking.due = c.source.commit.ID, 0, time.Time{}
	}
	if !time.Now().Before(c.asking.due) {
		c.asking.due = time.Now().Add(min(firstAsk<<min(c.asking.tries, 10), lastAsk))
		c.asking.tries++
	}
	c.asking.timer = time.AfterFunc(time.Until(c.asking.due), func() { poke(c.resolve) })
}

// tellWaiting tells of apps that begin to wait for a registry, each reason once.
func (c *Controller) tellWaiting(waiting map[string]string) {
	for _, app := range slices.Sorted(maps.Keys(waiting)) {
		if c.asking.told[app] != waiting[app] {
			c.event(Event{Kind: "failed", App: app, Text: "not rolled out, what runs keeps running: " + waiting[app]})
		}
	}
	c.asking.told = waiting
}

// tellStale tells of recorded digests that begin to stand in for what a registry
// does not give out, each reason once.
func (c *Controller) tellStale() {
	told := map[string]string{}
	if c.source.desired != nil {
		for i := range c.source.desired.Apps {
			app := &c.source.desired.Apps[i]
			if app.Stale == "" {
				continue
			}
			if told[app.Name] = app.Stale; c.stale[app.Name] != app.Stale {
				c.event(Event{Kind: "failed", App: app.Name, Text: app.Stale})
			}
		}
	}
	c.stale = told
}

// stopAsking ends the wait for the next question.
func (c *Controller) stopAsking() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking.timer != nil {
		c.asking.timer.Stop()
	}
}

// mustAsk says whether it is time to ask the registries again about the
// revision in force.
func (c *Controller) mustAsk() bool {
	return !c.asking.due.IsZero() && !time.Now().Before(c.asking.due)
}
