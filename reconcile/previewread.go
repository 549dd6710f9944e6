package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// previewsAtOnce is how many previews are rendered at the same time. A registry that
// a stranger names may never answer, which takes as long as registries are given.
const previewsAtOnce = 4

// previewReader renders previews whenever some are wanted, each by itself: one for
// which a registry has to be waited for holds up no other. It stands apart from what
// apps may have to go back to, which must not wait for a pull request.
type previewReader struct {
	*Controller
	loader  *manifest.Loader
	base    previewBase            // of those that are begun next
	busy    map[previewAt]struct{} // those that are being rendered
	done    chan previewDone
	reading chan struct{} // holds one thing while a pull request's manifests are in memory, which may be many
}

type previewDone struct {
	at previewAt
	previewRendering
}

func (c *Controller) followPreviews(ctx context.Context) {
	r := &previewReader{
		Controller: c, loader: manifest.NewLoader(c.cfg.Limits), busy: map[previewAt]struct{}{},
		done: make(chan previewDone, previewsAtOnce), reading: make(chan struct{}, 1),
	}
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.previews.wanted:
		case d := <-r.done:
			delete(r.busy, d.at)
			if ctx.Err() != nil {
				return
			}
			r.keep(d)
		}
		for _, of := range r.next() {
			at := previewAt{of.Name(), of.Head}
			r.busy[at] = struct{}{}
			all.Go(func() { r.done <- previewDone{at, r.renderOne(ctx, of)} })
		}
	}
}

// next are those to be begun now, as many as there is room for. Those that have never
// been read go first: nothing of them runs, and those that wait for a registry come
// back again and again.
func (r *previewReader) next() []previewOf {
	r.mu.Lock()
	id, unread := r.source.commit.ID, r.unreadPreviews(r.previews.admitted)
	unread = slices.DeleteFunc(unread, func(p Preview) bool { _, busy := r.busy[previewAt{p.Name(), p.Head}]; return busy })
	slices.SortStableFunc(unread, func(a, b Preview) int { return r.readBefore(&a) - r.readBefore(&b) })
	r.mu.Unlock()
	unread = unread[:min(len(unread), previewsAtOnce-len(r.busy))]
	switch {
	case len(unread) > 0 && (r.base.id != id || r.base.err != nil):
		r.base = r.readBase(r.loader, id)
	case len(unread)+len(r.busy) == 0:
		r.base = previewBase{} // a branch may have many manifests
	}
	var next []previewOf
	for i := range unread {
		next = append(next, previewOf{r.base, &unread[i]})
	}
	return next
}

func (r *previewReader) readBefore(p *Preview) int {
	if _, before := r.previews.rendered[previewAt{p.Name(), p.Head}]; before {
		return 1
	}
	return 0
}

// keep takes over what came of rendering one.
func (r *previewReader) keep(d previewDone) {
	r.mu.Lock()
	if before := r.previews.rendered[d.at]; d.unread != "" && before.app != nil {
		d.app, d.blobs, d.key = before.app, before.blobs, before.key // it runs on until it can be read again
	}
	r.previews.rendered[d.at] = d.previewRendering
	r.forgetRenderings()
	r.mu.Unlock()
	poke(r.render) // which also keeps the commits readable
	r.askAgain()
	r.Wake()
}

// forgetRenderings drops those that nobody needs any more.
func (c *Controller) forgetRenderings() {
	needed := map[previewAt]bool{}
	for i := range c.previews.list {
		p := &c.previews.list[i]
		needed[previewAt{p.Name(), p.Head}], needed[previewAt{p.Name(), p.Accepted}] = true, true
	}
	maps.DeleteFunc(c.previews.rendered, func(at previewAt, _ previewRendering) bool { return !needed[at] })
}

// rereadPreviews has those rendered again that could not be.
func (c *Controller) rereadPreviews() {
	again := false
	for at, r := range c.previews.rendered {
		if r.unread != "" || r.app != nil && r.app.Unresolved != "" {
			r.base, again = "", true
			c.previews.rendered[at] = r
		}
	}
	if again {
		poke(c.previews.wanted)
	}
}

// previewHeads are the commits that have to stay readable, of those that could be
// read.
func (c *Controller) previewHeads() []string {
	var heads []string
	for i := range c.previews.list {
		p := &c.previews.list[i]
		for _, head := range []string{p.Head, p.Accepted} {
			if r, known := c.previews.rendered[previewAt{p.Name(), head}]; known && r.unread == "" {
				heads = append(heads, head)
			}
		}
	}
	return heads
}

// previewBase is the branch's commit that previews are held against, or why it can't
// be read. It is read once for all of them: a branch may have many manifests.
type previewBase struct {
	id  string
	set *manifest.Set
	err error
}

func (c *Controller) readBase(loader *manifest.Loader, id string) previewBase {
	set, err := c.load(loader, id)
	if err != nil {
		err = errors.New("the branch can't be read: " + err.Error()) // and no fault of a pull request's
	}
	return previewBase{id, set, err}
}

// previewOf is a preview and what it is held against.
type previewOf struct {
	base previewBase
	*Preview
}

// renderOne makes of a pull request's commit what runs of it.
func (r *previewReader) renderOne(ctx context.Context, of previewOf) previewRendering {
	out := previewRendering{base: of.base.id}
	d, err := r.build(ctx, of)
	var wrong manifest.Errors
	var no refusedPreview
	switch {
	case errors.As(err, &no):
		out.refused = no.Error()
	case errors.As(err, &wrong), errors.Is(err, manifest.ErrNoManifests):
		out.refused = fmt.Sprintf("the manifests of the pull request are not good: %v", err)
	case err != nil:
		out.unread = err.Error()
	default:
		out.app, out.blobs, out.key = &d.Apps[0], d.Blobs, d.DigestKey
	}
	return out
}

// refusedPreview is an error that only another commit ends.
type refusedPreview struct{ error }

func (r *previewReader) build(ctx context.Context, of previewOf) (*model.Desired, error) {
	head, err := r.cfg.Source.Resolve(ctx, of.Head)
	if err != nil {
		return nil, err
	}
	if of.base.err != nil {
		return nil, of.base.err
	}
	set, err := r.documents(ctx, of, head.ID)
	if err != nil {
		return nil, err
	}
	secrets, err := openSecrets(r.cfg.Secrets, set, r.cfg.Owner)
	if err != nil {
		return nil, errors.New(err.Error()) // the branch's secrets, and no fault of the pull request's
	}
	o := BuildOptions{Commit: head, Owner: r.cfg.Owner, Registries: r.cfg.Registries, Recorded: r.recordedImages(head.ID)}
	d, err := desired.Build(set, desired.Options{
		Owner: o.Owner, Revision: head.ID, Secrets: secrets, Images: o.images(ctx, set, secrets), Preview: strconv.Itoa(of.Number),
	})
	if err != nil {
		return nil, refusedPreview{err}
	}
	if err := smallPreview(d.Apps, len(of.base.set.Hosts)); err != nil {
		return nil, refusedPreview{err}
	}
	o.platforms(ctx, &d, desired.PullSecrets(set, secrets))
	d.Apps[0].Author, d.Apps[0].Subject = head.Author, head.Subject
	return &d, nil
}

// documents are those of a preview. The pull request's manifests are read whole for
// that, those of one at a time.
func (r *previewReader) documents(ctx context.Context, of previewOf, revision string) (*manifest.Set, error) {
	select {
	case r.reading <- struct{}{}:
		defer func() { <-r.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	theirs, err := r.load(r.loader, revision)
	if err != nil {
		return nil, err
	}
	if broken := policy.Check(of.base.set.Policies, preview.Own(theirs, of.App)); len(broken) > 0 {
		return nil, refusedPreview{errors.New("it breaks policies of the branch: " + strings.ReplaceAll(violationLines(broken), "\n", "; "))}
	}
	set, err := preview.Documents(of.base.set, theirs, of.Preview)
	if err != nil {
		return nil, refusedPreview{err}
	}
	return set, nil
}

// maxPreviewReplicas is what one preview may have of all services together: a
// stranger may have written any number, and the hosts are everybody's.
const maxPreviewReplicas = 200

func smallPreview(apps []model.App, hosts int) error {
	if n := replicasOf(apps, hosts); n > maxPreviewReplicas {
		return fmt.Errorf("it asks for %d replicas, and a preview has at most %d; lower previews.overrides.replicas on the branch, or set it, which holds for services of mode global too", n, maxPreviewReplicas)
	}
	return nil
}

func (c *Controller) load(loader *manifest.Loader, revision string) (*manifest.Set, error) {
	tree, err := c.cfg.Source.Tree(revision, c.cfg.Path)
	if err != nil {
		return nil, err
	}
	return loader.Load(tree)
}
