package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/preview"
)

// followPreviews renders previews whenever some are wanted. It stands apart from what
// apps may have to go back to, which must not wait for a pull request.
func (c *Controller) followPreviews(ctx context.Context) {
	loader := manifest.NewLoader(c.cfg.Limits)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.previews.wanted:
			c.renderPreviews(ctx, loader)
		}
	}
}

func (c *Controller) renderPreviews(ctx context.Context, loader *manifest.Loader) {
	c.mu.Lock()
	base, unread := c.source.commit, c.unreadPreviews(c.previews.admitted)
	c.mu.Unlock()
	if len(unread) == 0 {
		return
	}
	ground := c.readBase(loader, base.ID)
	fresh := map[previewAt]previewRendering{}
	for i := range unread {
		p := &unread[i]
		fresh[previewAt{p.Name(), p.Head}] = c.renderPreview(ctx, loader, previewOf{ground, p})
	}
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	for at, r := range fresh {
		if before := c.previews.rendered[at]; r.unread != "" && before.app != nil {
			r.app, r.blobs, r.key = before.app, before.blobs, before.key // it runs on until it can be read again
		}
		c.previews.rendered[at] = r
	}
	c.forgetRenderings()
	c.mu.Unlock()
	poke(c.render) // which also keeps the commits readable
	c.askAgain()
	c.Wake()
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

// renderPreview makes of a pull request's commit what runs of it.
func (c *Controller) renderPreview(ctx context.Context, loader *manifest.Loader, of previewOf) previewRendering {
	r := previewRendering{base: of.base.id}
	d, err := c.buildPreview(ctx, loader, of)
	var wrong manifest.Errors
	var no refusedPreview
	switch {
	case errors.As(err, &no):
		r.refused = no.Error()
	case errors.As(err, &wrong), errors.Is(err, manifest.ErrNoManifests):
		r.refused = fmt.Sprintf("the manifests of the pull request are not good: %v", err)
	case err != nil:
		r.unread = err.Error()
	default:
		r.app, r.blobs, r.key = &d.Apps[0], d.Blobs, d.DigestKey
	}
	return r
}

// refusedPreview is an error that only another commit ends.
type refusedPreview struct{ error }

func (c *Controller) buildPreview(ctx context.Context, loader *manifest.Loader, of previewOf) (*model.Desired, error) {
	head, err := c.cfg.Source.Resolve(ctx, of.Head)
	if err != nil {
		return nil, err
	}
	if of.base.err != nil {
		return nil, of.base.err
	}
	base := of.base.set
	theirs, err := c.load(loader, head.ID)
	if err != nil {
		return nil, err
	}
	if broken := policy.Check(base.Policies, preview.Own(theirs, of.App)); len(broken) > 0 {
		return nil, refusedPreview{errors.New("it breaks policies of the branch: " + strings.ReplaceAll(violationLines(broken), "\n", "; "))}
	}
	set, err := preview.Documents(base, theirs, of.Preview)
	if err != nil {
		return nil, refusedPreview{err}
	}
	secrets, err := openSecrets(c.cfg.Secrets, set, c.cfg.Owner)
	if err != nil {
		return nil, errors.New(err.Error()) // the branch's secrets, and no fault of the pull request's
	}
	o := BuildOptions{Commit: head, Owner: c.cfg.Owner, Registries: c.cfg.Registries, Recorded: c.recordedImages(head.ID)}
	d, err := desired.Build(set, desired.Options{
		Owner: o.Owner, Revision: head.ID, Secrets: secrets, Images: o.images(ctx, set, secrets), Preview: strconv.Itoa(of.Number),
	})
	if err != nil {
		return nil, refusedPreview{err}
	}
	if err := smallPreview(d.Apps, len(base.Hosts)); err != nil {
		return nil, refusedPreview{err}
	}
	o.platforms(ctx, &d, desired.PullSecrets(set, secrets))
	d.Apps[0].Author, d.Apps[0].Subject = head.Author, head.Subject
	return &d, nil
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
